/**
 * Puts a configuration in its place so that there is never half a one, whatever happens in between: `setup` and `provision`
 * use it. Whether it is right is decided before.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** What came of it. */
export interface Installed {
  /** Where the former configuration is kept; absent when there was none, or it was the same. */
  readonly backup?: string;
  /** Whether anything was changed: the same text is not written again. */
  readonly changed: boolean;
}

/**
 * Writes the text with mode 600 beside the place, syncs it, renames it into the place and syncs the folder: after a power cut
 * there is the old one or the new one. The old one stays as `FILE.1`, mode 600 too.
 * @throws Error of node:fs when a file or a folder cannot be written; then the old configuration stands.
 */
export function installConfig(file: string, text: string): Installed {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (isSame(file, text)) return { changed: false };
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeSynced(fresh, text);
    const backup = keepFormer(file);
    renameSync(fresh, file);
    syncFolder(folder);
    return { changed: true, ...(backup === undefined ? {} : { backup }) };
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** A configuration that others may read is written again, with its right mode. */
function isSame(file: string, text: string): boolean {
  return existsSync(file) && (statSync(file).mode & 0o777) === 0o600 && readFileSync(file, "utf8") === text;
}

function writeSynced(file: string, text: string): void {
  rmSync(file, { force: true });
  // Made with this mode: there is no moment in which others could open it.
  const handle = openSync(file, "wx", 0o600);
  try {
    for (let rest = Buffer.from(text); rest.length > 0;) rest = rest.subarray(writeSync(handle, rest));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** The former one gets a second name, so that it never stops to be in its place. */
function keepFormer(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const backup = `${file}.1`;
  rmSync(backup, { force: true });
  const mode = statSync(file).mode & 0o777;
  // A hard link would keep a mode that lets others read the password.
  if (mode === 0o600) linkSync(file, backup);
  else writeSynced(backup, readFileSync(file, "utf8"));
  return backup;
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
