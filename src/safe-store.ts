/**
 * The store as the daemon uses it: it never throws. When the disk is full, read-only or damaged, the daemon goes on telling
 * events from memory and says so (`trouble`); when the disk takes writes again, what is true now is written again. A damaged
 * file is set aside, not deleted; one of a newer telesetd is not touched.
 */
import { existsSync, renameSync } from "node:fs";
import type { Desk } from "./core/desk.ts";
import type { Log } from "./log.ts";
import type { OutboxEvent } from "./outbox/schedule.ts";
import { type Change, type Ending, NewerStore, newEvent, openStore, type Recorded, type Retention, type Store } from "./store.ts";
import type { ClockMark } from "./clock.ts";

/** How often a lost store is tried again, at most, in ms. */
const againAfter = 10_000;

/** Opens the store, or goes on without one. */
export function openSafeStore(path: string, log: Log): SafeStore {
  return new SafeStore(path, log);
}

/** A store that never throws. Events that it could not write have negative ids and live in memory only. */
export class SafeStore implements Store {
  readonly #path: string;
  readonly #log: Log;
  #store: Store | undefined;
  #trouble: string | undefined;
  #tried = 0;
  #nextId = -1;
  /** What is true now, for the day that the disk comes back. */
  readonly #desks = new Map<string, Desk>();

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#open();
  }

  /** What is wrong with the store, in words; nothing when all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  desks(): Desk[] {
    return this.#try((store) => store.desks()) ?? [];
  }

  forget(extension: string): void {
    this.#desks.delete(extension);
    this.#try((store) => store.forget(extension));
  }

  commit(change: Change, now: number): OutboxEvent[] {
    this.#desks.set(change.desk.extension, change.desk);
    const written = this.#try((store) => store.commit(change, now));
    if (written !== undefined) return written;
    return change.tell.filter(({ lost }) => lost === undefined).map((event) => newEvent(this.#nextId--, event, now));
  }

  waiting(): OutboxEvent[] {
    return this.#try((store) => store.waiting()) ?? [];
  }

  untoldCalls(): { readonly desk: string; readonly call: string }[] {
    return this.#try((store) => store.untoldCalls()) ?? [];
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    if (event.id > 0) this.#try((store) => store.update(event, onTheWay));
  }

  end(id: number, ending: Ending, why: string, now: number): void {
    if (id > 0) this.#try((store) => store.end(id, ending, why, now));
  }

  retry(id: number, now: number): OutboxEvent | undefined {
    return this.#try((store) => store.retry(id, now));
  }

  list(all: boolean, limit: number): Recorded[] {
    return this.#try((store) => store.list(all, limit)) ?? [];
  }

  get(id: number): Recorded | undefined {
    return this.#try((store) => store.get(id));
  }

  prune(retention: Retention, now: number): number {
    return this.#try((store) => store.prune(retention, now)) ?? 0;
  }

  clock(): { readonly mark?: ClockMark; readonly last: number } {
    return this.#try((store) => store.clock()) ?? { last: 0 };
  }

  setClock(mark: ClockMark): void {
    this.#try((store) => store.setClock(mark));
  }

  close(): void {
    this.#try((store) => store.close());
    this.#store = undefined;
  }

  /** Does one thing with the store; nothing comes back when it cannot be done. */
  #try<T>(work: (store: Store) => T): T | undefined {
    if (this.#store === undefined) this.#openAgain();
    if (this.#store === undefined) return undefined;
    try {
      const result = work(this.#store);
      if (this.#trouble !== undefined) this.#healed();
      return result;
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #open(): void {
    this.#tried = performance.now();
    try {
      this.#store = openStore(this.#path);
    } catch (error) {
      if (isDamage(error) && this.#setAside()) return this.#openFresh();
      this.#say(error instanceof NewerStore ? error.message : `cannot open the store ${this.#path}: ${reason(error)}`);
    }
  }

  #openFresh(): void {
    try {
      this.#store = openStore(this.#path);
    } catch (error) {
      this.#say(`cannot open a new store ${this.#path}: ${reason(error)}`);
    }
  }

  #openAgain(): void {
    if (performance.now() - this.#tried < againAfter) return;
    this.#open();
    if (this.#store !== undefined) this.#healed();
  }

  #failed(error: unknown): void {
    if (isDamage(error)) {
      try {
        this.#store?.close();
      } catch {
        // It is damaged: closing may fail too, and the file is set aside either way.
      }
      this.#store = undefined;
      if (this.#setAside()) this.#openFresh();
    }
    this.#say(`cannot write the store ${this.#path}: ${reason(error)}`);
  }

  /** The disk takes writes again: what is true now is put there; what was told from memory meanwhile stays in memory. */
  #healed(): void {
    this.#log.info("The store works again", { path: this.#path });
    this.#trouble = undefined;
    for (const desk of this.#desks.values()) this.#try((store) => store.commit({ desk, tell: [], retire: [] }, 0));
  }

  #say(trouble: string): void {
    if (this.#trouble !== trouble) {
      this.#log.error("The store is lost: events are told from memory, and a crash or a power cut loses them", { why: trouble });
    }
    this.#trouble = trouble;
  }

  /** Puts a damaged store beside, for whoever wants to look at it. */
  #setAside(): boolean {
    const aside = `${this.#path}.damaged-${new Date().toISOString().replace(/[:.]/g, "-")}`;
    try {
      for (const suffix of ["", "-wal", "-shm"]) {
        if (existsSync(`${this.#path}${suffix}`)) renameSync(`${this.#path}${suffix}`, `${aside}${suffix}`);
      }
      this.#log.error("The store is damaged: it is set aside, and a new one begun", { aside });
      return true;
    } catch (error) {
      this.#log.error("The store is damaged, and cannot be set aside", { why: reason(error) });
      return false;
    }
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB, what quick_check finds, and state that is no JSON. */
function isDamage(error: unknown): boolean {
  if (error instanceof NewerStore) return false;
  const code = (error as { code?: unknown }).code;
  return code === "SQLITE_CORRUPT" || code === "SQLITE_NOTADB" || String(code).startsWith("SQLITE_CORRUPT") ||
    error instanceof SyntaxError ||
    (error instanceof Error && /is damaged|malformed/.test(error.message));
}

function reason(error: unknown): string {
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
