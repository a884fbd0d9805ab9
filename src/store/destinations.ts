/**
 * Where the events that wait for an agent at a desk go, if that has changed since they were created. A Register changes one entry,
 * however many events wait.
 */
import type { Database } from "bun:sqlite";
import type { Address } from "../core/crm.ts";
import { isSameAddress } from "../core/destination.ts";
import type { NewDestination, Recorded } from "../outbox/record.ts";

/** Notes a changed entry; one without a destination is deleted. */
type Note = (desk: string, agent: string, destination: NewDestination | undefined) => void;

/** The changed destinations. */
export class Destinations {
  readonly #changed = new Map<string, NewDestination>();
  readonly #note: Note;

  /** @param note keeps the entries; `known`: those that have been kept. */
  constructor(note: Note = () => {}, known: readonly (readonly [desk: string, NewDestination])[] = []) {
    this.#note = note;
    for (const [desk, destination] of known) this.#changed.set(key(desk, destination.agent), destination);
  }

  /** The events that wait for this agent go elsewhere from now on. */
  put(desk: string, destination: NewDestination): void {
    this.#changed.set(key(desk, destination.agent), destination);
    this.#note(desk, destination.agent, destination);
  }

  /** One more event will wait, with this address; `anyWaits`: whether another one of its agent does, which it then follows. */
  add(desk: string, agent: string, to: Address | undefined, anyWaits: () => boolean): void {
    const known = this.#changed.size > 0 && this.#changed.get(key(desk, agent));
    if (!known || (to ? isSameAddress(to, known.to) : anyWaits())) return;
    if (to) return this.put(desk, { agent, to });
    this.#changed.delete(key(desk, agent));
    this.#note(desk, agent, undefined);
  }

  /** An event with its destination, if it waits. */
  resolve(event: Recorded): Recorded {
    const known = this.#changed.size > 0 && event.settlement === undefined && this.#changed.get(key(event.desk, event.agent));
    if (!known) return event;
    const { to: _, ...rest } = event;
    return { ...rest, ...(known.to ? { to: known.to } : {}), ...(known.why === undefined ? {} : { why: known.why }) };
  }

  /** Whether no destination has changed. */
  get isEmpty(): boolean {
    return this.#changed.size === 0;
  }

  /** Forgets all entries: every event has its own address again. */
  clear(): void {
    this.#changed.clear();
  }
}

function key(desk: string, agent: string): string {
  return `${desk}\n${agent}`;
}

/** The changed destinations in the store. */
export function storedDestinations(db: Database): Destinations {
  const put = db.query("INSERT OR REPLACE INTO destinations VALUES (?1, ?2, ?3, ?4, ?5)");
  const remove = db.query("DELETE FROM destinations WHERE desk = ?1 AND agent = ?2");
  const rows = db.query("SELECT * FROM destinations").all() as {
    desk: string;
    agent: string;
    address: string | null;
    port: number | null;
    why: string | null;
  }[];
  const known = rows.map(({ desk, agent, address, port, why }) => {
    const to = address === null || port === null ? {} : { to: { address, port } };
    return [desk, { agent, ...to, ...(why === null ? {} : { why }) }] as const;
  });
  return new Destinations((desk, agent, destination) => {
    if (!destination) remove.run(desk, agent);
    else put.run(desk, agent, destination.to?.address ?? null, destination.to?.port ?? null, destination.why ?? null);
  }, known);
}
