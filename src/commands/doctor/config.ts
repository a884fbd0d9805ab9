/** The hop of the configuration: every error with its line and column, and whether others can read its secrets. */
import { failed, type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError } from "../../config/schema.ts";
import { count } from "../../core/count.ts";
import { adviceForUnreadable, type Io, original, readConfig, withCredentials } from "../io.ts";
import { installTrouble } from "../install/mod.ts";
import { withDetails } from "./hop.ts";

/** Reads the configuration; its errors are the finding, and so are those of a file on the boot partition. */
export function checkConfig(
  file: string,
  io: Pick<Io, "environment">,
  onCard: string | undefined = installTrouble(),
): { readonly config?: Config; readonly finding: Finding } {
  const card = onCard === undefined ? [] : onCard.trimEnd().split("\n");
  let config: Config;
  try {
    config = readConfig(file, withCredentials(file, io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { placed: problems } = error;
    const [only] = problems.length === 1 ? problems : [];
    const message = `${original(file, io)} has ${count(problems.length, "error")}${only === undefined ? "" : `: ${only}`}`;
    const finding = failed(message, card.length > 0 ? adviceOnCard : adviceForUnreadable(file) ?? adviceInFile);
    return { finding: withDetails(finding, [...(only === undefined ? problems : []), ...card]) };
  }
  const message = `${original(file, io)} is valid: ${desksOf(config)}.`;
  // systemd guards the copy that it makes for the service, whose mode does not show that (systemd.exec(5): LoadCredential).
  const isCopy = original(file, io) !== file;
  const open = isCopy ? undefined : openToOthers(file, withCredentials(file, io).environment["CREDENTIALS_DIRECTORY"]);
  if (open !== undefined || card.length === 0) return { config, finding: open ?? good(message) };
  return { config, finding: withDetails(warning(`${message} A newer file has errors:`, adviceOnCard), card) };
}

const adviceOnCard = "Correct telesetd.json on the boot partition, or remove it there, and restart the box.";

const adviceInFile = "Correct the file, then run telesetd check; man telesetd.json lists all keys.";

function desksOf({ desks, line }: Config): string {
  return `${desks.map(({ extension }) => `desk ${extension}`).join(", ")}, driver ${line.driver}`;
}

/** Checks the configuration and the files of its secrets: a reader of the switch's password has a shell on the switch. */
function openToOthers(file: string, credentials: string | undefined): Finding | undefined {
  const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  const files = secretFiles(JSON.parse(text), credentials).filter((secret) => existsSync(secret));
  const open = [file, ...files].flatMap((path) => {
    const mode = statSync(path).mode & 0o777;
    return (mode & 0o077) === 0 ? [] : [{ path, mode: mode.toString(8) }];
  });
  const [first] = open;
  if (!first) return undefined;
  return warning(
    `Users other than the owner can read ${
      open.map(({ path, mode }) => `${path} (mode ${mode})`).join(", ")
    }, which has secrets.`,
    `chmod 600 ${open.map(({ path }) => path).join(" ")}`,
  );
}

/** The files that secrets refer to. */
function secretFiles(value: unknown, credentials: string | undefined): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { file, credential } = value as { file?: unknown; credential?: unknown };
  const only = Object.keys(value).length === 1;
  if (only && typeof file === "string") return [file];
  if (only && typeof credential === "string" && credentials !== undefined) return [join(credentials, credential)];
  return Object.values(value).flatMap((part) => secretFiles(part, credentials));
}
