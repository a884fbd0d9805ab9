/**
 * telesetd.json, and the secrets beside it, as they are found on a boot partition, where anybody may have written anything with
 * any editor: read without following links or waiting for pipes, and into words what is wrong. Whether it is a configuration
 * is decided later.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** A file that was found. */
export interface BootFile {
  readonly path: string;
  /** Which file it is, whatever path it was found by. */
  readonly id: string;
  /** What is in it, without a byte order mark; or what is wrong with it, in words. */
  readonly content: { readonly text: string; readonly hash: string } | { readonly trouble: string };
}

/** The longest file, in bytes: what systemd takes for a credential is 1 MiB, and no configuration is near it. */
const longest = 262_144;

/** Why a file is not opened. The first boot has none of root's rights: it reads what is root's, or everybody's. */
const closedFor: Readonly<Record<string, string>> = {
  ELOOP: "it is a symbolic link: expected the file itself",
  EACCES: "root may not read it: give it to root (chown root:root)",
};

/** Reads it; nothing when there is none. */
export function readBootFile(path: string): BootFile | undefined {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return { path, id: path, content: { trouble: closedFor[code] ?? `cannot read it: ${code}` } };
  }
  try {
    const stat = fstatSync(handle);
    const content = stat.isFile()
      ? contentOf(handle, stat.size)
      : { trouble: stat.isDirectory() ? "it is a folder: expected a file" : "it is no plain file" };
    return { path, id: `${stat.dev}:${stat.ino}`, content };
  } catch (error) {
    return { path, id: path, content: { trouble: `cannot read it: ${(error as NodeJS.ErrnoException).code}` } };
  } finally {
    closeSync(handle);
  }
}

function contentOf(handle: number, size: number): BootFile["content"] {
  if (size > longest) return { trouble: `it has ${size} bytes: expected at most ${longest}` };
  const bytes = Buffer.alloc(longest + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length <= longest; length += read) {
    read = readSync(handle, bytes, length, bytes.length - length, null);
  }
  return understood(bytes.subarray(0, length));
}

/** The bytes as text, or why they are none. */
export function understood(bytes: Uint8Array): BootFile["content"] {
  const [first, second, third] = bytes;
  if (bytes.length === 0) return { trouble: "it is empty" };
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { trouble: "it is saved as UTF-16 (in Notepad: Unicode): save it as UTF-8" };
  }
  const body = first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes;
  if (body.includes(0)) return { trouble: "it is no text: it has bytes that no text has" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    if (text.trim() === "") return { trouble: "it is empty" };
    return { text, hash: createHash("sha256").update(bytes).digest("hex") };
  } catch {
    return { trouble: "it is not saved as UTF-8: save it as UTF-8" };
  }
}

/** What is to be done with what was found. */
export type Choice =
  | { readonly todo: "nothing" }
  /** `also`: the same text a second time. */
  | {
    readonly todo: "install";
    readonly file: BootFile;
    readonly text: string;
    readonly hash: string;
    readonly also: readonly BootFile[];
  }
  | { readonly todo: "refuse"; readonly problems: readonly string[]; readonly files: readonly BootFile[] };

/** Chooses among the files that were found; two that differ are nobody's guess. */
export function choose(found: readonly BootFile[]): Choice {
  const files = found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index);
  const [first] = files;
  if (!first) return { todo: "nothing" };
  const troubles = files.flatMap(({ path, content }) => ("trouble" in content ? [`${path}: ${content.trouble}`] : []));
  if (troubles.length > 0 || "trouble" in first.content) return { todo: "refuse", problems: troubles, files };
  const { text, hash } = first.content;
  if (files.every(({ content }) => "hash" in content && content.hash === hash)) {
    return { todo: "install", file: first, text, hash, also: files.slice(1) };
  }
  const problem = `There are ${files.length} different ones: ${files.map(({ path }) => path).join(" and ")}: keep the right one`;
  return { todo: "refuse", problems: [problem], files };
}
