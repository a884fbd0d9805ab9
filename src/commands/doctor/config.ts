/** The hop of the configuration: every error with its place, and who else can read its secrets. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { type Config, ConfigError } from "../../config.ts";
import { count, type Io, readConfig } from "../io.ts";
import type { Found } from "./hop.ts";

/** Where systemd keeps the credentials of the running service; only root may read them. */
const serviceCredentials = "/run/credentials/telesetd.service";

/** The surroundings to read the configuration in: run by hand there are no credentials, but root can read the service's. */
export function withCredentials({ environment }: Pick<Io, "environment">): Pick<Io, "environment"> {
  if (environment["CREDENTIALS_DIRECTORY"] !== undefined || !existsSync(serviceCredentials)) return { environment };
  return { environment: { ...environment, CREDENTIALS_DIRECTORY: serviceCredentials } };
}

/** Reads the configuration; what is wrong with it is the hop's finding. */
export function lookAtConfig(file: string, io: Pick<Io, "environment">): { readonly config?: Config; readonly found: Found } {
  let config: Config;
  try {
    config = readConfig(file, withCredentials(io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    const found: Found = {
      verdict: "failed",
      says: `${file} has ${count(problems.length, "error")}${problems.length === 1 ? `: ${problems[0]}` : ""}`,
      ...(problems.length === 1 ? {} : { details: problems }),
      next: nextFor(file),
    };
    return { found };
  }
  return { config, found: openToOthers(file) ?? { verdict: "good", says: `${file} is good: ${desksOf(config)}.` } };
}

/** What to do about a configuration that cannot be read, or is wrong. */
function nextFor(file: string): string {
  if (!existsSync(file)) return "Make it: telesetd setup.";
  try {
    accessSync(file, constants.R_OK);
  } catch {
    return "Run it as root: sudo telesetd doctor";
  }
  return "Correct the file, then: telesetd check; docs/configuration.md lists all keys.";
}

function desksOf({ desks, line }: Config): string {
  return `${desks.map(({ extension }) => `desk ${extension}`).join(", ")} by ${line.driver}`;
}

/** The configuration and the files of its secrets: whoever reads the switch's password has a shell on the switch. */
function openToOthers(file: string): Found | undefined {
  const open = [file, ...secretFiles(JSON.parse(readFileSync(file, "utf8")))].flatMap((each) => {
    const mode = statSync(each).mode & 0o777;
    return (mode & 0o077) === 0 ? [] : [{ each, mode: mode.toString(8) }];
  });
  const [first] = open;
  if (!first) return undefined;
  return {
    verdict: "warning",
    says: `Others than its owner can open ${
      open.map(({ each, mode }) => `${each} (mode ${mode})`).join(", ")
    }, with its secrets.`,
    next: `chmod 600 ${open.map(({ each }) => each).join(" ")}`,
  };
}

function secretFiles(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { file } = value as { file?: unknown };
  if (typeof file === "string" && Object.keys(value).length === 1) return [file];
  return Object.values(value).flatMap(secretFiles);
}
