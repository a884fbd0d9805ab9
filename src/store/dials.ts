/** The record of dials: who dialled which number, and the outcome. */
import type { Database } from "bun:sqlite";
import type { DialPlace, RecordedDial } from "../outbox/record.ts";

/** Comparator of dials, newest first. */
export function newestFirst(a: DialPlace, b: DialPlace): number {
  return b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

/** The dials in the store. */
export class DialTable {
  readonly #db: Database;
  readonly #put;

  constructor(db: Database) {
    this.#db = db;
    this.#put = db.query("INSERT INTO dials VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE SET outcome = ?8");
  }

  /** Records a dial, or updates its outcome. */
  put({ id, desk, agent, from, at, dialString, number, outcome }: RecordedDial): void {
    this.#put.run(id, desk, agent, from, at, dialString, number ?? null, outcome);
  }

  /** At most `limit` dials, newest first, starting after `before`. */
  list(limit: number, before: DialPlace = { at: Number.MAX_SAFE_INTEGER, id: "" }): RecordedDial[] {
    const query = `SELECT id, desk, agent, source AS "from", at, dial_string AS dialString, number, outcome FROM dials
       WHERE (at, id) < (?2, ?3) ORDER BY at DESC, id DESC LIMIT ?1`;
    return (this.#db.query(query).all(limit, before.at, before.id) as (RecordedDial & { number: string | null })[])
      .map(({ number, ...dial }) => ({ ...dial, ...(number === null ? {} : { number }) }));
  }

  /** Deletes dials before `oldest`, and all but the newest `rows`. */
  prune(oldest: number, rows: number): void {
    this.#db.query("DELETE FROM dials WHERE at < ?1").run(oldest);
    this.#db.query("DELETE FROM dials WHERE at <= (SELECT at FROM dials ORDER BY at DESC LIMIT 1 OFFSET ?1)").run(rows);
  }
}
