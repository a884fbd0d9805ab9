/** What a command has of the world around it, so that tests can give it another. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { type Config, ConfigError, parseConfig } from "../config/schema.ts";
import { count } from "../core/count.ts";

/** Where the configuration is, unless told otherwise. */
export const defaultConfig = "/etc/telesetd/config.json";

/** Output, and where it goes. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether a person watches. */
  readonly terminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads and checks a configuration file. Without systemd's credentials, as on the command line, a credential is what lies in
 * the folder `secrets` beside the file, from where the service gets it. @throws ConfigError with all that is wrong.
 */
export function readConfig(file: string, { environment }: Pick<Io, "environment">): Config {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? "there is no such file" : code === "EACCES" ? "it may not be read by this user" : code;
    throw new ConfigError([`cannot read it: ${what}`]);
  }
  const secrets = join(dirname(file), "secrets");
  return parseConfig(text, lineSchemas, existsSync(secrets) ? { CREDENTIALS_DIRECTORY: secrets, ...environment } : environment);
}

/** The configuration, or the exit code 2 after saying all that is wrong with it. */
export function configOr2(file: string, io: Io): Config | 2 {
  try {
    return readConfig(file, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.err(problemsText(original(file, io), error.placed));
    const next = nextForUnread(file);
    if (next !== undefined) io.err(`  > ${next}\n`);
    return 2;
  }
}

/** What to do about a configuration that cannot be read; nothing when it can be. */
function nextForUnread(file: string): string | undefined {
  if (!existsSync(file)) return `Make it: telesetd setup${file === defaultConfig ? "" : ` --to ${file}`}`;
  try {
    accessSync(file, constants.R_OK);
    return undefined;
  } catch {
    return "Run this as root, with sudo.";
  }
}

/** The name under which people know a configuration: the service reads copies of it, among its credentials. */
export function original(file: string, { environment }: Pick<Io, "environment">): string {
  const given = environment["CREDENTIALS_DIRECTORY"];
  return given !== undefined && file === join(given, "config.json") ? defaultConfig : file;
}

/** All that is wrong with a file, one error a line. */
export function problemsText(file: string, problems: readonly string[]): string {
  return `${file} has ${count(problems.length, "error")}:\n${problems.map((problem) => `  ${problem}\n`).join("")}`;
}
