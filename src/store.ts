/**
 * What survives a crash: the desks with their registrations, agents and live calls, and the outbox. The only file that
 * knows SQLite. A change of a desk and its events are one transaction, written without waiting for the flash (WAL): a
 * kill -9 loses nothing; the write-ahead log is synced within 100 ms, so that a power cut loses at most that.
 */
import { Database } from "bun:sqlite";
import { chmodSync, mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { CrmEvent } from "./core/crm.ts";
import { type Desk, unknownLine } from "./core/desk.ts";
import type { OutboxEvent } from "./outbox/schedule.ts";

/** An event that a step tells; `lost`: why it cannot be told and goes on record only. */
export interface NewEvent {
  readonly desk: string;
  readonly agent: string;
  readonly event: CrmEvent;
  readonly lost?: string;
}

/** One step's change: the desk as it is now, what it tells, and whose waiting events it gives up. */
export interface Change {
  readonly desk: Desk;
  readonly tell: readonly NewEvent[];
  readonly retire: readonly { readonly agent: string; readonly why: string }[];
}

/** What became of an event for good. */
export type Ending = "told" | "retired";

/** The store's contract. */
export interface Store {
  /** The desks as they were left; their line is unknown, their unanswered callouts are gone. */
  desks(): Desk[];
  /** Writes one change; returns the events that now wait. */
  commit(change: Change, now: number): OutboxEvent[];
  /** All events that wait, in order. Those that were on the way when the process died may have reached the CRM. */
  waiting(): OutboxEvent[];
  /** Notes an attempt before it is made, or what came of it. */
  update(event: OutboxEvent, onTheWay: boolean): void;
  /** Ends an event. */
  end(id: number, ending: Ending, why: string, now: number): void;
  close(): void;
}

/** The schema's version; a newer one than this is not touched. */
const schemaVersion = 1;

const schema = `
  CREATE TABLE desks (extension TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    desk TEXT NOT NULL, agent TEXT NOT NULL, event TEXT NOT NULL,
    created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
    reached INTEGER NOT NULL DEFAULT 0, on_the_way INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL,
    why TEXT, ending TEXT, ended INTEGER
  ) STRICT;
  CREATE INDEX events_waiting ON events (id) WHERE ending IS NULL;
  CREATE INDEX events_ended ON events (ended) WHERE ending IS NOT NULL;
  PRAGMA user_version = ${schemaVersion};
`;

interface Row {
  id: number;
  desk: string;
  agent: string;
  event: string;
  created: number;
  attempts: number;
  refusals: number;
  reached: number;
  on_the_way: number;
  next: number;
  why: string | null;
}

/**
 * Opens the store, making it when it is not there.
 * @throws Error in words when it cannot be opened.
 */
export function openStore(path: string): Store {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const db = new Database(path, { create: true, strict: true });
  chmodSync(path, 0o600);
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  db.run("PRAGMA wal_autocheckpoint = 500");
  const { user_version } = db.query("PRAGMA user_version").get() as { user_version: number };
  if (user_version === 0) db.transaction(() => db.run(schema))();
  else if (user_version !== schemaVersion) {
    db.close();
    throw new Error(
      `Cannot open the store ${path}: it has version ${user_version}, this telesetd knows ${schemaVersion}: install the newer telesetd again`,
    );
  }
  return new SqliteStore(db, path);
}

class SqliteStore implements Store {
  readonly #db: Database;
  readonly #path: string;
  readonly #statements;
  /** What stands in the file of each desk: most events change nothing that must survive, and the flash wears. */
  readonly #written = new Map<string, string>();
  #sync: ReturnType<typeof setTimeout> | undefined;

  constructor(db: Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.#statements = {
      desk: db.query("INSERT INTO desks VALUES (?1, ?2) ON CONFLICT (extension) DO UPDATE SET state = ?2"),
      tell: db.query(
        "INSERT INTO events (desk, agent, event, created, next, why, ending, ended) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
      ),
      retire: db.query(
        "UPDATE events SET ending = 'retired', why = ?3, ended = ?4 WHERE desk = ?1 AND agent = ?2 AND ending IS NULL",
      ),
      update: db.query(
        "UPDATE events SET attempts = ?2, refusals = ?3, reached = ?4, next = ?5, why = ?6, on_the_way = ?7 WHERE id = ?1",
      ),
      end: db.query("UPDATE events SET ending = ?2, why = ?3, ended = ?4, on_the_way = 0 WHERE id = ?1 AND ending IS NULL"),
    };
  }

  desks(): Desk[] {
    const rows = this.#db.query("SELECT state FROM desks").all() as { state: string }[];
    return rows.map(({ state }) => afterRestart(JSON.parse(state) as Desk));
  }

  commit({ desk, tell, retire }: Change, now: number): OutboxEvent[] {
    const added: OutboxEvent[] = [];
    // The line is looked at afresh after every start: it is not worth a write.
    const state = JSON.stringify({ ...desk, line: unknownLine });
    const changed = this.#written.get(desk.extension) !== state;
    if (!changed && tell.length === 0 && retire.length === 0) return added;
    this.#db.transaction(() => {
      if (changed) this.#statements.desk.run(desk.extension, state);
      for (const { agent, why } of retire) this.#statements.retire.run(desk.extension, agent, why, now);
      for (const event of tell) {
        const { lost } = event;
        const ending = lost === undefined ? [null, null, null] as const : [lost, "retired", now] as const;
        const { lastInsertRowid } = this.#statements.tell.run(
          event.desk,
          event.agent,
          JSON.stringify(event.event),
          now,
          ...ending,
        );
        if (lost === undefined) added.push(newEvent(Number(lastInsertRowid), event, now));
      }
    })();
    this.#written.set(desk.extension, state);
    this.#syncSoon();
    return added;
  }

  waiting(): OutboxEvent[] {
    return (this.#db.query("SELECT * FROM events WHERE ending IS NULL ORDER BY id").all() as Row[]).map(fromRow);
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    const { id, attempts, refusals, reached, next, why } = event;
    this.#statements.update.run(id, attempts, refusals, Number(reached), next, why ?? null, Number(onTheWay));
    this.#syncSoon();
  }

  end(id: number, ending: Ending, why: string, now: number): void {
    this.#statements.end.run(id, ending, why, now);
    this.#syncSoon();
  }

  close(): void {
    clearTimeout(this.#sync);
    this.#db.close();
  }

  /** One sync for all that is written within 100 ms: the flash wears by syncs. */
  #syncSoon(): void {
    this.#sync ??= setTimeout(() => {
      this.#sync = undefined;
      syncFile(`${this.#path}-wal`);
    }, 90);
  }
}

/** Waits for the flash off the main thread; what fails here is only durability against a power cut, said by the next write. */
async function syncFile(path: string): Promise<void> {
  try {
    const file = await open(path, "r+");
    await file.datasync().finally(() => file.close());
  } catch (error) {
    // A checkpoint may have taken the log away: then it has been synced.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** What cannot be true any more after a restart: the link, and callouts that wait for an answer. */
function afterRestart(desk: Desk): Desk {
  return {
    ...desk,
    line: unknownLine,
    dial: desk.dial && { ...desk.dial, waiting: [], settled: true, answer: desk.dial.answer ?? { ok: true } },
  };
}

/** An event as it is when it is new. */
export function newEvent(id: number, { desk, agent, event }: NewEvent, now: number): OutboxEvent {
  return { id, desk, agent, event, created: now, attempts: 0, refusals: 0, reached: false, next: now };
}

function fromRow(row: Row): OutboxEvent {
  return {
    id: row.id,
    desk: row.desk,
    agent: row.agent,
    event: JSON.parse(row.event) as CrmEvent,
    created: row.created,
    attempts: row.attempts,
    refusals: row.refusals,
    reached: row.reached === 1 || row.on_the_way === 1,
    next: row.next,
    ...(row.why === null ? {} : { why: row.why }),
  };
}
