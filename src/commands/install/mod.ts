/**
 * `telesetd install`: telesetd.json from the boot partition becomes the configuration. telesetd-firstboot.service runs it at
 * each boot that finds such a file. It never makes things worse: a file with errors leaves the old configuration in force. The
 * errors appear on the screen, in `telesetd status`, and in a file beside telesetd.json for readers who only have the card.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { type Choice, choose, readBootFile } from "../../config/boot-file.ts";
import { ConfigError, parseConfig, withSecretsFrom } from "../../config/schema.ts";
import { makeChange } from "../apply/change.ts";
import { syncFolder } from "../../platform/replace-file.ts";
import type { Service } from "../apply/service.ts";
import { count } from "../../core/count.ts";
import type { Io } from "../io.ts";

/** The folders to search and the file to write. */
export interface InstallOptions {
  /** The boot partitions. */
  readonly from: readonly string[];
  /** The configuration's place. */
  readonly to: string;
}

const fileName = "telesetd.json";
/** The report of errors, on the boot partition. */
const errorsName = "telesetd-errors.txt";
/** The report of an installation, on the boot partition. */
const installedName = "telesetd-installed.txt";
/** Where `telesetd status` finds the report of errors. */
const errorsPlace = "/run/telesetd-firstboot";

/** Exit codes: 0 the file is in force, or there is none; 1 it cannot be written, or the daemon ends with it; 2 it has errors. */
export async function install({ from, to }: InstallOptions, io: Io, service: Service | undefined): Promise<number> {
  const choice = choose(from.flatMap((folder) => readBootFile(join(folder, fileName)) ?? []));
  if (choice.todo === "nothing") {
    const misnamed = from.flatMap((folder) => misnamedIn(folder).map((name) => join(folder, name)));
    if (misnamed.length > 0) return reportErrors(misnamed.map((path) => dirname(path)), misnamed.map(misnamedText), to, io);
    io.out(`There is no ${fileName} in ${from.join(" or ")}: nothing to do\n`);
    return reportOk(from, io);
  }
  if (choice.todo === "refuse") return reportErrors(choice.files.map(({ path }) => dirname(path)), choice.problems, to, io);
  if (sourceOf(to) === choice.hash && existsSync(to)) {
    io.out(`${choice.file.path} was already installed and is not installed again\n`);
    removeFromCard(choice, [], alreadyInstalledNote(to), io);
    return reportOk(from, io);
  }
  return await installChosen(choice, { from, to }, io, service);
}

async function installChosen(
  choice: Extract<Choice, { todo: "install" }>,
  { from, to }: InstallOptions,
  io: Io,
  service: Service | undefined,
): Promise<number> {
  const { file: { path }, text, hash } = choice;
  const folder = dirname(path);
  let ready: { text: string; files: readonly string[]; desks: string };
  try {
    ready = prepared(folder, text, to);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return reportErrors([folder], error.placed.map((problem) => `${path}: ${problem}`), to, io);
  }
  // The administrator who put the file there expects telesetd to run with it, from now on.
  const { done, problem } = await makeChange({ text: ready.text, to, start: true }, io, service);
  if (problem !== undefined) return reportErrors([folder], [problem], to, io, 1);
  try {
    // Last: after a power cut in between, the next boot does it all again.
    writeFileSync(`${to}.source`, `${hash}\n`, { mode: 0o600 });
    syncFolder(dirname(to));
  } catch (error) {
    io.err(
      `Cannot write ${to}.source (${(error as NodeJS.ErrnoException).code}): a file that stays on the card is installed again\n`,
    );
  }
  io.out(`${path} is installed as ${to} (${ready.desks})\n${done.join("\n")}\n`);
  removeFromCard(choice, ready.files, installedNote(to), io);
  return reportOk(from, io);
}

/**
 * Names that Windows, which hides file name extensions, and browsers give to telesetd.json. The unit looks for the same names.
 */
function misnamedIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^telesetd( ?\(\d+\)| - .+)?(\.json)?\.(json|txt)$/i.test(name));
  } catch {
    return [];
  }
}

function misnamedText(path: string): string {
  const hidden = path.endsWith(".txt") ? " (Windows hides the extension: in Explorer, choose View, File name extensions)" : "";
  return `${path}: expected the name ${fileName}: rename the file${hidden}`;
}

/** The text to install, after the same checks as `telesetd check` on this box. @throws ConfigError */
function prepared(folder: string, text: string, to: string): { text: string; files: readonly string[]; desks: string } {
  const secrets = join(dirname(to), "secrets");
  const environment = existsSync(secrets) ? { CREDENTIALS_DIRECTORY: secrets } : {};
  const config = parseConfig(text, lineSchemas, environment, { folder, only: false, files: new Set() });
  const desks = config.desks.map(({ extension }) => `desk ${extension}`).join(", ");
  return { ...withSecretsFrom(folder, text, lineSchemas), desks };
}

/**
 * The hash of the file that the configuration came from; undefined when it is unknown. A card that cannot be written keeps its
 * file, which must not be installed again.
 */
function sourceOf(to: string): string | undefined {
  try {
    return readFileSync(`${to}.source`, "utf8").trim();
  } catch {
    return undefined;
  }
}

/**
 * Removes the passwords from the card, where anybody can read them. Secrets in separate files go first: as long as
 * telesetd.json is there, the next boot tries again.
 */
function removeFromCard(
  { file, also }: Extract<Choice, { todo: "install" }>,
  secrets: readonly string[],
  words: string,
  io: Io,
): void {
  let cleared = true;
  for (const path of [...secrets, ...also.map(({ path }) => path), file.path]) {
    try {
      rmSync(path, { force: true });
      syncFolder(dirname(path));
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code;
      io.err(`Cannot remove ${path} (${why}): remove it by hand, because it may contain passwords. It is not installed again.\n`);
      cleared = false;
    }
  }
  if (cleared) writeNote(dirname(file.path), installedName, words, io);
}

/** The text for readers who only have the card. */
function installedNote(to: string): string {
  return `${fileName} was installed on the box as ${to} and removed here, where anybody who holds the card could read its passwords.\n` +
    `To change the configuration, put a complete new ${fileName} here and restart the box.\n`;
}

/** The card may have lost the removal, or somebody may want this file again: the two cannot be distinguished. */
function alreadyInstalledNote(to: string): string {
  return `${fileName} was already installed on the box as ${to}. It is not installed again, because the configuration may have been\n` +
    `changed on the box since. It was removed here, where anybody who holds the card could read its passwords.\n` +
    `To install it anyway, change it (an empty line at the end is enough), put it here and restart the box.\n`;
}

/** Removes earlier reports of errors. */
function reportOk(from: readonly string[], io: Io): 0 {
  const reports = [...from.map((folder) => join(folder, errorsName)), reportFile(io)];
  for (const report of reports) {
    try {
      rmSync(report, { force: true });
    } catch {
      // A card that cannot be written keeps its report; the screen shows the current state.
    }
  }
  return 0;
}

/** Writes the errors to every place where somebody may look. */
function reportErrors(folders: readonly string[], problems: readonly string[], to: string, io: Io, code: 1 | 2 = 2): 1 | 2 {
  const stays = existsSync(to) ? "The current configuration stays in force." : "The box has no configuration yet.";
  const listed = problems.map((problem) => `  ${problem}\n`).join("");
  const text = code === 1
    ? `${fileName} is not in force:\n${listed}Correct the file and restart the box.\n`
    : `${fileName} was not installed: it has ${
      count(problems.length, "error")
    }:\n${listed}${stays} Correct the file and restart the box.\n`;
  io.err(text);
  for (const folder of new Set(folders)) writeNote(folder, errorsName, text, io);
  const report = reportFile(io);
  if (existsSync(dirname(report))) writeNote(dirname(report), "errors.txt", text, io, "\n");
  return code;
}

/** Writes a file for readers on Windows, only if its text changes, to spare the card. */
function writeNote(folder: string, name: string, text: string, io: Io, end = "\r\n"): void {
  const file = join(folder, name);
  const lines = text.replaceAll("\n", end);
  try {
    mkdirSync(folder, { recursive: true });
    if (existsSync(file) && readFileSync(file, "utf8") === lines) return;
    rmSync(file, { force: true });
    writeFileSync(file, lines, { flag: "wx", mode: 0o644 });
    syncFolder(folder);
  } catch (error) {
    io.err(`Cannot write ${file} (${(error as NodeJS.ErrnoException).code})\n`);
  }
}

function reportFile({ environment }: Pick<Io, "environment">): string {
  return join(environment["RUNTIME_DIRECTORY"] ?? errorsPlace, "errors.txt");
}

/** The errors that the last `install` found, for `telesetd status`; undefined when it found none. */
export function installTrouble(place: string = errorsPlace): string | undefined {
  try {
    return readFileSync(join(place, "errors.txt"), "utf8");
  } catch {
    return undefined;
  }
}
