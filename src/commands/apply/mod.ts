/** `telesetd apply`: checks a configuration, installs it and restarts the service with it. */
import { readFileSync } from "node:fs";
import type { Hop } from "../../../drivers/driver.ts";
import { lineSchemas } from "../../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig } from "../../config/schema.ts";
import { switchHops } from "../doctor/switch.ts";
import { type Io, problemsText, withCredentials } from "../io.ts";
import { makeChange } from "./change.ts";
import { type Service, serviceOf } from "./service.ts";

/** The options of `apply`. */
export interface ApplyOptions {
  /** The new configuration; default: the installed one, edited in place. */
  readonly from?: string | undefined;
  /** The installed configuration. */
  readonly config: string;
  /** Whether a service that does not run is started and enabled. */
  readonly start?: boolean;
}

/**
 * Exit codes: 0 the configuration is in force; 1 it is not, the old one is; 2 it has errors, nothing was changed.
 * @param probe tests the way to the phones with a configuration that is in force. A failure is only reported, because the switch
 *   may be down.
 */
export async function apply(
  { from, config: to, start = false }: ApplyOptions,
  io: Io,
  service: Service | undefined = serviceOf(to),
  probe: (config: Config) => Promise<readonly Hop[]> = (config) => Array.fromAsync(switchHops(config)),
): Promise<number> {
  const file = from ?? to;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT"
      ? "there is no such file"
      : code === "EACCES"
      ? "run this as root, with sudo"
      : code === "EISDIR"
      ? "it is a folder"
      : code;
    io.err(`Cannot read ${file}: ${why}. Nothing was changed.\n`);
    return 2;
  }
  let config: Config;
  try {
    config = parseConfig(text, lineSchemas, withCredentials(to, io).environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.err(`${problemsText(file, error.placed)}Nothing was changed.\n`);
    return 2;
  }
  const { done, problem } = await makeChange({ text, to, start }, io, service);
  for (const sentence of done) io.out(`${sentence}\n`);
  if (problem !== undefined) {
    io.err(`${problem}\n`);
    return 1;
  }
  if (await service?.state() === "active") io.err(failuresText(await probe(config), to));
  return 0;
}

function failuresText(hops: readonly Hop[], to: string): string {
  const failures = hops.filter(({ verdict }) => verdict === "failed").map(({ name, message }) => `  ${name}: ${message}\n`);
  if (failures.length === 0) return "";
  const back = `The configuration before is ${to}.1, if it was replaced: telesetd apply ${to}.1 returns to it.`;
  return `But the way to the phones does not work with it:\n${failures.join("")}  > telesetd doctor shows more. ${back}\n`;
}
