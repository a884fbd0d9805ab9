/**
 * Read-only inspection of a store for `telesetd doctor`, whether the daemon has it open or not. It changes no byte of the store
 * or its folder: an administrator is root, and files created by root beside the store could lock the daemon out.
 */
import { constants, Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import type { ClockMark } from "../platform/clock.ts";
import type { Registration } from "../core/crm.ts";
import { schemaVersion } from "./migrations.ts";

/** A recorded event. Times in ms of the steady clock. */
export interface SeenEvent {
  readonly desk: string;
  readonly name: string;
  readonly state: "waiting" | "delivered" | "discarded";
  readonly created: number;
  readonly attempts: number;
  readonly why?: string;
}

/** The content of a store. */
export interface StoreLook {
  /** The schema's version. */
  readonly version: number;
  /** The result of quick_check; `ok` if all is well, or if it was not asked for. */
  readonly check: string;
  readonly desks: readonly {
    readonly extension: string;
    readonly registration: Registration | null;
    readonly registeredAt?: number;
  }[];
  /** The newest first, at most 20. */
  readonly events: readonly SeenEvent[];
  readonly waiting: number;
  /** The creation time of the oldest waiting event. */
  readonly oldest?: number;
  readonly mark?: ClockMark;
  /** The latest recorded time. */
  readonly last: number;
}

const nothing = { desks: [], events: [], waiting: 0, last: 0 };

/**
 * Inspects a store. @param whole whether the whole file is checked and a lock is waited for, which may take seconds.
 * @throws the Error of SQLite or of the system; see `reason` in errors.ts for its text.
 */
export function lookAtStore(path: string, whole = true): StoreLook {
  const db = openQuietly(path);
  try {
    db.run(`PRAGMA busy_timeout = ${whole ? 1000 : 0}`);
    const { user_version: version } = db.query("PRAGMA user_version").get() as { user_version: number };
    if (version > schemaVersion || version < 1) return { version, check: "ok", ...nothing };
    const check = whole ? checkOf(db) : "ok";
    return check === "ok" ? { version, check, ...contents(db, version) } : { version, check, ...nothing };
  } finally {
    db.close();
  }
}

function checkOf(db: Database): string {
  return (db.query("PRAGMA quick_check(1)").get() as { quick_check: string }).quick_check;
}

/**
 * While the daemon has the store open, its -wal and -shm files exist, and reading creates nothing. If they do not exist, SQLite
 * would create them; the file is therefore opened as immutable, which it is then.
 */
function openQuietly(path: string): Database {
  const inUse = existsSync(`${path}-wal`) || existsSync(`${path}-shm`);
  if (inUse) return new Database(path, { readonly: true });
  const uri = `file:${path.split("/").map(encodeURIComponent).join("/")}?immutable=1`;
  return new Database(uri, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI);
}

interface Row {
  readonly desk: string;
  readonly name: string;
  readonly created: number;
  readonly attempts: number;
  readonly why: string | null;
  readonly settlement: "delivered" | "discarded" | null;
}

function contents(db: Database, version: number): Omit<StoreLook, "version" | "check"> {
  // Before version 5 the column was `ending`, with other words.
  const [column, settlement] = version < 5
    ? ["ending", "CASE ending WHEN 'told' THEN 'delivered' WHEN 'retired' THEN 'discarded' END AS settlement"]
    : ["settlement", "settlement"];
  const desks = db.query("SELECT state FROM desks ORDER BY extension").all() as { state: string }[];
  const rows = db.query(
    `SELECT desk, json_extract(event, '$.name') AS name, created, attempts, why, ${settlement} FROM events ORDER BY id DESC LIMIT 20`,
  ).all() as Row[];
  const { waiting, oldest } = db.query(
    `SELECT count(*) AS waiting, min(created) AS oldest FROM events WHERE ${column} IS NULL`,
  ).get() as { waiting: number; oldest: number | null };
  // By their indexes: a store keeps the events of a month.
  const newest = "SELECT created FROM events ORDER BY id DESC LIMIT 1";
  const ended = `SELECT max(ended) FROM events WHERE ${column} IS NOT NULL`;
  const { last } = db.query(`SELECT max(coalesce((${newest}), 0), coalesce((${ended}), 0)) AS last`).get() as { last: number };
  const mark = version < 2 ? null : db.query("SELECT boot, offset FROM clock").get() as ClockMark | null;
  return {
    desks: desks.map(({ state }) => JSON.parse(state)),
    events: rows.map(({ desk, name, created, attempts, why, settlement }) => ({
      desk,
      name,
      state: settlement ?? "waiting",
      created,
      attempts,
      ...(why === null || why === "" ? {} : { why }),
    })),
    waiting,
    ...(oldest === null ? {} : { oldest }),
    ...(mark === null ? {} : { mark }),
    last,
  };
}
