/** Settled events and dials that could not be written while the store is lost, to show them and to write them later. */
import { newestFirst } from "./dials.ts";
import type { DialPlace, Recorded, RecordedDial, StoredEvent } from "../outbox/record.ts";

/** The most settled events, and the most dials, that are kept; the oldest are dropped first. */
const maxUnwritten = 10_000;

/** Settled events and dials. */
export class Unwritten {
  readonly #ended = new Map<number, StoredEvent>();
  readonly #dials = new Map<string, RecordedDial>();

  /** The events, in the order in which they were settled. */
  ended(): ReadonlyMap<number, StoredEvent> {
    return this.#ended;
  }

  noteEnded(event: StoredEvent): void {
    bounded(this.#ended, event.id, event);
  }

  /** A page of all current events, newest first: those in the store, those waiting, and these. */
  amongEvents(
    stored: readonly Recorded[],
    waiting: ReadonlyMap<number, StoredEvent>,
    { all, limit, before }: { readonly all: boolean; readonly limit: number; readonly before: number },
  ): Recorded[] {
    const events = new Map(stored.map((event): [number, Recorded] => [event.id, event]));
    const ids = new Set([...events.keys(), ...waiting.keys(), ...(all ? this.#ended.keys() : [])]);
    // Typed arrays sort without a comparator, which is faster: there may be thousands.
    const newest = Float64Array.from(ids).filter((id) => id < before).sort().slice(-limit).reverse();
    return [...newest].flatMap((id) => {
      const kept = waiting.get(id) ?? this.#ended.get(id);
      return kept ? recorded(kept) : events.get(id) ?? [];
    });
  }

  /** A page of the discarded events, oldest first. */
  amongDiscarded(stored: readonly Recorded[], after: number, limit: number): Recorded[] {
    const own = [...this.#ended.values()].filter(({ id, settlement }) => id > after && settlement === "discarded").map(recorded);
    return [...stored.filter(({ id }) => !this.#ended.has(id)), ...own].sort((a, b) => a.id - b.id).slice(0, limit);
  }

  /** Removes an event that is waiting again. */
  takeBack(id: number): void {
    this.#ended.delete(id);
  }

  /** The dials, in the order in which they started. */
  dials(): RecordedDial[] {
    return [...this.#dials.values()];
  }

  noteDial(dial: RecordedDial): void {
    bounded(this.#dials, dial.id, dial);
  }

  /** A page of the stored dials merged with these, which have the newer outcomes. */
  amongDials(stored: readonly RecordedDial[], limit: number, before: DialPlace | undefined): RecordedDial[] {
    if (this.#dials.size === 0) return [...stored];
    const own = this.dials().filter((dial) => before === undefined || newestFirst(before, dial) < 0);
    return [...stored.filter(({ id }) => !this.#dials.has(id)), ...own].sort(newestFirst).slice(0, limit);
  }

  /** Forgets everything, once it is written. */
  clear(): void {
    this.#ended.clear();
    this.#dials.clear();
  }
}

function bounded<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > maxUnwritten && oldest !== undefined) map.delete(oldest);
}

/** An event in the form of the record. */
export function recorded({ onTheWay: _, ...event }: StoredEvent): Recorded {
  return event;
}
