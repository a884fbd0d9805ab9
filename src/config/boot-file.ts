/**
 * Reads telesetd.json, and the secrets beside it, from a boot partition, where anybody may have written anything with any
 * editor: without following links or waiting for pipes. The content is not interpreted here.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** A file on a boot partition. */
export interface BootFile {
  readonly path: string;
  /** Identifies the file, whichever path led to it. */
  readonly id: string;
  /** The text without a byte order mark and the SHA-256 of all bytes; or why the file cannot be used. */
  readonly content: { readonly text: string; readonly hash: string } | { readonly trouble: string };
}

/** The largest accepted file, in bytes. systemd accepts credentials up to 1 MiB, and configurations are much smaller. */
const maxFileBytes = 262_144;

/**
 * The reasons why a file cannot be opened. The first-boot unit has no capabilities: it reads files of root, or files that all
 * may read.
 */
const openErrors: Readonly<Record<string, string>> = {
  ELOOP: "it is a symbolic link: expected the file itself",
  EACCES: "root may not read it: make root its owner (chown root:root)",
};

/** Reads the file; undefined when there is none. */
export function readBootFile(path: string): BootFile | undefined {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    return { path, id: path, content: { trouble: openErrors[code] ?? `cannot read it: ${code}` } };
  }
  try {
    const stat = fstatSync(handle);
    const content = stat.isFile()
      ? contentOf(handle, stat.size)
      : { trouble: stat.isDirectory() ? "it is a folder: expected a file" : "it is not a regular file" };
    return { path, id: `${stat.dev}:${stat.ino}`, content };
  } catch (error) {
    return { path, id: path, content: { trouble: `cannot read it: ${(error as NodeJS.ErrnoException).code}` } };
  } finally {
    closeSync(handle);
  }
}

function contentOf(handle: number, size: number): BootFile["content"] {
  if (size > maxFileBytes) return { trouble: `it has ${size} bytes: expected at most ${maxFileBytes}` };
  const bytes = Buffer.alloc(maxFileBytes + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length <= maxFileBytes; length += read) {
    read = readSync(handle, bytes, length, bytes.length - length, null);
  }
  return decode(bytes.subarray(0, length));
}

/** Decodes the bytes, or says why they are not text. */
function decode(bytes: Uint8Array): BootFile["content"] {
  const [first, second, third] = bytes;
  if (bytes.length === 0) return { trouble: "it is empty" };
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { trouble: "it is saved as UTF-16 (in Notepad: Unicode): save it as UTF-8" };
  }
  const body = first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes;
  if (body.includes(0)) return { trouble: "it is not text: it contains zero bytes" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    if (text.trim() === "") return { trouble: "it is empty" };
    return { text, hash: createHash("sha256").update(bytes).digest("hex") };
  } catch {
    return { trouble: "it is not saved as UTF-8: save it as UTF-8" };
  }
}

/** What to do with the files. */
export type Choice =
  | { readonly todo: "nothing" }
  /** `also`: further files with the same text. */
  | {
    readonly todo: "install";
    readonly file: BootFile;
    readonly text: string;
    readonly hash: string;
    readonly also: readonly BootFile[];
  }
  | { readonly todo: "refuse"; readonly problems: readonly string[]; readonly files: readonly BootFile[] };

/** Chooses the file to install. Two files that differ are refused: there is no way to know which one is meant. */
export function choose(found: readonly BootFile[]): Choice {
  const files = found.filter(({ id }, index) => found.findIndex((file) => file.id === id) === index);
  const [first] = files;
  if (!first) return { todo: "nothing" };
  const troubles = files.flatMap(({ path, content }) => ("trouble" in content ? [`${path}: ${content.trouble}`] : []));
  if (troubles.length > 0 || "trouble" in first.content) return { todo: "refuse", problems: troubles, files };
  const { text, hash } = first.content;
  if (files.every(({ content }) => "hash" in content && content.hash === hash)) {
    return { todo: "install", file: first, text, hash, also: files.slice(1) };
  }
  const problem = `There are ${files.length} different files: ${files.map(({ path }) => path).join(" and ")}: keep the right one`;
  return { todo: "refuse", problems: [problem], files };
}
