/**
 * The store as the daemon uses it: it never throws. When the disk is full, read-only or gone, the daemon goes on telling
 * events from memory and says so (`trouble`); when the disk takes writes again, what is true then is written, what was told
 * meanwhile too. A damaged file is set aside, not deleted, and a new one begun; one of a newer telesetd is not touched.
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

/** How often a lost store is tried again, in ms. */
const againAfter = 10_000;
/** Where the ids of events begin when nothing is known of the store: beyond any that it may hold. */
const idsFrom = 1_000_000_000;

/** Opens the store, or goes on without one. `again`: how often a lost one is tried again, in ms. */
export function openSafeStore(path: string, log: Log, again: number = againAfter): SafeStore {
  return new SafeStore(path, log, again);
}

/** A store that never throws. What it could not write it keeps in memory. */
export class SafeStore implements Store {
  readonly #path: string;
  readonly #log: Log;
  readonly #again: number;
  #store: FileStore | undefined;
  #trouble: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What is true now, for the day that the disk comes back: desks, what waits, and what was to go on record since it was lost. */
  readonly #desks = new Map<string, Desk>();
  readonly #waiting = new Map<number, StoredEvent>();
  readonly #unwritten = new Unwritten();
  #untold: { readonly desk: string; readonly call: string }[] = [];
  #clock: { mark?: ClockMark; last: number } = { last: 0 };
  #lastId = idsFrom;

  constructor(path: string, log: Log, again: number) {
    this.#path = path;
    this.#log = log;
    this.#again = again;
    if (this.#open()) return;
    this.#takeAlong();
    this.#tryLater();
  }

  /** What is wrong with the store, in words; nothing when all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Whether the store answers, or is declared lost: what the watchdog wants to know. */
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

  /** An event that cannot be written now; one that is lost anyway goes on record later. */
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
    return this.#untold;
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    const kept = this.#waiting.get(event.id);
    if (kept) {
      // Where it goes changes only with a Register: the courier knows it by agent, not by event.
      const { to: _, ...tried } = event;
      this.#waiting.set(event.id, { ...tried, ...(kept.to ? { to: kept.to } : {}), onTheWay });
    }
    this.#write((store) => store.update(event, onTheWay));
  }

  end(id: number, settlement: Settlement, why: string, now: number): void {
    const written = this.#write((store) => store.end(id, settlement, why, now)) !== undefined;
    this.#end(id, { settlement, why, ended: now }, written);
  }

  withdraw(ids: readonly number[], why: string, now: number): void {
    const written = this.#write((store) => store.withdraw(ids, why, now)) !== undefined;
    this.#withdrawn(ids, { why, ended: now }, written);
  }

  /** These go nowhere any more. */
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
    // While the store is lost, all that waits is known here.
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

  /** Writes what is true now, if there is still a way to. */
  close(): void {
    if (this.#trouble !== undefined) this.#heal();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#read((store) => store.close());
    this.#store = undefined;
  }

  /** Looks something up; nothing comes back when that fails. */
  #read<T>(work: (store: FileStore) => T): T | undefined {
    try {
      return this.#store && work(this.#store);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Writes something; nothing comes back when that fails, and nothing is tried while the store is lost. */
  #write<T>(work: (store: FileStore) => T): [T] | undefined {
    if (this.#store === undefined || this.#trouble !== undefined) return undefined;
    try {
      return [work(this.#store)];
    } catch (error) {
      if (!this.#failed(error)) return undefined;
    }
    try {
      // A new store has taken the place of a damaged one, and holds all that was true before this.
      return [work(this.#store)];
    } catch (error) {
      this.#say(`cannot write the store ${this.#path}: ${reason(error)}`);
      return undefined;
    }
  }

  /** Opens the store, a new one in place of a damaged one, and learns what stands in it. */
  #open(): boolean {
    try {
      this.#openOnce();
      return true;
    } catch (error) {
      this.#close();
      if (!isDamage(error, this.#path) || !this.#setAside()) {
        this.#say(error instanceof NewerStore ? error.message : `cannot open the store ${this.#path}: ${reason(error)}`);
        return false;
      }
    }
    try {
      this.#openOnce();
      return true;
    } catch (error) {
      this.#close();
      this.#say(`cannot open a new store ${this.#path}: ${reason(error)}`);
      return false;
    }
  }

  #openOnce(): void {
    this.#store = openStore(this.#path);
    if (this.#trouble === undefined) this.#learn(this.#store);
  }

  #close(): void {
    try {
      this.#store?.close();
    } catch {
      // It is damaged: closing may fail too, and it is given up either way.
    }
    this.#store = undefined;
  }

  #learn(store: FileStore): void {
    const known = { desks: store.desks(), waiting: store.waiting(), untold: store.suppressedCalls(), clock: store.clock() };
    this.#lastId = store.lastId();
    for (const desk of known.desks) this.#desks.set(desk.extension, desk);
    for (const event of known.waiting) this.#waiting.set(event.id, { ...event, onTheWay: false });
    this.#untold = known.untold;
    this.#clock = known.clock;
  }

  /** A store that cannot be written may be readable (a disk that is read-only after a power cut): a copy of it tells. */
  #takeAlong(): void {
    if (!existsSync(this.#path)) return;
    for (const place of [process.env["RUNTIME_DIRECTORY"], "/dev/shm", tmpdir()]) {
      if (place !== undefined && this.#learnFromCopy(place)) return;
    }
  }

  #learnFromCopy(place: string): boolean {
    let folder: string | undefined;
    try {
      folder = mkdtempSync(join(place, "telesetd-copy-"));
      for (const suffix of ["", "-wal"]) {
        if (existsSync(`${this.#path}${suffix}`)) copyFileSync(`${this.#path}${suffix}`, join(folder, `copy${suffix}`));
      }
      const store = openStore(join(folder, "copy"));
      this.#learn(store);
      store.close();
      return true;
    } catch {
      return false;
    } finally {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
  }

  #tryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#trouble !== undefined) this.#heal();
    }, this.#again);
    this.#timer.unref();
  }

  /** Tries whether the disk takes writes again: what is true now is put there. */
  #heal(): void {
    this.#tryLater();
    if (this.#store === undefined && !this.#open()) return;
    try {
      this.#fill();
    } catch (error) {
      this.#close();
      return this.#say(`cannot write the store ${this.#path}: ${reason(error)}`);
    }
    clearTimeout(this.#timer);
    this.#trouble = undefined;
    this.#log.rarely("store works", 5).info("The store works again", { path: this.#path });
  }

  #fill(): void {
    const { ended, dials } = { ended: this.#unwritten.ended().values(), dials: this.#unwritten.dials() };
    this.#store?.restore([...this.#desks.values()], [...ended, ...this.#waiting.values()], dials);
    if (this.#clock.mark) this.#store?.setClock(this.#clock.mark);
    this.#unwritten.clear();
  }

  /** True when a new store stands ready in place of a damaged one. */
  #failed(error: unknown): boolean {
    const trouble = `cannot write the store ${this.#path}: ${reason(error)}`;
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
        this.#say(`cannot open a new store ${this.#path}: ${reason(failure)}`);
        return false;
      }
    }
    this.#say(trouble);
    return false;
  }

  #say(trouble: string): void {
    if (this.#trouble !== trouble) {
      this.#log.rarely(`store ${trouble}`, 5).error(
        "The store is lost: events are told from memory, and a crash or a power cut loses them",
        { why: trouble },
      );
    }
    this.#trouble = trouble;
    this.#tryLater();
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
