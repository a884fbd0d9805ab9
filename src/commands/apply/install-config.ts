/** Writes a configuration so that the file is never missing or half written, whatever happens in between. */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { omitUndefined } from "../../core/omit-undefined.ts";
import { replaceFile, writeSynced } from "../../platform/replace-file.ts";

/** The result. */
export interface Installed {
  /** The copy of the old configuration; absent when there was none, or it was the same. */
  readonly backup?: string;
  /** Whether the file was written: the same text is not written again. */
  readonly changed: boolean;
}

/**
 * Writes the configuration with mode 600. The old one stays as `keepAs`, with mode 600 too.
 * @throws Error of node:fs when a file or a folder cannot be written; then the old configuration is unchanged.
 */
export function installConfig(file: string, text: string, keepAs = `${file}.1`): Installed {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  if (isSame(file, text)) return { changed: false };
  let backup: string | undefined;
  // Only after the new text is on the disk, so that a full disk does not cost the backup.
  replaceFile(file, text, () => backup = keepFormer(file, keepAs));
  return { changed: true, ...omitUndefined({ backup }) };
}

/** False for a file that other users may read, so that it is written again with the right mode. */
function isSame(file: string, text: string): boolean {
  return existsSync(file) && (statSync(file).mode & 0o777) === 0o600 && readFileSync(file, "utf8") === text;
}

/** Gives the old file a second name, so that it is never missing. */
function keepFormer(file: string, backup: string): string | undefined {
  if (!existsSync(file)) return undefined;
  rmSync(backup, { force: true });
  const mode = statSync(file).mode & 0o777;
  // A hard link would keep a mode that lets other users read the password.
  if (mode === 0o600) linkSync(file, backup);
  else writeSynced(backup, readFileSync(file, "utf8"));
  return backup;
}
