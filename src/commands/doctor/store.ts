/** The hop of the store: it can be read, it is whole, of this version, and the daemon can write it. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { schemaVersion } from "../../store/migrations.ts";
import { lookAtStore, type StoreLook } from "../../store/inspect.ts";
import { isDamage, reason } from "../../store/errors.ts";
import type { Found } from "./hop.ts";

/** What a look at the store has come to. */
export interface LookedAt {
  readonly found: Found;
  /** What stands in it, when that can be read. */
  readonly look?: StoreLook;
  /** There is a store, and what stands in it is not known. */
  readonly unread?: boolean;
}

/** Looks at the store without touching it. */
export function lookAtStoreFile(path: string): LookedAt {
  const folder = dirname(path);
  const wrong = noFileAt(path, folder);
  if (wrong !== undefined) return { found: { verdict: "failed", says: wrong, next: usualPlace } };
  if (!existsSync(path)) return { found: notThere(path, folder), unread: existsSync(folder) && !may(folder, constants.X_OK) };
  let look: StoreLook;
  try {
    look = lookAtStore(path);
  } catch (error) {
    return { found: unreadable(error, path), unread: true };
  }
  const found = judged(look, path, folder);
  const known = look.version >= 0 && look.version <= schemaVersion && look.check === "ok";
  return known ? { look, found } : { found, unread: true };
}

const usualPlace = "Set store.path to a file, such as /var/lib/telesetd/telesetd.db.";

/** What keeps a file from being there, whatever the disk. */
function noFileAt(path: string, folder: string): string | undefined {
  if (existsSync(path) && !statSync(path).isFile()) return `The store ${path} is no file.`;
  if (existsSync(folder) && !statSync(folder).isDirectory()) return `No store can be at ${path}: ${folder} is no folder.`;
  return undefined;
}

function notThere(path: string, folder: string): Found {
  // Without the right to enter a folder nothing in it is seen.
  if (existsSync(folder) && !may(folder, constants.X_OK)) return otherUser(path);
  if (existsSync(folder) && !may(folder, constants.W_OK) && process.getuid?.() === 0) {
    return { verdict: "failed", says: `There is no store ${path}, and none can be made.`, next: "See the disk, below." };
  }
  return { verdict: "good", says: `There is no store ${path} yet: the daemon makes it at its first start.` };
}

function otherUser(path: string): Found {
  return { verdict: "warning", says: `This user may not read the store ${path}.`, next: "Run it as root: sudo telesetd doctor" };
}

function unreadable(error: unknown, path: string): Found {
  const code = String((error as { code?: unknown }).code);
  if (!may(path, constants.R_OK)) return otherUser(path);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return {
      verdict: "failed",
      says: `Another program holds the store ${path}.`,
      next: `See which: fuser -v ${path}. Two daemons may not share a store, and sqlite3 may not stay open on it.`,
    };
  }
  if (isDamage(error, path)) return damaged(path, reason(error));
  return {
    verdict: "failed",
    says: `Cannot open the store ${path}: ${reason(error)}.`,
    next: "Check the disk (below) and the file's owner.",
  };
}

function damaged(path: string, why: string): Found {
  return {
    verdict: "failed",
    says: `The store ${path} is damaged: ${why}.`,
    next: "systemctl restart telesetd sets it aside and begins a new one; what waited in it is lost. Check the disk.",
  };
}

function judged({ version, check }: StoreLook, path: string, folder: string): Found {
  if (version > schemaVersion) {
    return {
      verdict: "failed",
      says: `The store ${path} is of a newer telesetd (version ${version}, this one knows ${schemaVersion}).`,
      next: "Install that telesetd again, or move the store away and begin a new one.",
    };
  }
  if (version < 0) return damaged(path, `it says that its version is ${version}`);
  if (check !== "ok") return damaged(path, check);
  const owner = statSync(path).uid;
  const wanted = statSync(folder).uid;
  // A daemon without root's rights cannot open what root has made.
  if (owner !== wanted) {
    return {
      verdict: "failed",
      says: `The store ${path} belongs to user ${owner}, but its folder to user ${wanted}: the daemon cannot open it.`,
      next: `chown --reference=${folder} ${path}*; then systemctl restart telesetd`,
    };
  }
  for (const place of [path, folder]) {
    if (may(place, constants.W_OK)) continue;
    return process.getuid?.() === 0
      ? {
        verdict: "failed",
        says: `The store ${path} can be read but not written.`,
        next: `See the disk, below. If that is good: lsattr -d ${folder} ${path}`,
      }
      : {
        verdict: "warning",
        says: `The store ${path} is whole; this user may not write it.`,
        next: "Run it as root: sudo telesetd doctor",
      };
  }
  const old = version < schemaVersion ? `, which the daemon brings up to ${schemaVersion} when it starts` : "";
  return { verdict: "good", says: `The store ${path} is whole, version ${version}${old}.` };
}

function may(path: string, what: number): boolean {
  try {
    accessSync(path, what);
    return true;
  } catch {
    return false;
  }
}
