/** The surroundings of a command, which tests replace. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig } from "../config/schema.ts";
import { count } from "../core/count.ts";
import { localTime } from "../platform/local-time.ts";

/** The default path of the configuration. */
export const defaultConfig = "/etc/telesetd/config.json";

/** The default path of the configuration of a relay. */
export const defaultRelayConfig = "/etc/telesetd/relay.json";

/** The default folder of the keys of a fleet, on the administrator's machine. */
export const fleetFolder = "/etc/telesetd/fleet";

/** Where to look for telesetd.json. */
export const bootFolders = ["/boot/firmware", "/boot"] as const;

/** Output and environment. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether the output is a terminal. */
  readonly terminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads and checks a configuration file. Without systemd's credentials, as on the command line, credentials are read from the
 * folder `secrets` beside the file, where the service gets them from too.
 * @throws ConfigError with all errors.
 */
export function readConfig(file: string, { environment }: Pick<Io, "environment">): Config {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "this user may not read it" : code;
    throw new ConfigError([`cannot read it: ${what}`]);
  }
  const secrets = join(dirname(file), "secrets");
  return parseConfig(text, lineSchemas, existsSync(secrets) ? { CREDENTIALS_DIRECTORY: secrets, ...environment } : environment);
}

/** Where systemd keeps the credentials of the running service; only root may read them. */
const serviceCredentials = "/run/credentials/telesetd.service";

/**
 * The environment in which to read the configuration at this path, or one that will be written there. A command run by hand gets
 * no credentials from systemd: they are read from the folder `secrets` beside the file, from which the service gets them at its
 * next start; otherwise root reads those of the running service.
 */
export function withCredentials(
  file: string,
  { environment }: Pick<Io, "environment">,
  running: string = serviceCredentials,
): Pick<Io, "environment"> {
  if (environment["CREDENTIALS_DIRECTORY"] !== undefined) return { environment };
  const found = [join(dirname(file), "secrets"), running].find((folder) => existsSync(folder));
  return { environment: found === undefined ? environment : { ...environment, CREDENTIALS_DIRECTORY: found } };
}

/** The configuration, or exit code 2 after printing all its errors. */
export function configOr2(file: string, io: Io): Config | 2 {
  try {
    return readConfig(file, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.err(problemsText(original(file, io), error.placed));
    const advice = adviceForUnreadable(file);
    if (advice !== undefined) io.err(`  > ${advice}\n`);
    return 2;
  }
}

/** What to do about a configuration that cannot be read; undefined if it can. */
export function adviceForUnreadable(file: string): string | undefined {
  if (!existsSync(file)) return `Create it: telesetd setup${file === defaultConfig ? "" : ` --to ${file}`}`;
  return isUnreadable(file) ? "Run this as root, with sudo." : undefined;
}

/** Whether this user may not read the file. */
export function isUnreadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return false;
  } catch {
    return true;
  }
}

/** The path to show for a configuration: the service reads a copy of it, among its credentials. */
export function original(file: string, { environment }: Pick<Io, "environment">): string {
  const given = environment["CREDENTIALS_DIRECTORY"];
  return given !== undefined && file === join(given, "config.json") ? defaultConfig : file;
}

/** The errors of a file, one a line. */
export function problemsText(file: string, problems: readonly string[]): string {
  return `${file} has ${count(problems.length, "error")}:\n${problems.map((problem) => `  ${problem}\n`).join("")}`;
}

/** A time in the zone of the machine, or, for machines, in UTC (ISO 8601). */
export function timeText(at: string | number, utc = false): string {
  return utc ? new Date(at).toISOString() : localTime(new Date(at));
}
