/** `telesetd support [FILE]`: one file for a bug report. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../../platform/text.ts";
import { version } from "../../version.ts";
import type { Place } from "../ask.ts";
import type { Io } from "../io.ts";
import { Mask } from "./mask.ts";
import { collect, type Collected, type Part } from "./parts.ts";
import { knownIn } from "./known.ts";

/** Options of the command. */
export interface SupportOptions extends Place {
  /** Show customers' numbers, and the names of people. */
  readonly withNumbers?: boolean;
  /** Replace the file. */
  readonly force?: boolean;
}

/** Writes the bundle and lists what is in it. `file`: its path; `-` is the standard output. */
export async function support(file: string | undefined, options: SupportOptions, io: Io, now = new Date()): Promise<number> {
  const name = `telesetd-support-${now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}`;
  const path = file ?? `${name}.tar.gz`;
  const say = path === "-" ? io.err : io.out;
  io.err("Collecting: the doctor may take some seconds.\n");
  const collected = await collect(options, io);
  const files = masked(collected, options.withNumbers === true);
  const listing = listText(files, options.withNumbers === true);
  const inside = {
    "README.txt": `${about(now)}\n${listing}`,
    ...Object.fromEntries(files.flatMap(({ file, text }) => text === undefined ? [] : [[file, text]])),
  };
  const archive = new Bun.Archive(
    Object.fromEntries(Object.entries(inside).map(([file, text]) => [`${name}/${file}`, text])),
    { compress: "gzip" },
  );
  const bytes = await archive.bytes();
  const trouble = path === "-" ? printed(bytes) : written(path, bytes, options.force === true);
  if (trouble !== undefined) {
    io.err(`${trouble}\n`);
    return 1;
  }
  say(
    `${path === "-" ? "The bundle" : path} (${Math.ceil(bytes.length / 1024)} kB${
      path === "-" ? "" : ", mode 600"
    }) contains:\n${listing}`,
  );
  return 0;
}

/** A file of the bundle: its text, or why there is none. */
interface Shown extends Pick<Part, "file" | "about"> {
  readonly text?: string;
  readonly missing?: string;
}

function masked({ parts, secrets }: Collected, withNumbers: boolean): readonly Shown[] {
  const mask = new Mask(knownIn(parts, secrets), withNumbers);
  return parts.map(({ file, about, kind, content }) => {
    if ("missing" in content) return { file, about, missing: mask.text(content.missing) };
    if ("json" in content) return { file, about, text: `${JSON.stringify(mask.json(content.json), null, 2)}\n` };
    const by = { text: mask.text, log: mask.log, counters: mask.counters, plain: (text: string) => text }[kind];
    return { file, about, text: by.call(mask, content.text) };
  });
}

function about(now: Date): string {
  return `Made by telesetd support (telesetd ${version}) at ${now.toISOString()}.\n`;
}

function listText(files: readonly Shown[], withNumbers: boolean): string {
  const rows = files.map(({ file, about, missing }) =>
    `  ${file.padEnd(18)}${missing === undefined ? about : `MISSING (${about}): ${missing}`}\n`
  );
  const people = withNumbers
    ? "Secrets are hidden. Numbers and names of people ARE in it: pass it on only to those who may read them."
    : "Secrets are hidden. Of numbers only the last four digits are shown; agents are called agent-1, agent-2, ...; other names,\n" +
      "and the messages of the wires in the log, are omitted (--with-numbers includes them).";
  return `${rows.join("")}${people}\nHost names and addresses of the network are in it: read it before you pass it on.\n`;
}

/** Writes a file that only its owner can read. @returns a sentence if that fails. */
function written(path: string, bytes: Uint8Array, replace: boolean): string | undefined {
  const target = replace ? `${path}.new` : path;
  try {
    if (replace) rmSync(target, { force: true });
    writeFileSync(target, bytes, { mode: 0o600, flag: "wx" });
    if (replace) renameSync(target, path);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return `${path} exists: name another file, or replace it with --force.`;
    if (code === "ENOENT") return `Cannot write ${path}: its folder does not exist.`;
    if (code === "EACCES" || code === "EROFS") return `Cannot write ${path}: this user may not write there: name another file.`;
    return `Cannot write ${path}: ${messageOf(error)}`;
  }
}

function printed(bytes: Uint8Array): string | undefined {
  try {
    writeFileSync(1, bytes);
    return undefined;
  } catch (error) {
    return `Cannot write to the standard output: ${messageOf(error)}`;
  }
}
