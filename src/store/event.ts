/** An event in the store: how it starts, and its conversion from a row. */
import type { CrmEvent } from "../core/crm.ts";
import type { NewEvent, OutboxEvent, Recorded, Settlement } from "../outbox/record.ts";

/** A row of the table `events`. */
export interface Row {
  id: number;
  desk: string;
  agent: string;
  event: string;
  created: number;
  attempts: number;
  refusals: number;
  reached: number;
  on_the_way: number;
  next: number;
  why: string | null;
  address: string | null;
  port: number | null;
  settlement: Settlement | null;
  ended: number | null;
  withdrawn: number;
}

/** The initial state of an event. */
export function newEvent(id: number, { desk, agent, to, event, undeliverable, startNow }: NewEvent, now: number): OutboxEvent {
  const attempts = Number(startNow === true && undeliverable === undefined);
  return { id, desk, agent, ...(to ? { to } : {}), event, created: now, attempts, refusals: 0, reached: false, next: now };
}

/** An event as it is read again after a restart or a loss of the store: one that was on the way may have reached the CRM. */
export function attempted(event: OutboxEvent, onTheWay: boolean): OutboxEvent {
  return onTheWay ? { ...event, reached: true } : event;
}

/** An event that its agent no longer gets: it no longer has an address. */
export function discardedEvent({ to: _, ...event }: OutboxEvent, why: string, now: number): Recorded {
  return { ...event, settlement: "discarded", why, ended: now, withdrawn: true };
}

/** Reads a row. */
export function fromRow(row: Row): Recorded {
  return {
    id: row.id,
    desk: row.desk,
    agent: row.agent,
    ...(row.address === null || row.port === null ? {} : { to: { address: row.address, port: row.port } }),
    event: JSON.parse(row.event) as CrmEvent,
    created: row.created,
    attempts: row.attempts,
    refusals: row.refusals,
    reached: row.reached === 1 || row.on_the_way === 1,
    next: row.next,
    ...(row.why === null ? {} : { why: row.why }),
    ...(row.settlement === null ? {} : { settlement: row.settlement }),
    ...(row.ended === null ? {} : { ended: row.ended }),
    ...(row.withdrawn === 0 ? {} : { withdrawn: true as const }),
  };
}
