/** The settings that the fleet pushes to this box, for `telesetd run`. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { type Config, fingerprint, parseConfig } from "../config/schema.ts";
import { Pushed } from "../fleet/pushed.ts";
import type { Log } from "../log/log.ts";
import { type Io, withCredentials } from "./io.ts";

/** The settings, with the fingerprint of the file that they are laid over. */
export class PushedConfig extends Pushed<Config> {
  readonly own: string;

  /** @param config the checked configuration of the file, which belongs to a fleet. */
  constructor(file: string, config: Config, io: Pick<Io, "environment">, log: Log) {
    const { environment } = withCredentials(file, io);
    super({
      // Beside the store, because the service may write nowhere else.
      file: join(dirname(config.store.path), "pushed.json"),
      key: config.fleet?.configKey,
      desk: config.desks[0]?.extension ?? "",
      own: readFileSync(file, "utf8"),
      parse: (text) => parseConfig(text, lineSchemas, environment),
      log,
    });
    this.own = fingerprint(config);
  }
}
