/** Classification of store errors, and their texts. */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { NewerStore } from "./open.ts";

/** Errors caused by the disk or by permissions; all others mean a damaged file. */
const environment =
  /^(SQLITE_(FULL|READONLY|CANTOPEN|IOERR|BUSY|LOCKED|PERM|NOMEM|AUTH|CONSTRAINT|TOOBIG|MISMATCH|RANGE|MISUSE)|E[A-Z]+$)/;

/** Whether the file is damaged, so that a new one would work. */
export function isDamage(error: unknown, path: string): boolean {
  if (error instanceof NewerStore) return false;
  const code = String((error as { code?: unknown }).code);
  // A flipped bit in its header makes a file read-only even if the disk is not.
  if (code.startsWith("SQLITE_READONLY")) return mayWrite(path);
  return !environment.test(code);
}

function mayWrite(path: string): boolean {
  try {
    for (const place of [path, dirname(path)]) accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The reason of an error, for people. */
export function reason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const texts: Record<string, string> = {
    SQLITE_FULL: "the disk is full",
    ENOSPC: "the disk is full",
    SQLITE_READONLY: "it is read-only",
    EROFS: "the disk is read-only",
    EACCES: "this user may not write there",
    SQLITE_CANTOPEN: "the file cannot be opened: check its folder, its owner and the disk",
    SQLITE_IOERR: "the disk reports an error",
  };
  return texts[String(code)] ?? texts[String(code).split("_").slice(0, 2).join("_")] ??
    `${String(message)}${code === undefined ? "" : ` (${String(code)})`}`;
}
