/** The hop of the store: it is readable, intact, of this version, and the daemon can write to it. */
import { failed, type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { schemaVersion } from "../../store/migrations.ts";
import { lookAtStore, type StoreLook } from "../../store/inspect.ts";
import { isDamage, reason } from "../../store/errors.ts";
import { asRoot } from "./hop.ts";

/** The result of checking the store. */
export interface StoreCheck {
  readonly finding: Finding;
  /** Its contents, when they can be read. */
  readonly look?: StoreLook;
  /** There is a store, but its contents are unknown. */
  readonly unread?: boolean;
}

/**
 * Checks the store without changing it.
 * @param inDaemon whether the daemon itself asks, which has checked the whole file at its start.
 */
export function checkStoreFile(path: string, inDaemon = false): StoreCheck {
  const folder = dirname(path);
  const wrong = noFileAt(path, folder);
  if (wrong !== undefined) return { finding: failed(wrong, usualPlace) };
  if (!existsSync(path)) return { finding: notThere(path, folder), unread: existsSync(folder) && !may(folder, constants.X_OK) };
  let look: StoreLook;
  try {
    look = lookAtStore(path, !inDaemon);
  } catch (error) {
    return { finding: unreadable(error, path), unread: true };
  }
  const finding = findingOf(look, path, folder, inDaemon);
  const known = look.version >= 0 && look.version <= schemaVersion && look.check === "ok";
  return known ? { look, finding } : { finding, unread: true };
}

const usualPlace = "Set store.path to a file, such as /var/lib/telesetd/telesetd.db.";

/** Why there can be no file at this path, regardless of the disk. */
function noFileAt(path: string, folder: string): string | undefined {
  if (existsSync(path) && !statSync(path).isFile()) return `The store ${path} is not a file.`;
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    return `The store cannot be created at ${path}: ${folder} is not a folder.`;
  }
  return undefined;
}

function notThere(path: string, folder: string): Finding {
  // Without the right to enter a folder, no file in it is visible.
  if (existsSync(folder) && !may(folder, constants.X_OK)) return otherUser(path);
  if (existsSync(folder) && !may(folder, constants.W_OK) && process.getuid?.() === 0) {
    return failed(`There is no store ${path}, and none can be created.`, "See the disk below.");
  }
  return good(`There is no store ${path} yet: the daemon creates it at its first start.`);
}

function otherUser(path: string): Finding {
  return warning(`This user may not read the store ${path}.`, asRoot);
}

function unreadable(error: unknown, path: string): Finding {
  const code = String((error as { code?: unknown }).code);
  if (!may(path, constants.R_OK)) return otherUser(path);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return failed(
      `Another program has opened the store ${path}.`,
      `Find it with: fuser -v ${path}. Only one process may open the store: stop the other daemon or close sqlite3.`,
    );
  }
  if (isDamage(error, path)) return damaged(path, reason(error));
  return failed(`Cannot open the store ${path}: ${reason(error)}.`, "Check the disk (below) and the file's owner.");
}

function damaged(path: string, why: string): Finding {
  return failed(
    `The store ${path} is damaged: ${why}.`,
    "systemctl restart telesetd moves it aside and starts a new one; the pending events in it are lost. Check the disk.",
  );
}

function findingOf({ version, check }: StoreLook, path: string, folder: string, inDaemon: boolean): Finding {
  if (version > schemaVersion) {
    return failed(
      `The store ${path} was written by a newer telesetd (version ${version}; this one supports up to ${schemaVersion}).`,
      "Install that telesetd again, or move the store away: a new one is then created.",
    );
  }
  if (version < 0) return damaged(path, `its version is ${version}`);
  if (check !== "ok") return damaged(path, check);
  const owner = statSync(path).uid;
  const expected = statSync(folder).uid;
  // A daemon without root's rights cannot open what root has created.
  if (owner !== expected) {
    return failed(
      `The store ${path} belongs to user ${owner}, but its folder to user ${expected}: the daemon cannot open it.`,
      `chown --reference=${folder} ${path}*; then systemctl restart telesetd`,
    );
  }
  for (const place of [path, folder]) {
    if (may(place, constants.W_OK)) continue;
    return process.getuid?.() === 0
      ? failed(
        `The store ${path} can be read but not written.`,
        `See the disk below. If that is good: lsattr -d ${folder} ${path}`,
      )
      : warning(`The store ${path} is intact; this user may not write to it.`, asRoot);
  }
  const old = version < schemaVersion ? `, which the daemon upgrades to ${schemaVersion} when it starts` : "";
  const intact = inDaemon ? "was intact when the daemon started" : "is intact";
  return good(`The store ${path} ${intact}, version ${version}${old}.`);
}

function may(path: string, what: number): boolean {
  try {
    accessSync(path, what);
    return true;
  } catch {
    return false;
  }
}
