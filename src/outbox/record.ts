/**
 * What the outbox keeps on record, and the store's contract: types alone, so that delivery and SQLite know only these of each
 * other.
 */
import type { Address, CrmEvent } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import type { CallRecord } from "../core/history.ts";
import type { DialRecord, Sending } from "../core/input.ts";
import type { ClockMark } from "../platform/clock.ts";

/** An event that the CRM has not confirmed. Times in ms of the daemon's steady clock. */
export interface OutboxEvent {
  readonly id: number;
  readonly desk: string;
  readonly agent: string;
  /** Where its agent's UWQ listens; absent while the agent has no address. */
  readonly to?: Address;
  readonly event: CrmEvent;
  readonly created: number;
  readonly attempts: number;
  /** How many of them went to former addresses of its agent; not stored. */
  readonly elsewhere?: number;
  /** How many attempts the CRM has refused (3xx, 4xx). */
  readonly refusals: number;
  /** An attempt may have reached the CRM: a timeout, or a crash in the middle. */
  readonly reached: boolean;
  /** Not before. */
  readonly next: number;
  /** Why the last attempt failed. */
  readonly why?: string;
}

/** A new event. `startNow`: its first attempt starts with the write. */
export interface NewEvent extends Sending {
  readonly desk: string;
  readonly startNow?: boolean;
}

/** Where the events that wait for an agent go from now on; without an address, why not. */
export interface NewDestination {
  readonly agent: string;
  readonly to?: Address;
  readonly why?: string;
}

/**
 * One step's change: the desk as it is now, what it sends, whose waiting events it discards, the records of its calls that have
 * ended, and whose events go elsewhere.
 */
export interface Change {
  readonly desk: Desk;
  readonly send: readonly NewEvent[];
  readonly discard: readonly { readonly agent: string; readonly why: string }[];
  readonly calls?: readonly CallRecord[];
  readonly moved?: readonly NewDestination[];
}

/** The final outcome of an event. */
export type Settlement = "delivered" | "discarded";

/** An event on record, settled or not. Times in ms of the steady clock. */
export interface Recorded extends OutboxEvent {
  readonly settlement?: Settlement;
  readonly ended?: number;
  /** It was discarded because its agent has unregistered. */
  readonly withdrawn?: true;
}

/** How many finished records are kept; `calls`: how many calls. */
export interface Retention {
  readonly days: number;
  readonly rows: number;
  readonly calls: number;
}

/** A call on record, with its desk and its place: when it ended, in ms, or a little more, because no other call has the same. */
export interface RecordedCall extends CallRecord {
  readonly place: number;
  readonly desk: string;
  /** The highest id of an event at its end. */
  readonly lastEvent: number;
}

/**
 * The part of a call that finds its events. `lastEvent`: the highest id of an event at its end; absent while it is in progress.
 */
export interface CallSpan {
  readonly id: string;
  readonly desk: string;
  readonly began: number;
  readonly lastEvent?: number;
}

/** Which calls on record, at most `limit`, the newest first. `before`: those with a lower place only. */
export interface CallQuery {
  readonly limit: number;
  readonly before?: number;
  readonly desk?: string;
}

/** A dial on record, with its desk. */
export interface RecordedDial extends DialRecord {
  readonly desk: string;
}

/** The position of a dial in the record, where the next page continues. */
export type DialPlace = Pick<RecordedDial, "at" | "id">;

/** The store's contract. */
export interface Store {
  /** The desks as they were stored; their line is unknown, their unanswered callouts are lost. */
  desks(): Desk[];
  /** Forgets a desk. */
  forget(extension: string): void;
  /** Writes one change; returns the events that now wait, those with `startNow` as attempted once. */
  commit(change: Change, now: number): OutboxEvent[];
  /** All events that wait, in order. Those that were on the way when the process died may have reached the CRM. */
  waiting(): OutboxEvent[];
  /** The live calls whose ScreenPop was discarded and cannot have arrived: their other events are not delivered either. */
  suppressedCalls(): { readonly desk: string; readonly call: string }[];
  /** Notes an attempt before it is made, or its result. */
  update(event: OutboxEvent, onTheWay: boolean): void;
  /** Notes the final outcome of an event. */
  settle(id: number, settlement: Settlement, why: string, now: number): void;
  /** Discards these events of an agent; they no longer have an address. */
  withdraw(ids: readonly number[], why: string, now: number): void;
  /** Makes a discarded event pending again, as if it were new, with this address; undefined if there is no such event. */
  retry(id: number, now: number, to?: Address): OutboxEvent | undefined;
  /** At most `limit` events on record, the newest first: those that wait, or all; `before`: those with a lower id only. */
  list(all: boolean, limit: number, before?: number): Recorded[];
  /** At most `limit` discarded events, the oldest first, those with a higher id than `after`. */
  discarded(after: number, limit: number): Recorded[];
  get(id: number): Recorded | undefined;
  /** Puts a dial on record, or changes its outcome. */
  recordDial(desk: string, dial: DialRecord): void;
  /** At most `limit` dials on record, the newest first; `before`: those that follow it. */
  dials(limit: number, before?: DialPlace): RecordedDial[];
  /** The calls on record. */
  calls(query: CallQuery): RecordedCall[];
  /** The calls on record whose id starts with this, at most `limit`: first those with this very id, then the newest. */
  callsNamed(start: string, limit: number): RecordedCall[];
  /** The events of these calls that are on record, in order. */
  eventsOf(calls: readonly CallSpan[]): Recorded[];
  /** Deletes old finished records; returns how many. */
  prune(retention: Retention, now: number): number;
  /** Does in a moment of silence what would otherwise delay an event sooner or later. */
  tidy(): void;
  /** The clock's mark, and the latest time on record. */
  clock(): { readonly mark?: ClockMark; readonly last: number };
  setClock(mark: ClockMark): void;
  close(): void;
}
