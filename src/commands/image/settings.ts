/**
 * `telesetd image settings`: writes the files below /run by which the system obeys `network`, `ntp` and `update` of the
 * configuration. Runs at each boot before the network, and after each change of the configuration. It never fails a boot: a
 * section with an error keeps the defaults of the image, and the error appears on the screen.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseImageSections } from "../../config/image.ts";
import { releaseIn } from "../../image/facts.ts";
import { filesFor, managedPaths, type SettingsFile, type TransferTemplate } from "../../image/settings.ts";
import { messageOf } from "../../platform/text.ts";
import { type Io, withCredentials } from "../io.ts";
import { notTheImage } from "./not-the-image.ts";

/** The places of the command; tests use their own root. */
export interface SettingsOptions {
  /** The configuration, below the root. */
  readonly config: string;
  readonly root: string;
}

/** The transfers of the image, with words for the settings. */
const templateFolder = "usr/share/telesetd/sysupdate";

/** Writes the files and says what is wrong. Exit code 0 in any case. */
export function writeSettings({ config, root }: SettingsOptions, io: Io): 0 {
  if (!releaseIn(root)) {
    io.out(notTheImage("network, ntp and update are not obeyed here"));
    return 0;
  }
  const problems: string[] = [];
  try {
    const text = textOrNone(join(root, config));
    const { environment } = withCredentials(join(root, config), io);
    const read = text === undefined ? { settings: {}, problems: [] } : parseImageSections(text, environment);
    problems.push(...read.problems);
    const transfers = templatesIn(join(root, templateFolder));
    const files = filesFor(withKnownZone(read.settings, root, problems), transfers);
    const wanted = new Set(files.map(({ path }) => path));
    for (const path of managedPaths(transfers)) if (!wanted.has(path)) rmSync(join(root, path), { force: true });
    for (const file of files) problems.push(...written(root, file));
    io.out(
      `${
        files.length === 0 ? "The network uses DHCP, and there are no updates" : files.map(({ path }) => `/${path}`).join("\n")
      }\n`,
    );
  } catch (error) {
    problems.push(messageOf(error));
  }
  for (const problem of problems) io.err(`${config}: ${problem}\n`);
  return 0;
}

function textOrNone(file: string): string | undefined {
  // A byte order mark is left by editors on Windows.
  return existsSync(file) ? readFileSync(file, "utf8").replace(/^\uFEFF/, "") : undefined;
}

function templatesIn(folder: string): readonly TransferTemplate[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".transfer")).toSorted()
    .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

/** systemd ignores a timer with a zone that it does not know: better an update at a wrong hour than none. */
function withKnownZone(
  settings: ReturnType<typeof parseImageSections>["settings"],
  root: string,
  problems: string[],
): ReturnType<typeof parseImageSections>["settings"] {
  const { update } = settings;
  const [time = "", zone] = update?.at.split(" ") ?? [];
  if (!update || zone === undefined || existsSync(join(root, "usr/share/zoneinfo", zone))) return settings;
  problems.push(`update.at is "${update.at}": this system does not know the zone ${zone}, and uses UTC`);
  return { ...settings, update: { ...update, at: time } };
}

/** Writes a file so that no reader sees half of it. @returns sentences about what went wrong. */
function written(root: string, { path, text, mode }: SettingsFile): string[] {
  const file = join(root, path);
  const fresh = join(dirname(file), `.${process.pid}.new`);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode, flag: "wx" });
    renameSync(fresh, file);
    return [];
  } catch (error) {
    return [`Cannot write ${file}: ${messageOf(error)}`];
  } finally {
    rmSync(fresh, { force: true });
  }
}
