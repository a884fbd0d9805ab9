/**
 * The store in SQLite: the desks with their registrations, agents and live calls, and the outbox. A change of a desk and its
 * events are one transaction, written without waiting for the flash (WAL): kill -9 loses nothing. The write-ahead log is synced
 * within 100 ms, so a power cut loses at most that.
 */
import type { Database } from "bun:sqlite";
import { type FileHandle, open } from "node:fs/promises";
import type { ClockMark } from "../platform/clock.ts";
import type { Address } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import type { DialRecord } from "../core/input.ts";
import { CallTable } from "./calls.ts";
import { type Destinations, storedDestinations } from "./destinations.ts";
import { DialTable } from "./dials.ts";
import { afterRestart, written } from "./desks.ts";
import { fromRow, newEvent, type Row } from "./event.ts";
import { openFile } from "./open.ts";
import type {
  CallQuery,
  CallSpan,
  Change,
  DialPlace,
  NewEvent,
  OutboxEvent,
  Recorded,
  RecordedCall,
  RecordedDial,
  Retention,
  Settlement,
  Store,
} from "../outbox/record.ts";

/** A store in a file. */
export interface FileStore extends Store {
  /** Writes several changes in one transaction: all of them, or none if one throws. */
  together(changes: () => void): void;
  /** The highest event id ever used. */
  lastId(): number;
  /** Makes sure that the next event gets a higher id than this. */
  raiseLastId(id: number): void;
  /** Writes these desks, events, dials and calls (newest first), replacing the stored ones. */
  restore(
    desks: readonly Desk[],
    events: readonly Recorded[],
    dials: readonly RecordedDial[],
    calls?: readonly RecordedCall[],
  ): void;
}

/**
 * Opens the store; creates it if missing, migrates it if older.
 * @throws Error with a sentence if it cannot be opened; NewerStore if it was written by a newer telesetd.
 */
export function openStore(path: string): FileStore {
  const db = openFile(path);
  try {
    return new SqliteStore(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** About 2 MB of the write-ahead log. */
const changesBetweenTidying = 400;

class SqliteStore implements FileStore {
  readonly #db: Database;
  readonly #path: string;
  readonly #statements;
  readonly #dials: DialTable;
  readonly #calls: CallTable;
  /** The highest id of an event in the file; 0 if it is not known. */
  #lastEvent = 0;
  readonly #destinations: Destinations;
  /** The stored text of each desk, to skip unchanged ones: most events change nothing stored, and flash wears out. */
  readonly #written = new Map<string, string>();
  #sync: ReturnType<typeof setTimeout> | undefined;
  /** The changes since the write-ahead log was last copied into the file. */
  #changes = 0;
  /** The write-ahead log, which SQLite keeps while the store is open. */
  #log: Promise<FileHandle> | undefined;

  constructor(db: Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.#dials = new DialTable(db);
    this.#calls = new CallTable(db);
    this.#destinations = storedDestinations(db);
    this.#statements = {
      begin: db.query("BEGIN"),
      commit: db.query("COMMIT"),
      rollback: db.query("ROLLBACK"),
      desk: db.query("INSERT INTO desks VALUES (?1, ?2) ON CONFLICT (extension) DO UPDATE SET state = ?2"),
      insert: db.query(
        `INSERT INTO events (desk, agent, event, name, call, created, next, why, settlement, ended, attempts, on_the_way, address, port, withdrawn)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?8 IS NOT NULL)`,
      ),
      discard: db.query(
        `UPDATE events SET settlement = 'discarded', why = ?3, ended = ?4, address = NULL, port = NULL, withdrawn = 1
         WHERE desk = ?1 AND agent = ?2 AND settlement IS NULL`,
      ),
      withdraw: db.query(
        `UPDATE events SET settlement = 'discarded', why = ?2, ended = ?3, address = NULL, port = NULL, withdrawn = 1
         WHERE id = ?1 AND settlement IS NULL`,
      ),
      resolve: db.query(
        `UPDATE events SET address = new.address, port = new.port FROM destinations AS new
         WHERE events.id = ?1 AND settlement IS NULL AND new.desk = events.desk AND new.agent = events.agent`,
      ),
      anyWaits: db.query("SELECT 1 FROM events WHERE settlement IS NULL AND desk = ?1 AND agent = ?2 LIMIT 1"),
      update: db.query(
        "UPDATE events SET attempts = ?2, refusals = ?3, reached = ?4, next = ?5, why = ?6, on_the_way = ?7 WHERE id = ?1",
      ),
      settle: db.query("UPDATE events SET settlement = ?2, why = ?3, ended = ?4 WHERE id = ?1 AND settlement IS NULL"),
      get: db.query("SELECT * FROM events WHERE id = ?1"),
      retry: db.query(
        `UPDATE events SET settlement = NULL, ended = NULL, created = ?2, next = ?2, attempts = 0, refusals = 0, reached = 0, on_the_way = 0,
           address = ?3, port = ?4, withdrawn = 0
         WHERE id = ?1 AND settlement = 'discarded'`,
      ),
    };
  }

  together(changes: () => void): void {
    if (this.#db.inTransaction) return changes();
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      changes();
      commit.run();
    } catch (error) {
      // SQLite may have rolled back on its own.
      if (this.#db.inTransaction) rollback.run();
      throw error;
    }
  }

  desks(): Desk[] {
    const rows = this.#db.query("SELECT state FROM desks").all() as { state: string }[];
    return rows.map(({ state }) => afterRestart(JSON.parse(state) as Desk));
  }

  forget(extension: string): void {
    this.#db.query("DELETE FROM desks WHERE extension = ?1").run(extension);
    this.#written.delete(extension);
  }

  commit({ desk, send, discard, calls = [], moved = [] }: Change, now: number): OutboxEvent[] {
    const added: OutboxEvent[] = [];
    const state = written(desk);
    const changed = this.#written.get(desk.extension) !== state;
    if (!changed && send.length + discard.length + calls.length + moved.length === 0) return added;
    this.together(() => {
      if (changed) this.#statements.desk.run(desk.extension, state);
      for (const { agent, why } of discard) this.#statements.discard.run(desk.extension, agent, why, now);
      for (const destination of moved) this.#destinations.put(desk.extension, destination);
      for (const event of send) {
        const id = this.#insert(event, now);
        if (event.undeliverable === undefined) added.push(newEvent(id, event, now));
      }
      for (const call of calls) this.#calls.put(desk.extension, call, this.#lastEvent ||= this.lastId());
    });
    this.#written.set(desk.extension, state);
    this.#syncSoon();
    return added;
  }

  /** An event will wait, with this address. */
  #direct(desk: string, agent: string, to: Address | undefined): void {
    this.#destinations.add(desk, agent, to, () => this.#statements.anyWaits.get(desk, agent) !== null);
  }

  #insert({ desk, agent, event, undeliverable, startNow, to }: NewEvent, now: number): number {
    const settlement = undeliverable === undefined ? [null, null, null] as const : [undeliverable, "discarded", now] as const;
    const attempts = Number(undeliverable === undefined && startNow === true);
    const text = JSON.stringify(event);
    const { name, call } = event;
    if (undeliverable === undefined) this.#direct(desk, agent, to);
    const place = [to?.address ?? null, to?.port ?? null] as const;
    const { lastInsertRowid } = this.#statements.insert.run(
      desk,
      agent,
      text,
      name,
      call,
      now,
      ...settlement,
      attempts,
      ...place,
    );
    this.#lastEvent = Number(lastInsertRowid);
    return this.#lastEvent;
  }

  waiting(): OutboxEvent[] {
    return (this.#db.query("SELECT * FROM events WHERE settlement IS NULL ORDER BY id").all() as Row[]).map((row) =>
      this.#read(row)
    );
  }

  suppressedCalls(): { desk: string; call: string }[] {
    const query = `WITH live (desk, call) AS (
         SELECT desk, call FROM events WHERE settlement IS NULL
         UNION SELECT extension, json_extract(value, '$.id') FROM desks, json_each(state, '$.calls'))
       SELECT DISTINCT desk, call FROM events
       WHERE name = 'ScreenPop' AND settlement = 'discarded' AND reached = 0 AND on_the_way = 0 AND (desk, call) IN live`;
    return this.#db.query(query).all() as { desk: string; call: string }[];
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    const { id, attempts, refusals, reached, next, why } = event;
    this.#statements.update.run(id, attempts, refusals, Number(reached), Math.round(next), why ?? null, Number(onTheWay));
    this.#syncSoon();
  }

  settle(id: number, settlement: Settlement, why: string, now: number): void {
    if (!this.#destinations.isEmpty) this.#statements.resolve.run(id);
    this.#statements.settle.run(id, settlement, why, now);
    this.#syncSoon();
  }

  withdraw(ids: readonly number[], why: string, now: number): void {
    this.together(() => {
      for (const id of ids) this.#statements.withdraw.run(id, why, now);
    });
    this.#syncSoon();
  }

  retry(id: number, now: number, to?: Address): OutboxEvent | undefined {
    const event = this.get(id);
    if (event?.settlement === "discarded") this.#direct(event.desk, event.agent, to);
    const { changes } = this.#statements.retry.run(id, now, to?.address ?? null, to?.port ?? null);
    if (changes === 0) return undefined;
    this.#syncSoon();
    return this.get(id);
  }

  list(all: boolean, limit: number, before: number = Number.MAX_SAFE_INTEGER): Recorded[] {
    const query = `SELECT * FROM events WHERE ${all ? "" : "settlement IS NULL AND "}id < ?2 ORDER BY id DESC LIMIT ?1`;
    return (this.#db.query(query).all(limit, before) as Row[]).map((row) => this.#read(row));
  }

  discarded(after: number, limit: number): Recorded[] {
    const query = "SELECT * FROM events WHERE settlement = 'discarded' AND id > ?2 ORDER BY id LIMIT ?1";
    return (this.#db.query(query).all(limit, after) as Row[]).map(fromRow);
  }

  get(id: number): Recorded | undefined {
    const row = this.#statements.get.get(id) as Row | null;
    return row === null ? undefined : this.#read(row);
  }

  #read(row: Row): Recorded {
    return this.#destinations.resolve(fromRow(row));
  }

  recordDial(desk: string, dial: DialRecord): void {
    this.#dials.put({ ...dial, desk });
    this.#syncSoon();
  }

  dials(limit: number, before?: DialPlace): RecordedDial[] {
    return this.#dials.list(limit, before);
  }

  calls(query: CallQuery): RecordedCall[] {
    return this.#calls.list(query);
  }

  callsNamed(start: string, limit: number): RecordedCall[] {
    return this.#calls.named(start, limit);
  }

  eventsOf(calls: readonly CallSpan[]): Recorded[] {
    if (calls.length === 0) return [];
    const query =
      "SELECT * FROM events WHERE id BETWEEN ?1 AND ?2 AND (call, desk) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?3))";
    const names = JSON.stringify(calls.map(({ id, desk }) => [id, desk]));
    return (this.#db.query(`${query} ORDER BY id`).all(...this.#calls.eventsRange(calls), names) as Row[]).map((row) =>
      this.#destinations.resolve(fromRow(row))
    );
  }

  prune({ days, rows, calls }: Retention, now: number): number {
    this.#dials.prune(now - days * 86_400_000, rows);
    this.#calls.prune(now - days * 86_400_000, calls);
    const old =
      this.#db.query("DELETE FROM events WHERE settlement IS NOT NULL AND ended < ?1").run(now - days * 86_400_000).changes;
    const many = this.#db.query(
      `DELETE FROM events WHERE settlement IS NOT NULL AND id <=
         (SELECT id FROM events WHERE settlement IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?1)`,
    ).run(rows).changes;
    return old + many;
  }

  clock(): { mark?: ClockMark; last: number } {
    const mark = this.#db.query("SELECT boot, offset FROM clock").get() as ClockMark | null;
    const { last } = this.#db.query("SELECT max(coalesce(max(created), 0), coalesce(max(ended), 0)) AS last FROM events")
      .get() as { last: number };
    return { last, ...(mark === null ? {} : { mark: { boot: mark.boot, offset: mark.offset } }) };
  }

  setClock({ boot, offset }: ClockMark): void {
    this.#db.query("INSERT INTO clock VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE SET boot = ?1, offset = ?2").run(
      boot,
      offset,
    );
  }

  lastId(): number {
    const { seq } = (this.#db.query("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get() ?? { seq: 0 }) as {
      seq: number;
    };
    return seq;
  }

  raiseLastId(id: number): void {
    const { changes } = this.#db.query("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'events'").run(id);
    if (changes === 0) this.#db.query("INSERT INTO sqlite_sequence VALUES ('events', ?1)").run(id);
  }

  restore(
    desks: readonly Desk[],
    events: readonly Recorded[],
    dials: readonly RecordedDial[],
    calls: readonly RecordedCall[] = [],
  ): void {
    const put = this.#db.query(
      `INSERT OR REPLACE INTO events (id, desk, agent, event, name, call, created, attempts, refusals, reached, on_the_way, next, why, settlement, ended, address, port, withdrawn)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)`,
    );
    const states = desks.map((desk) => [desk.extension, written(desk)] as const);
    this.together(() => {
      this.#db.query("DELETE FROM destinations").run();
      for (const [extension, state] of states) this.#statements.desk.run(extension, state);
      for (const dial of dials) this.#dials.put(dial);
      for (const { desk, place: _, lastEvent, ...call } of calls.toReversed()) this.#calls.put(desk, call, lastEvent);
      for (
        const { id, desk, agent, to, event, created, attempts, refusals, reached, next, why, settlement, ended, withdrawn }
          of events
      ) {
        const { name, call } = event;
        const tried = [attempts, refusals, Number(reached), 0, Math.round(next)] as const;
        put.run(
          id,
          desk,
          agent,
          JSON.stringify(event),
          name,
          call,
          created,
          ...tried,
          why ?? null,
          settlement ?? null,
          ended ?? null,
          to?.address ?? null,
          to?.port ?? null,
          Number(withdrawn === true),
        );
      }
    });
    this.#destinations.clear();
    for (const [extension, state] of states) this.#written.set(extension, state);
    this.#lastEvent = 0;
    this.#syncSoon();
  }

  close(): void {
    clearTimeout(this.#sync);
    this.#log?.then((file) => file.close()).catch(() => {});
    this.#db.close();
  }

  /** Copies the write-ahead log into the file once it is long, so that it can start from its beginning. */
  tidy(): void {
    if (this.#changes < changesBetweenTidying) return;
    this.#changes = 0;
    this.#db.run("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** One sync for all writes within 100 ms, since syncs wear out the flash. */
  #syncSoon(): void {
    this.#changes++;
    this.#sync ??= setTimeout(() => {
      this.#sync = undefined;
      this.#syncLog().catch(() => {});
    }, 80);
  }

  /** Syncs without blocking the main thread. If it fails, the next write of the database fails too and reports it. */
  async #syncLog(): Promise<void> {
    this.#log ??= open(`${this.#path}-wal`, "r+").catch((error: unknown) => {
      this.#log = undefined;
      throw error;
    });
    await (await this.#log).datasync();
  }
}
