/** The record of calls: what happened at each desk. The record of events contains what was sent, by the id of the call. */
import type { Database } from "bun:sqlite";
import type { CallRecord } from "../core/history.ts";
import type { CallQuery, CallSpan, RecordedCall } from "../outbox/record.ts";

interface Row {
  place: number;
  id: string;
  desk: string;
  last_event: number;
  record: string;
}

const last = Number.MAX_SAFE_INTEGER;

/** The calls in the store. */
export class CallTable {
  readonly #db: Database;
  readonly #put;

  constructor(db: Database) {
    this.#db = db;
    this.#put = db.query(
      "INSERT OR REPLACE INTO calls VALUES (max(?1, coalesce((SELECT max(place) + 1 FROM calls), 0)), ?2, ?3, ?4, ?5)",
    );
  }

  /**
   * Records a call that has ended, within the transaction of its end.
   * @param lastEvent the highest id of an event so far: those of this call are not higher.
   */
  put(desk: string, { id, ...record }: CallRecord, lastEvent: number): void {
    this.#put.run(Math.round(record.end?.at ?? record.began), id, desk, lastEvent, JSON.stringify(record));
  }

  list({ limit, before = last, desk }: CallQuery): RecordedCall[] {
    const query = `SELECT * FROM calls WHERE place < ?2 ${
      desk === undefined ? "" : "AND desk = ?3"
    } ORDER BY place DESC LIMIT ?1`;
    const rows = this.#db.query(query).all(limit, before, ...desk === undefined ? [] : [desk]);
    return (rows as Row[]).map(fromRow);
  }

  /** The calls whose id starts with this: first those with this very id, then the newest. */
  named(start: string, limit: number): RecordedCall[] {
    const query = "SELECT * FROM calls WHERE id >= ?1 AND id < ?2 ORDER BY id = ?1 DESC, place DESC LIMIT ?3";
    return (this.#db.query(query).all(start, `${start}\u{10FFFF}`, limit) as Row[]).map(fromRow);
  }

  /**
   * The ids of the events of these calls lie in this range, both ends included. It is found without an index, which each event
   * would have to write: ids grow with time. A retried event looks newer than it is, which only makes the range larger.
   */
  eventsRange(calls: readonly CallSpan[]): [number, number] {
    const began = Math.min(...calls.map(({ began }) => began));
    const next = this.#db.query("SELECT id, created FROM events WHERE id >= ?1 ORDER BY id LIMIT 1");
    let [low, high] = [0, Math.max(0, ...calls.map(({ lastEvent }) => lastEvent ?? last))];
    const end = high;
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      const event = next.get(middle) as { id: number; created: number } | null;
      if (event === null || event.created >= began) high = middle;
      else low = event.id + 1;
    }
    return [low, end];
  }

  /** Deletes the calls that ended before `oldest`, and all but the newest `rows`. */
  prune(oldest: number, rows: number): void {
    this.#db.query("DELETE FROM calls WHERE place < ?1").run(oldest);
    this.#db.query(
      `DELETE FROM calls WHERE place IN
         (SELECT place FROM calls ORDER BY place LIMIT max(0, (SELECT count(*) FROM calls) - ?1))`,
    ).run(rows);
  }
}

function fromRow({ place, id, desk, last_event: lastEvent, record }: Row): RecordedCall {
  return { place, id, desk, lastEvent, ...JSON.parse(record) as Omit<CallRecord, "id"> };
}

/** What distinguishes a call from all others. */
export function callName({ desk, id }: { readonly desk: string; readonly id: string }): string {
  return `${desk} ${id}`;
}

/**
 * At most `limit` of the calls in memory and in a lost store, the newest first; a call in memory replaces the stored one.
 * @param first the id of calls that come before all others.
 */
export function newestCalls(
  own: readonly RecordedCall[],
  stored: readonly RecordedCall[],
  limit: number,
  first?: string,
): RecordedCall[] {
  const newer = new Set(own.map(callName));
  const others = stored.filter((call) => !newer.has(callName(call)));
  const rank = ({ id }: RecordedCall) => Number(id === first);
  return [...own, ...others].sort((a, b) => rank(b) - rank(a) || b.place - a.place).slice(0, limit);
}

/** The same record in memory: the calls that are not written yet. */
export class CallList {
  readonly #calls = new Map<string, RecordedCall>();
  #place = 0;

  put(desk: string, call: CallRecord, lastEvent: number): void {
    this.#place = Math.max(Math.round(call.end?.at ?? call.began), this.#place + 1);
    const recorded = { ...call, desk, place: this.#place, lastEvent };
    // The newest is the last.
    this.#calls.delete(callName(recorded));
    this.#calls.set(callName(recorded), recorded);
  }

  list({ limit, before = last, desk }: CallQuery): RecordedCall[] {
    return this.#newest((call) => call.place < before && (desk === undefined || call.desk === desk), limit);
  }

  named(start: string, limit: number): RecordedCall[] {
    const exact = this.#newest(({ id }) => id === start, limit);
    return [...exact, ...this.#newest(({ id }) => id !== start && id.startsWith(start), limit)].slice(0, limit);
  }

  #newest(wanted: (call: RecordedCall) => boolean, limit: number): RecordedCall[] {
    return [...this.#calls.values()].filter(wanted).reverse().slice(0, limit);
  }

  /** Forgets the oldest, so that at most `rows` stay. */
  drop(rows: number): void {
    for (const name of [...this.#calls.keys()].slice(0, Math.max(0, this.#calls.size - rows))) this.#calls.delete(name);
  }
}
