/** What could not be written while the store is lost, for the record: written when the disk is back, and shown meanwhile. */
import { newestFirst } from "./dials.ts";
import type { DialPlace, Recorded, RecordedDial, StoredEvent } from "../outbox/record.ts";

/** How many events that ended, and how many dials, are remembered; the oldest are forgotten first. */
const most = 10_000;

/** Events that ended, and dials. */
export class Unwritten {
  readonly #ended = new Map<number, StoredEvent>();
  readonly #dials = new Map<string, RecordedDial>();

  /** The events, in the order in which they ended. */
  ended(): ReadonlyMap<number, StoredEvent> {
    return this.#ended;
  }

  noteEnded(event: StoredEvent): void {
    bounded(this.#ended, event.id, event);
  }

  /** A page of all events, the newest first, as they are now: what is on record, what waits, and these. */
  amongEvents(
    stored: readonly Recorded[],
    waiting: ReadonlyMap<number, StoredEvent>,
    { all, limit, before }: { readonly all: boolean; readonly limit: number; readonly before: number },
  ): Recorded[] {
    const events = new Map(stored.map((event): [number, Recorded] => [event.id, event]));
    const ids = new Set([...events.keys(), ...waiting.keys(), ...(all ? this.#ended.keys() : [])]);
    // Without a function that compares them: they may be thousands, for one page.
    const newest = Float64Array.from(ids).filter((id) => id < before).sort().slice(-limit).reverse();
    return [...newest].flatMap((id) => {
      const kept = waiting.get(id) ?? this.#ended.get(id);
      return kept ? recorded(kept) : events.get(id) ?? [];
    });
  }

  /** A page of the discarded events, the oldest first. */
  amongDiscarded(stored: readonly Recorded[], after: number, limit: number): Recorded[] {
    const own = [...this.#ended.values()].filter(({ id, settlement }) => id > after && settlement === "discarded").map(recorded);
    return [...stored.filter(({ id }) => !this.#ended.has(id)), ...own].sort((one, other) => one.id - other.id).slice(0, limit);
  }

  /** Takes an event out that waits again. */
  takeBack(id: number): void {
    this.#ended.delete(id);
  }

  /** The dials, in the order in which they began. */
  dials(): RecordedDial[] {
    return [...this.#dials.values()];
  }

  noteDial(dial: RecordedDial): void {
    bounded(this.#dials, dial.id, dial);
  }

  /** A page of the stored dials with these among them: a dial that both know has its newer outcome here. */
  amongDials(stored: readonly RecordedDial[], limit: number, before: DialPlace | undefined): RecordedDial[] {
    if (this.#dials.size === 0) return [...stored];
    const own = this.dials().filter((dial) => before === undefined || newestFirst(before, dial) < 0);
    return [...stored.filter(({ id }) => !this.#dials.has(id)), ...own].sort(newestFirst).slice(0, limit);
  }

  /** All is written. */
  clear(): void {
    this.#ended.clear();
    this.#dials.clear();
  }
}

function bounded<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

/** An event as it is on record. */
export function recorded({ onTheWay: _, ...event }: StoredEvent): Recorded {
  return event;
}
