/**
 * The store for the daemon, which never throws. While the disk is full, read-only or missing, the state is kept in memory, with
 * the reason in `trouble`; once the disk is writable again, the current state is written, including events settled meanwhile. A
 * damaged file is renamed, and a new one is created; the file of a newer telesetd is not changed.
 */
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClockMark } from "../platform/clock.ts";
import type { Address } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import { type Arrival, destinationAfter, takenBy } from "../core/destination.ts";
import type { DialRecord } from "../core/input.ts";
import type { Log } from "../log/log.ts";
import { type FileStore, newEvent, openStore } from "./sqlite.ts";
import { NewerStore } from "./open.ts";
import { isDamage, reason } from "./errors.ts";
import { recorded, Unwritten } from "./unwritten.ts";
import type {
  Change,
  DialPlace,
  OutboxEvent,
  Recorded,
  RecordedDial,
  Retention,
  Settlement,
  Store,
  StoredEvent,
} from "../outbox/record.ts";

/** How often a lost store is retried, in ms. */
const defaultRetryMs = 10_000;
/** The first event id if the store cannot be read: above any id that it may contain. */
const firstIdInMemory = 1_000_000_000;

/** Opens the store, or continues without one. `retryMs`: how often a lost one is retried. */
export function openSafeStore(path: string, log: Log, retryMs: number = defaultRetryMs): SafeStore {
  return new SafeStore(path, log, retryMs);
}

/** A store that never throws, and keeps in memory what it cannot write. */
export class SafeStore implements Store {
  readonly #path: string;
  readonly #log: Log;
  readonly #retryMs: number;
  #store: FileStore | undefined;
  #trouble: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The current state, to be written when the disk works again: desks, waiting events, and settled events and dials. */
  readonly #desks = new Map<string, Desk>();
  readonly #waiting = new Map<number, StoredEvent>();
  readonly #unwritten = new Unwritten();
  #suppressedCalls: { readonly desk: string; readonly call: string }[] = [];
  #clock: { mark?: ClockMark; last: number } = { last: 0 };
  #lastId = firstIdInMemory;

  constructor(path: string, log: Log, retryMs: number) {
    this.#path = path;
    this.#log = log;
    this.#retryMs = retryMs;
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
    return [...this.#desks.values()];
  }

  forget(extension: string): void {
    this.#desks.delete(extension);
    this.#write((store) => store.forget(extension));
  }

  commit(change: Change, now: number): OutboxEvent[] {
    const { desk, send, discard, arrival } = change;
    const [written] = this.#write((store) => store.commit(change, now)) ?? [];
    this.#desks.set(desk.extension, desk);
    for (const { agent, why } of discard) {
      const given = [...this.#waiting.values()].filter((event) => event.desk === desk.extension && event.agent === agent);
      this.#withdrawn(given.map(({ id }) => id), { why, ended: now }, written !== undefined);
    }
    if (arrival) this.#arrived(desk.extension, arrival);
    const added = written ?? send.flatMap((event) => this.#inMemory(event, now));
    for (const event of added) {
      this.#waiting.set(event.id, { ...event, onTheWay: event.attempts > 0 });
      this.#lastId = Math.max(this.#lastId, event.id);
    }
    return added;
  }

  #arrived(desk: string, arrival: Arrival): void {
    for (const { to, ...event } of this.#waiting.values()) {
      if (event.desk !== desk) continue;
      const after = destinationAfter({ agent: event.agent, to: to ?? null }, arrival);
      const taken = to && !after ? { why: takenBy(arrival.registration.agent) } : {};
      this.#waiting.set(event.id, { ...event, ...taken, ...(after ? { to: after } : {}) });
    }
  }

  /** Adds an event that cannot be written now; an undeliverable one is only recorded later. */
  #inMemory(sent: Change["send"][number], now: number): OutboxEvent[] {
    const event = newEvent(++this.#lastId, sent, now);
    if (sent.undeliverable === undefined) return [event];
    this.#unwritten.noteEnded({ ...event, onTheWay: false, settlement: "discarded", why: sent.undeliverable, ended: now });
    return [];
  }

  waiting(): OutboxEvent[] {
    return [...this.#waiting.values()].map(({ onTheWay, ...event }) => ({ ...event, reached: event.reached || onTheWay }));
  }

  suppressedCalls(): { readonly desk: string; readonly call: string }[] {
    return this.#suppressedCalls;
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    const kept = this.#waiting.get(event.id);
    if (kept) {
      // The destination changes only with a Register, and the courier does not keep it per event.
      const { to: _, ...tried } = event;
      this.#waiting.set(event.id, { ...tried, ...(kept.to ? { to: kept.to } : {}), onTheWay });
    }
    this.#write((store) => store.update(event, onTheWay));
  }

  settle(id: number, settlement: Settlement, why: string, now: number): void {
    const written = this.#write((store) => store.settle(id, settlement, why, now)) !== undefined;
    this.#end(id, { settlement, why, ended: now }, written);
  }

  withdraw(ids: readonly number[], why: string, now: number): void {
    const written = this.#write((store) => store.withdraw(ids, why, now)) !== undefined;
    this.#withdrawn(ids, { why, ended: now }, written);
  }

  /** Settles these events as discarded, without a destination. */
  #withdrawn(ids: readonly number[], end: Pick<Recorded, "why" | "ended">, written: boolean): void {
    for (const { to: _, ...event } of ids.flatMap((id) => this.#waiting.get(id) ?? [])) {
      this.#waiting.set(event.id, event);
      this.#end(event.id, { ...end, settlement: "discarded" }, written);
    }
  }

  #end(id: number, end: Pick<Recorded, "settlement" | "why" | "ended">, written: boolean): void {
    const event = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (event && !written) this.#unwritten.noteEnded({ ...event, ...end, onTheWay: false });
  }

  retry(id: number, now: number, to?: Address): OutboxEvent | undefined {
    const [written] = this.#write((store) => [store.retry(id, now, to)] as const) ?? [];
    const found = written?.[0] ?? this.#retryInMemory(id, now, to);
    if (found) this.#waiting.set(id, { ...found, onTheWay: false });
    return found;
  }

  #retryInMemory(id: number, now: number, to: Address | undefined): OutboxEvent | undefined {
    const event = this.#waiting.has(id) ? undefined : this.get(id);
    if (event?.settlement !== "discarded") return undefined;
    this.#unwritten.takeBack(id);
    const { settlement: _, ended: __, to: ___, ...given } = event;
    return { ...given, ...(to ? { to } : {}), created: now, next: now, attempts: 0, refusals: 0, reached: false };
  }

  list(all: boolean, limit: number, before: number = Infinity): Recorded[] {
    const lost = this.#trouble !== undefined;
    // While the store is lost, all waiting events are in memory.
    const stored = lost && !all ? [] : this.#read((store) => store.list(all, limit, before)) ?? [];
    return lost ? this.#unwritten.amongEvents(stored, this.#waiting, { all, limit, before }) : stored;
  }

  discarded(after: number, limit: number): Recorded[] {
    const stored = this.#read((store) => store.discarded(after, limit)) ?? [];
    return this.#unwritten.amongDiscarded(stored, after, limit);
  }

  get(id: number): Recorded | undefined {
    const kept = this.#trouble === undefined ? undefined : this.#waiting.get(id) ?? this.#unwritten.ended().get(id);
    return kept === undefined ? this.#read((store) => store.get(id)) : recorded(kept);
  }

  recordDial(desk: string, dial: DialRecord): void {
    const written = this.#write((store) => store.recordDial(desk, dial));
    if (!written) this.#unwritten.noteDial({ ...dial, desk });
  }

  dials(limit: number, before?: DialPlace): RecordedDial[] {
    return this.#unwritten.amongDials(this.#read((store) => store.dials(limit, before)) ?? [], limit, before);
  }

  prune(retention: Retention, now: number): number {
    return this.#write((store) => store.prune(retention, now))?.[0] ?? 0;
  }

  clock(): { readonly mark?: ClockMark; readonly last: number } {
    return this.#clock;
  }

  setClock(mark: ClockMark): void {
    this.#clock = { ...this.#clock, mark };
    this.#write((store) => store.setClock(mark));
  }

  /** Closes the store; a lost one is retried once more, to write the current state. */
  close(): void {
    if (this.#trouble !== undefined) this.#recover();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#read((store) => store.close());
    this.#store = undefined;
  }

  /** Reads something; returns undefined if that fails. */
  #read<T>(work: (store: FileStore) => T): T | undefined {
    try {
      return this.#store && work(this.#store);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Writes something; returns undefined if that fails, and does not try while the store is lost. */
  #write<T>(work: (store: FileStore) => T): [T] | undefined {
    if (this.#store === undefined || this.#trouble !== undefined) return undefined;
    try {
      return [work(this.#store)];
    } catch (error) {
      if (!this.#failed(error)) return undefined;
    }
    try {
      // A new store has replaced a damaged one, with the state before this write.
      return [work(this.#store)];
    } catch (error) {
      this.#lost(`cannot write the store ${this.#path}: ${reason(error)}`);
      return undefined;
    }
  }

  /** Opens the store, replacing a damaged one, and reads its content. */
  #open(): boolean {
    try {
      this.#openOnce();
      return true;
    } catch (error) {
      this.#close();
      if (!isDamage(error, this.#path) || !this.#setAside()) {
        this.#lost(error instanceof NewerStore ? error.message : `cannot open the store ${this.#path}: ${reason(error)}`);
        return false;
      }
    }
    try {
      this.#openOnce();
      return true;
    } catch (error) {
      this.#close();
      this.#lost(`cannot open a new store ${this.#path}: ${reason(error)}`);
      return false;
    }
  }

  #openOnce(): void {
    this.#store = openStore(this.#path);
    if (this.#trouble === undefined) this.#load(this.#store);
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
    // Reads everything first: an error must not leave a partial state.
    const [desks, waiting, calls, clock] = [store.desks(), store.waiting(), store.suppressedCalls(), store.clock()] as const;
    this.#lastId = store.lastId();
    for (const desk of desks) this.#desks.set(desk.extension, desk);
    for (const event of waiting) this.#waiting.set(event.id, { ...event, onTheWay: false });
    this.#suppressedCalls = calls;
    this.#clock = clock;
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

  #fill(): void {
    const events = [...this.#unwritten.ended().values(), ...this.#waiting.values()];
    this.#store?.restore([...this.#desks.values()], events, this.#unwritten.dials());
    if (this.#clock.mark) this.#store?.setClock(this.#clock.mark);
    this.#unwritten.clear();
  }

  /** Handles an error; returns true if a new store has replaced a damaged one. */
  #failed(error: unknown): boolean {
    if (isDamage(error, this.#path)) {
      this.#close();
      try {
        if (this.#setAside()) {
          this.#store = openStore(this.#path);
          this.#fill();
          return true;
        }
      } catch (failure) {
        this.#close();
        this.#lost(`cannot open a new store ${this.#path}: ${reason(failure)}`);
        return false;
      }
    }
    this.#lost(`cannot write the store ${this.#path}: ${reason(error)}`);
    return false;
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
