/** Files that are never half written, whatever happens in between. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes the text to a temporary file with mode 600, syncs it, renames it to its final name and syncs the folder: after a power
 * cut the file is the old one or the new one. `before` is called before the old one is replaced.
 * @throws Error of node:fs; then the old file is unchanged.
 */
export function replaceFile(file: string, text: string, before: () => void = () => {}): void {
  const fresh = `${file}.new`;
  try {
    writeSynced(fresh, text);
    before();
    renameSync(fresh, file);
    syncFolder(dirname(file));
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Writes a file with mode 600, and syncs it. @throws Error of node:fs */
export function writeSynced(file: string, text: string): void {
  rmSync(file, { force: true });
  // Created with this mode, so that other users can never open it.
  const handle = openSync(file, "wx", 0o600);
  try {
    for (let rest = Buffer.from(text); rest.length > 0;) rest = rest.subarray(writeSync(handle, rest));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Syncs the folder, so that its changes survive a power cut. @throws Error of node:fs */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
