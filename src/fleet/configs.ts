/**
 * The relay's copies of pushed configurations: a box that was off gets its own as soon as it reports. The relay checks signatures
 * too, so that nobody fills its disk; it cannot make one.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../log/log.ts";
import { messageOf } from "../platform/text.ts";
import { isSigned, readSigned, type SignedConfig } from "./signed.ts";

/** The newest configuration of each box. */
export class Configs {
  readonly #folder: string;
  readonly #key: string | undefined;
  readonly #log: Log;
  readonly #newest = new Map<string, SignedConfig>();

  /** Reads those in a folder. @param key the public key of the administrator; undefined: none is accepted. */
  constructor(folder: string, key: string | undefined, log: Log) {
    this.#folder = join(folder, "configs");
    this.#key = key;
    this.#log = log;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      for (const name of readdirSync(this.#folder)) if (/^\d+\.json$/.test(name)) this.#read(name);
    } catch (error) {
      log.error("The pushed configurations cannot be read: push them again", { why: messageOf(error) });
    }
  }

  /** Takes a configuration that the administrator sends. @returns why not, as a clause; undefined if it is kept. */
  take(given: unknown): string | undefined {
    const config = readSigned(given);
    if (!config) return "it is malformed";
    if (this.#key === undefined) return "relay.configKey is not configured";
    if (!isSigned(config, this.#key)) return "its signature is not that of relay.configKey";
    const before = this.#newest.get(config.desk);
    if (before && before.version >= config.version) {
      return before.version === config.version ? undefined : `version ${before.version} is newer`;
    }
    this.#newest.set(config.desk, config);
    this.#write(config);
    return undefined;
  }

  /** The newest configuration of a box. */
  of(desk: string): SignedConfig | undefined {
    return this.#newest.get(desk);
  }

  #read(name: string): void {
    try {
      const config = readSigned(JSON.parse(readFileSync(join(this.#folder, name), "utf8")));
      if (config && this.#key !== undefined && isSigned(config, this.#key)) this.#newest.set(config.desk, config);
    } catch (error) {
      this.#log.warning("A pushed configuration cannot be read", { file: name, why: messageOf(error) });
    }
  }

  /** Not synced, because a push to thousands of boxes would take minutes; the administrator has the originals. */
  #write(config: SignedConfig): void {
    const file = join(this.#folder, `${config.desk}.json`);
    try {
      writeFileSync(`${file}.new`, `${JSON.stringify(config)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      this.#log.rarely("configs").error("A pushed configuration cannot be kept: push it again after a restart of the relay", {
        why: messageOf(error),
      });
    }
  }
}
