/** What is wrong when the store fails: whose fault it is, and how to say it. */
import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { NewerStore } from "./open.ts";

/** What the disk or its owner's rights are to blame for; all else is the file's own fault. */
const environment =
  /^(SQLITE_(FULL|READONLY|CANTOPEN|IOERR|BUSY|LOCKED|PERM|NOMEM|AUTH|CONSTRAINT|TOOBIG|MISMATCH|RANGE|MISUSE)|E[A-Z]+$)/;

/** Whether the file itself is damaged: then another one would do. */
export function isDamage(error: unknown, path: string): boolean {
  if (error instanceof NewerStore) return false;
  const code = String((error as { code?: unknown }).code);
  // A flipped bit in its head makes a file read-only, although the disk is not.
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

/** The error in words for people. */
export function reason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const words: Record<string, string> = {
    SQLITE_FULL: "the disk is full",
    ENOSPC: "the disk is full",
    SQLITE_READONLY: "it is read-only",
    EROFS: "the disk is read-only",
    EACCES: "this user may not write there",
    SQLITE_CANTOPEN: "the file cannot be opened: check its folder, its owner and the disk",
    SQLITE_IOERR: "the disk reports an error",
  };
  return words[String(code)] ?? words[String(code).split("_").slice(0, 2).join("_")] ??
    `${String(message)}${code === undefined ? "" : ` (${String(code)})`}`;
}
