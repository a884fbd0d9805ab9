/**
 * `telesetd provision`: telesetd.json from the boot partition becomes the configuration. For telesetd-firstboot.service, at
 * each boot that finds one. It never makes things worse: a file that is wrong leaves the old configuration in force, and what
 * is wrong is said on the screen, in `telesetd status`, and in a file beside it for who has only the card.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { type Choice, choose, readBootFile } from "../../config/boot-file.ts";
import { ConfigError, parseConfig, withSecretsFrom } from "../../config/schema.ts";
import { installConfig, type Installed, syncFolder } from "./install-config.ts";
import { count } from "../../core/count.ts";
import type { Io } from "../io.ts";

/** Where it looks and where it writes. */
export interface ProvisionOptions {
  /** The boot partitions. */
  readonly from: readonly string[];
  /** The configuration's place. */
  readonly to: string;
}

/** Where telesetd.json is looked for. */
export const bootFolders = ["/boot/firmware", "/boot"] as const;

const fileName = "telesetd.json";
/** What is wrong, on the boot partition. */
const errorsName = "telesetd-errors.txt";
/** What has become of the file, on the boot partition. */
const doneName = "telesetd-installed.txt";
/** Where `telesetd status` finds what was wrong. */
const errorsPlace = "/run/telesetd-firstboot";

/** Takes the file over. Exit codes: 0 done or nothing to do, 1 cannot write, 2 the file is wrong. */
export function provision({ from, to }: ProvisionOptions, io: Io): number {
  const choice = choose(from.flatMap((folder) => readBootFile(join(folder, fileName)) ?? []));
  if (choice.todo === "nothing") {
    const misnamed = from.flatMap((folder) => misnamedIn(folder).map((name) => join(folder, name)));
    if (misnamed.length > 0) return wrong(misnamed.map((path) => dirname(path)), misnamed.map(misnamedText), to, io);
    io.out(`There is no ${fileName} in ${from.join(" or ")}: nothing to do\n`);
    return good(from, io);
  }
  if (choice.todo === "refuse") return wrong(choice.files.map(({ path }) => dirname(path)), choice.problems, to, io);
  if (sourceOf(to) === choice.hash && existsSync(to)) {
    io.out(`${choice.file.path} is the one that was installed last: it is not installed again\n`);
    clear(choice, [], notAgain(to), io);
    return good(from, io);
  }
  return install(choice, to, from, io);
}

function install(choice: Extract<Choice, { todo: "install" }>, to: string, from: readonly string[], io: Io): number {
  const { file: { path }, text, hash } = choice;
  const folder = dirname(path);
  let ready: { text: string; files: readonly string[]; desks: string };
  try {
    ready = prepared(folder, text, to);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return wrong([folder], error.placed.map((problem) => `${path}: ${problem}`), to, io);
  }
  let installed: Installed;
  try {
    installed = installConfig(to, ready.text);
    writeFileSync(`${to}.source`, `${hash}\n`, { mode: 0o600 });
    syncFolder(dirname(to));
  } catch (error) {
    return wrong([folder], [`Cannot write ${to}: ${(error as NodeJS.ErrnoException).message}`], to, io, 1);
  }
  const kept = installed.backup === undefined ? "" : `; the former one is kept as ${installed.backup}`;
  io.out(`${path} is installed as ${to} (${ready.desks})${kept}\n`);
  clear(choice, ready.files, done(to), io);
  return good(from, io);
}

/** Names that Windows, which hides a name's end, and browsers make of telesetd.json. The unit looks for the same. */
function misnamedIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^telesetd( ?\(\d+\)| - .+)?(\.json)?\.(json|txt)$/i.test(name));
  } catch {
    return [];
  }
}

function misnamedText(path: string): string {
  const hidden = path.endsWith(".txt") ? " (Windows hides the end of a name: in Explorer, View, File name extensions)" : "";
  return `${path}: it is not named ${fileName}: rename it${hidden}`;
}

/** The text to install, once it has passed what `telesetd check` asks, on this box. @throws ConfigError */
function prepared(folder: string, text: string, to: string): { text: string; files: readonly string[]; desks: string } {
  const secrets = join(dirname(to), "secrets");
  const environment = existsSync(secrets) ? { CREDENTIALS_DIRECTORY: secrets } : {};
  const config = parseConfig(text, lineSchemas, environment, { folder, only: false, files: new Set() });
  const desks = config.desks.map(({ extension }) => `desk ${extension}`).join(", ");
  return { ...withSecretsFrom(folder, text, lineSchemas), desks };
}

/** Which file the configuration came from: a card that cannot be written keeps its file, which is not to be installed again. */
function sourceOf(to: string): string | undefined {
  try {
    return readFileSync(`${to}.source`, "utf8").trim();
  } catch {
    return undefined;
  }
}

/**
 * Takes the passwords off the card, where anybody can read them: those in files of their own first, because while
 * telesetd.json is there the next boot goes on with it.
 */
function clear({ file, also }: Extract<Choice, { todo: "install" }>, secrets: readonly string[], words: string, io: Io): void {
  let cleared = true;
  for (const path of [...secrets, ...also.map(({ path }) => path), file.path]) {
    try {
      rmSync(path, { force: true });
      syncFolder(dirname(path));
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code;
      io.err(`Cannot remove ${path} (${why}): remove it by hand, it may hold passwords; it is not installed again\n`);
      cleared = false;
    }
  }
  if (cleared) write(dirname(file.path), doneName, words, io);
}

/** Who has only the card finds there what has become of the file. */
function done(to: string): string {
  return `${fileName} is installed on the box as ${to}, and removed here, where anybody who holds the card could read its passwords.\n` +
    `To change the configuration put a whole new ${fileName} here and start the box again.\n`;
}

/** A card that has lost the removal, or somebody who wants this very file back: nothing tells the two apart. */
function notAgain(to: string): string {
  return `${fileName} was the very file that the box had installed last as ${to}: it is not installed again, over what may have\n` +
    `been changed on the box since, and removed here, where anybody who holds the card could read its passwords.\n` +
    `To have it installed all the same, change it (an empty line at its end is enough), put it here and start the box again.\n`;
}

/** Nothing is wrong: what was said before is taken back. */
function good(from: readonly string[], io: Io): 0 {
  const reports = [...from.map((folder) => join(folder, errorsName)), reportFile(io)];
  for (const report of reports) {
    try {
      rmSync(report, { force: true });
    } catch {
      // A card that cannot be written keeps it; the next words on the screen are right.
    }
  }
  return 0;
}

/** Says what is wrong everywhere that somebody may look. */
function wrong(folders: readonly string[], problems: readonly string[], to: string, io: Io, code: 1 | 2 = 2): 1 | 2 {
  const stays = existsSync(to) ? "The configuration that the box has stays in force." : "The box has no configuration yet.";
  const text = `${fileName} is not installed, it has ${count(problems.length, "error")}:\n` +
    problems.map((problem) => `  ${problem}\n`).join("") +
    `${stays} Put it right and start the box again.\n`;
  io.err(text);
  for (const folder of new Set(folders)) write(folder, errorsName, text, io);
  const report = reportFile(io);
  if (existsSync(dirname(report))) write(dirname(report), "errors.txt", text, io, "\n");
  return code;
}

/** A file for people, who may read it on Windows; written only when it says something new, for the card's sake. */
function write(folder: string, name: string, text: string, io: Io, end = "\r\n"): void {
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

/** What the last `provision` found wrong, for `telesetd status`; nothing when all was well. */
export function provisionTrouble(place: string = errorsPlace): string | undefined {
  try {
    return readFileSync(join(place, "errors.txt"), "utf8");
  } catch {
    return undefined;
  }
}
