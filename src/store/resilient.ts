/**
 * The store for the daemon, which never throws. While the disk is full, read-only or missing, the state is kept in memory, with
 * the reason in `trouble`; once the disk is writable again, the current state is written, including events settled meanwhile. A
 * damaged file is renamed, and a new one is created; the file of a newer telesetd is not changed.
 *
 * That an event was delivered is written with the next change, or after `maxNoteDelay`: after a crash in this time the event is
 * sent again. Everything else is written at once.
 */
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClockMark } from "../platform/clock.ts";
import type { Address } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import type { DialRecord } from "../core/input.ts";
import type { Log } from "../log/log.ts";
import { systemTimers, type Timers } from "../platform/timers.ts";
import { MemoryStore } from "./memory.ts";
import { type FileStore, openStore } from "./sqlite.ts";
import { NewerStore } from "./open.ts";
import { isDamage, reason } from "./errors.ts";
import { newestCalls } from "./calls.ts";
import { newestFirst } from "./dials.ts";
import type {
  CallQuery,
  CallSpan,
  Change,
  DialPlace,
  OutboxEvent,
  Recorded,
  RecordedCall,
  RecordedDial,
  Retention,
  Settlement,
  Store,
} from "../outbox/record.ts";

/** How often a lost store is retried, in ms. */
const defaultRetryMs = 10_000;
/** The maximum number of settled events, of dials and of calls that are kept in memory; the oldest are dropped first. */
const maxUnwritten = 10_000;
/** The number of changes between two checks of this limit. */
const changesBetweenDrops = 1000;
/** How long the note that an event was delivered may wait to be written, in ms. */
const maxNoteDelay = 50;
/** The first event id if the store cannot be read: above any id that it may contain. */
const firstIdInMemory = 1_000_000_000;

/** Opens the store, or continues without one. `retryMs`: how often a lost one is retried. */
export function openSafeStore(
  path: string,
  log: Log,
  retryMs: number = defaultRetryMs,
  timers: Pick<Timers, "after"> = systemTimers,
): SafeStore {
  return new SafeStore(path, log, retryMs, timers);
}

/** A change of the state, in memory or in the file. */
type Write<T> = (store: Pick<FileStore, keyof MemoryStore & keyof Store>) => T;

/** A store that never throws, and keeps in memory what it cannot write. */
export class SafeStore implements Store {
  readonly #path: string;
  readonly #log: Log;
  readonly #retryMs: number;
  readonly #timers: Pick<Timers, "after">;
  #store: FileStore | undefined;
  #trouble: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /**
   * The desks, the waiting events, and the events settled and the dials made while the store is lost, to be written when the disk
   * works again. Every change is made here first, so that a failing disk never interrupts one.
   */
  #memory = new MemoryStore(firstIdInMemory);
  /** The changes that are not in the file yet, in order, and the function that cancels their timer. */
  #waitingWrites: Write<unknown>[] = [];
  #cancelWrite = (): void => {};
  /** The number of changes since the store was lost. */
  #unwritten = 0;
  #suppressedCalls: { readonly desk: string; readonly call: string }[] = [];
  #clock: { mark?: ClockMark; last: number } = { last: 0 };
  readonly #followers = new Set<() => void>();

  constructor(path: string, log: Log, retryMs: number, timers: Pick<Timers, "after">) {
    this.#path = path;
    this.#log = log;
    this.#retryMs = retryMs;
    this.#timers = timers;
    if (this.#open()) return;
    this.#readCopy();
    this.#retryLater();
  }

  /** What is wrong with the store, as a phrase; undefined if all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether the store answers or is declared lost, for the watchdog. */
  answers(): boolean {
    return this.#read((store) => store.lastId()) !== undefined || this.#trouble !== undefined;
  }

  desks(): Desk[] {
    return this.#memory.desks();
  }

  forget(extension: string): void {
    this.#change((store) => store.forget(extension));
  }

  commit(change: Change, now: number): OutboxEvent[] {
    return this.#change((store) => store.commit(change, now));
  }

  waiting(): OutboxEvent[] {
    return this.#memory.waiting();
  }

  suppressedCalls(): { readonly desk: string; readonly call: string }[] {
    return this.#suppressedCalls;
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    this.#change((store) => store.update(event, onTheWay));
  }

  settle(id: number, settlement: Settlement, why: string, now: number): void {
    const mayWait = settlement === "delivered";
    this.#change((store) => store.settle(id, settlement, why, now), mayWait);
  }

  withdraw(ids: readonly number[], why: string, now: number): void {
    this.#change((store) => store.withdraw(ids, why, now));
  }

  retry(id: number, now: number, to?: Address): OutboxEvent | undefined {
    const event = this.get(id);
    if (event?.settlement !== "discarded") return undefined;
    this.#memory.restore([], [event], []);
    return this.#change((store) => store.retry(id, now, to));
  }

  list(all: boolean, limit: number, before?: number): Recorded[] {
    const stored = this.#read((store) => store.list(all, limit, before)) ?? [];
    if (this.#trouble === undefined) return stored;
    const own = this.#memory.list(all, limit, before);
    // While the store is lost, all waiting events are in memory.
    return all ? [...own, ...this.#unchanged(stored)].sort((a, b) => b.id - a.id).slice(0, limit) : own;
  }

  discarded(after: number, limit: number): Recorded[] {
    const stored = this.#read((store) => store.discarded(after, limit)) ?? [];
    const own = this.#memory.discarded(after, limit);
    return [...own, ...this.#unchanged(stored)].sort((a, b) => a.id - b.id).slice(0, limit);
  }

  get(id: number): Recorded | undefined {
    return this.#memory.get(id) ?? this.#read((store) => store.get(id));
  }

  /** The stored events that have not changed in memory. */
  #unchanged(stored: readonly Recorded[]): Recorded[] {
    return stored.filter(({ id }) => this.#memory.get(id) === undefined);
  }

  recordDial(desk: string, dial: DialRecord): void {
    this.#change((store) => store.recordDial(desk, dial));
  }

  dials(limit: number, before?: DialPlace): RecordedDial[] {
    const stored = this.#read((store) => store.dials(limit, before)) ?? [];
    const own = this.#memory.dials(limit, before);
    const ids = new Set(own.map(({ id }) => id));
    return [...own, ...stored.filter(({ id }) => !ids.has(id))].sort(newestFirst).slice(0, limit);
  }

  calls(query: CallQuery): RecordedCall[] {
    const stored = this.#read((store) => store.calls(query)) ?? [];
    return this.#trouble === undefined ? stored : newestCalls(this.#memory.calls(query), stored, query.limit);
  }

  callsNamed(start: string, limit: number): RecordedCall[] {
    const stored = this.#read((store) => store.callsNamed(start, limit)) ?? [];
    return this.#trouble === undefined ? stored : newestCalls(this.#memory.callsNamed(start, limit), stored, limit, start);
  }

  eventsOf(calls: readonly CallSpan[]): Recorded[] {
    const stored = this.#read((store) => store.eventsOf(calls)) ?? [];
    if (this.#trouble === undefined) return stored;
    return [...this.#memory.eventsOf(calls), ...this.#unchanged(stored)].sort((a, b) => a.id - b.id);
  }

  prune(retention: Retention, now: number): number {
    return this.#read((store) => this.#trouble === undefined ? store.prune(retention, now) : 0) ?? 0;
  }

  tidy(): void {
    if (this.#trouble === undefined) this.#read((store) => store.tidy());
  }

  clock(): { readonly mark?: ClockMark; readonly last: number } {
    return this.#clock;
  }

  setClock(mark: ClockMark): void {
    this.#clock = { ...this.#clock, mark };
    if (this.#trouble === undefined) this.#read((store) => store.setClock(mark));
  }

  /** Closes the store; a lost one is retried once more, to write the current state. */
  close(): void {
    if (this.#trouble !== undefined) this.#recover();
    this.#write();
    clearTimeout(this.#timer);
    this.#read((store) => store.close());
    this.#store = undefined;
  }

  /** Reads something, as it is after all changes; returns undefined if that fails. */
  #read<T>(work: (store: FileStore) => T): T | undefined {
    this.#write();
    try {
      return this.#store && work(this.#store);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Calls a function after each change, until the returned function is called. */
  follow(changed: () => void): () => void {
    this.#followers.add(changed);
    return () => void this.#followers.delete(changed);
  }

  /** Changes the state in memory, then in the store unless it is lost; a change that `mayWait` with the next one. */
  #change<T>(work: Write<T>, mayWait = false): T {
    const result = work(this.#memory);
    for (const changed of this.#followers) changed();
    if (this.#store === undefined || this.#trouble !== undefined) {
      if (++this.#unwritten % changesBetweenDrops === 0) this.#memory.dropOldest(maxUnwritten);
      return result;
    }
    this.#waitingWrites.push(work);
    if (!mayWait) this.#write();
    else if (this.#waitingWrites.length === 1) this.#cancelWrite = this.#timers.after(maxNoteDelay, () => this.#write());
    return result;
  }

  /** Writes the changes that wait, in one transaction. */
  #write(): void {
    const [store, writes] = [this.#store, this.#waitingWrites];
    if (store === undefined || writes.length === 0) return;
    this.#cancelWrite();
    this.#waitingWrites = [];
    try {
      if (writes.length === 1) writes[0]?.(store);
      else store.together(() => writes.forEach((write) => write(store)));
      this.#memory.forgetRecord();
    } catch (error) {
      this.#failed(error);
      this.#unwritten += writes.length;
    }
  }

  /** Opens the store, replacing a damaged one, and reads its content. */
  #open(isNew = false): boolean {
    try {
      this.#store = openStore(this.#path);
      if (this.#trouble === undefined) this.#load(this.#store);
      return true;
    } catch (error) {
      this.#close();
      if (!isNew && isDamage(error, this.#path) && this.#setAside()) return this.#open(true);
      const what = isNew ? "a new store" : "the store";
      this.#lost(error instanceof NewerStore ? error.message : `cannot open ${what} ${this.#path}: ${reason(error)}`);
      return false;
    }
  }

  #close(): void {
    try {
      this.#store?.close();
    } catch {
      // It is damaged: closing may fail too, and it is abandoned anyway.
    }
    this.#store = undefined;
  }

  #load(store: FileStore): void {
    const memory = new MemoryStore(store.lastId());
    memory.restore(store.desks(), store.waiting(), []);
    this.#suppressedCalls = store.suppressedCalls();
    this.#clock = store.clock();
    this.#memory = memory;
  }

  /** Reads a copy of a store that cannot be written but may be readable (a disk that is read-only after a power cut). */
  #readCopy(): void {
    if (!existsSync(this.#path)) return;
    const places = [process.env["RUNTIME_DIRECTORY"], "/dev/shm", tmpdir()].filter((place) => place !== undefined);
    places.some((place) => this.#readCopyIn(place));
  }

  #readCopyIn(place: string): boolean {
    let folder: string | undefined;
    try {
      folder = mkdtempSync(join(place, "telesetd-copy-"));
      for (const suffix of ["", "-wal"]) {
        if (existsSync(`${this.#path}${suffix}`)) copyFileSync(`${this.#path}${suffix}`, join(folder, `copy${suffix}`));
      }
      const store = openStore(join(folder, "copy"));
      this.#load(store);
      store.close();
      return true;
    } catch {
      return false;
    } finally {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#trouble !== undefined) this.#recover();
    }, this.#retryMs);
    this.#timer.unref();
  }

  /** Retries a lost store, and writes the current state. */
  #recover(): void {
    this.#retryLater();
    if (this.#store === undefined && !this.#open()) return;
    try {
      this.#fill();
    } catch (error) {
      this.#close();
      return this.#lost(`cannot write the store ${this.#path}: ${reason(error)}`);
    }
    clearTimeout(this.#timer);
    this.#trouble = undefined;
    this.#log.rarely("store works", 5).info("The store works again", { path: this.#path });
  }

  /** Writes the state in memory to the store. */
  #fill(): void {
    const all = Number.MAX_SAFE_INTEGER;
    const memory = this.#memory;
    this.#store?.restore(memory.desks(), memory.list(true, all), memory.dials(all), memory.calls({ limit: all }));
    if (this.#clock.mark) this.#store?.setClock(this.#clock.mark);
    // Both must give the next event the same id.
    this.#store?.raiseLastId(this.#memory.lastId);
    this.#memory.lastId = Math.max(this.#memory.lastId, this.#store?.lastId() ?? 0);
    this.#memory.forgetRecord();
    this.#unwritten = 0;
  }

  /** Handles an error: a new store replaces a damaged one, otherwise the store is lost. */
  #failed(error: unknown): void {
    if (!isDamage(error, this.#path)) return this.#lost(`cannot write the store ${this.#path}: ${reason(error)}`);
    this.#close();
    try {
      if (!this.#setAside()) return this.#lost(`cannot write the store ${this.#path}: ${reason(error)}`);
      this.#store = openStore(this.#path);
      this.#fill();
    } catch (failure) {
      this.#close();
      this.#lost(`cannot open a new store ${this.#path}: ${reason(failure)}`);
    }
  }

  #lost(trouble: string): void {
    if (this.#trouble !== trouble) {
      this.#log.rarely(`store ${trouble}`, 5).error(
        "Store unavailable: events are kept in memory and would be lost in a crash or power cut",
        { why: trouble },
      );
    }
    this.#trouble = trouble;
    this.#retryLater();
  }

  /** Renames a damaged store, for later analysis. */
  #setAside(): boolean {
    const aside = `${this.#path}.damaged-${new Date().toISOString().replace(/[:.]/g, "-")}`;
    try {
      for (const suffix of ["", "-wal", "-shm"]) {
        if (existsSync(`${this.#path}${suffix}`)) renameSync(`${this.#path}${suffix}`, `${aside}${suffix}`);
      }
      this.#log.error("The store is damaged: it was renamed, and a new one created", { aside });
      return true;
    } catch (error) {
      this.#log.error("The store is damaged, and cannot be renamed", { why: reason(error) });
      return false;
    }
  }
}
