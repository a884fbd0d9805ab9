/**
 * The state of the store in memory: the desks, the waiting events, and the events settled and the dials made that are not written
 * yet. Plain objects, shared with the rest of telesetd: an event costs microseconds, and thousands that wait cost little memory.
 */
import type { Address } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import type { DialRecord } from "../core/input.ts";
import type {
  CallQuery,
  CallSpan,
  Change,
  DialPlace,
  OutboxEvent,
  Recorded,
  RecordedCall,
  RecordedDial,
  Settlement,
} from "../outbox/record.ts";
import { CallList, callName } from "./calls.ts";
import { Destinations } from "./destinations.ts";
import { newestFirst } from "./dials.ts";
import { attempted, discardedEvent, newEvent } from "./event.ts";

/** The changes are those of `Store`, and cannot fail. */
export class MemoryStore {
  readonly #desks = new Map<string, Desk>();
  readonly #waiting = new Map<number, OutboxEvent>();
  readonly #settled = new Map<number, Recorded>();
  readonly #dials = new Map<string, RecordedDial>();
  readonly #calls = new CallList();
  readonly #destinations = new Destinations();
  /** The highest event id ever used. */
  lastId: number;

  /** The first event gets the id after `lastId`. */
  constructor(lastId: number) {
    this.lastId = lastId;
  }

  desks(): Desk[] {
    return [...this.#desks.values()];
  }

  forget(extension: string): void {
    this.#desks.delete(extension);
  }

  commit({ desk, send, discard, calls = [], moved = [] }: Change, now: number): OutboxEvent[] {
    this.#desks.set(desk.extension, desk);
    for (const { agent, why } of discard) this.#discardAll(desk.extension, agent, why, now);
    for (const destination of moved) this.#destinations.put(desk.extension, destination);
    const added: OutboxEvent[] = [];
    for (const event of send) {
      const id = ++this.lastId;
      const fresh = newEvent(id, event, now);
      if (event.undeliverable === undefined) {
        added.push(fresh);
        this.#direct(fresh, fresh.to);
        this.#waiting.set(id, attempted(fresh, event.startNow === true));
      } else this.#settled.set(id, { ...fresh, why: event.undeliverable, settlement: "discarded", ended: now, withdrawn: true });
    }
    for (const call of calls) this.#calls.put(desk.extension, call, this.lastId);
    return added;
  }

  #discardAll(desk: string, agent: string, why: string, now: number): void {
    for (const event of this.#waiting.values()) {
      if (event.desk === desk && event.agent === agent) this.#end(discardedEvent(event, why, now));
    }
  }

  /** An event will wait, with this address. */
  #direct({ desk, agent }: OutboxEvent, to: Address | undefined): void {
    const isSame = (event: OutboxEvent) => event.desk === desk && event.agent === agent;
    this.#destinations.add(desk, agent, to, () => this.#waiting.values().some(isSame));
  }

  /** All events that wait, in order. */
  waiting(): OutboxEvent[] {
    return [...this.#waiting.values()].sort((a, b) => a.id - b.id).map((event) => this.#destinations.resolve(event));
  }

  update(event: OutboxEvent, onTheWay: boolean): void {
    const known = this.#waiting.get(event.id);
    if (!known) return;
    const { to: _, ...rest } = attempted({ ...event, next: Math.round(event.next) }, onTheWay);
    this.#waiting.set(event.id, known.to ? { ...rest, to: known.to } : rest);
  }

  settle(id: number, settlement: Settlement, why: string, now: number): void {
    const event = this.#waiting.get(id);
    if (event) this.#end({ ...this.#destinations.resolve(event), settlement, why, ended: now });
  }

  withdraw(ids: readonly number[], why: string, now: number): void {
    for (const id of ids) {
      const event = this.#waiting.get(id);
      if (event) this.#end(discardedEvent(event, why, now));
    }
  }

  #end(event: Recorded): void {
    this.#waiting.delete(event.id);
    this.#settled.set(event.id, event);
  }

  retry(id: number, now: number, to?: Address): OutboxEvent | undefined {
    const found = this.#settled.get(id);
    if (found?.settlement !== "discarded") return undefined;
    const { to: _, settlement: __, ended: ___, withdrawn: ____, ...rest } = found;
    const event = { ...rest, ...(to ? { to } : {}), created: now, next: now, attempts: 0, refusals: 0, reached: false };
    this.#settled.delete(id);
    this.#direct(event, to);
    this.#waiting.set(id, event);
    return this.get(id);
  }

  list(all: boolean, limit: number, before: number = Number.MAX_SAFE_INTEGER): Recorded[] {
    const ids = Float64Array.from(all ? [...this.#waiting.keys(), ...this.#settled.keys()] : this.#waiting.keys());
    const last = ids.sort().findLastIndex((id) => id < before) + 1;
    return [...ids.subarray(Math.max(0, last - limit), last)].reverse().flatMap((id) => this.get(id) ?? []);
  }

  discarded(after: number, limit: number): Recorded[] {
    return [...this.#settled.values()].filter(({ id, settlement }) => settlement === "discarded" && id > after)
      .sort((a, b) => a.id - b.id).slice(0, limit);
  }

  get(id: number): Recorded | undefined {
    const event = this.#waiting.get(id);
    return event ? this.#destinations.resolve(event) : this.#settled.get(id);
  }

  recordDial(desk: string, dial: DialRecord): void {
    const { outcome } = dial;
    const known = this.#dials.get(dial.id);
    this.#dials.set(dial.id, known ? { ...known, outcome } : { ...dial, desk });
  }

  dials(limit: number, before?: DialPlace): RecordedDial[] {
    return [...this.#dials.values()].filter((dial) => !before || newestFirst(before, dial) < 0).sort(newestFirst).slice(0, limit);
  }

  /** See `Store.calls`. */
  calls(query: CallQuery): RecordedCall[] {
    return this.#calls.list(query);
  }

  callsNamed(start: string, limit: number): RecordedCall[] {
    return this.#calls.named(start, limit);
  }

  eventsOf(calls: readonly CallSpan[]): Recorded[] {
    const names = new Set(calls.map(callName));
    return [...this.#waiting.values(), ...this.#settled.values()]
      .filter(({ desk, event }) => names.has(callName({ desk, id: event.call }))).sort((a, b) => a.id - b.id)
      .map((event) => this.#destinations.resolve(event));
  }

  /** Takes these desks, events and dials, replacing those it has. */
  restore(desks: readonly Desk[], events: readonly Recorded[], dials: readonly RecordedDial[]): void {
    for (const desk of desks) this.#desks.set(desk.extension, desk);
    for (const event of events) {
      (event.settlement === undefined ? this.#waiting : this.#settled).set(event.id, event);
    }
    for (const dial of dials) this.#dials.set(dial.id, dial);
  }

  /** Forgets the settled events, the dials and the calls. */
  forgetRecord(): void {
    this.#calls.drop(0);
    this.#settled.clear();
    this.#dials.clear();
  }

  /** Forgets the oldest settled events, dials and calls, of which at most `rows` each stay. */
  dropOldest(rows: number): void {
    this.#calls.drop(rows);
    const events = [...this.#settled.keys()].sort((a, b) => a - b);
    for (const id of events.slice(0, Math.max(0, events.length - rows))) this.#settled.delete(id);
    for (const { id } of this.dials(Number.MAX_SAFE_INTEGER).slice(rows)) this.#dials.delete(id);
  }
}
