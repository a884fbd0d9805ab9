/** Events of an outbox, for tests. */
import type { Address, CrmEvent } from "../../../src/core/crm.ts";
import type { OutboxEvent } from "../../../src/outbox/record.ts";

/** The parts of an event that a test sets. */
export type EventPart = Partial<Omit<OutboxEvent, "event">> & {
  readonly name?: "ScreenPop" | "CallEstablished" | "CallReleased";
  readonly call?: string;
  /** Its agent has no address. */
  readonly nowhere?: true;
};

/** Where agent A's UWQ listens. */
export const home: Address = { address: "10.0.0.7", port: 8080 };

/** A new event: the ScreenPop of call c1 of agent A at desk 1001, created at 0, except for the parts that a test sets. */
export function event(id: number, { name = "ScreenPop", call = "c1", nowhere, ...part }: EventPart = {}): OutboxEvent {
  const sent: CrmEvent = name === "ScreenPop" ? { name, call, ani: "14155550123", dnis: "1001", data: {} } : { name, call };
  return {
    id,
    desk: "1001",
    agent: "A",
    ...(nowhere ? {} : { to: home }),
    event: sent,
    created: 0,
    attempts: 0,
    refusals: 0,
    reached: false,
    next: 0,
    ...part,
  };
}

/** Events, each of its own call. */
export function calls(count: number, part: EventPart = {}, from = 1): OutboxEvent[] {
  return Array.from({ length: count }, (_, n) => event(from + n, { call: `c${from + n}`, ...part }));
}

/** The events of call c1. */
export const pop = event(1);
export const established = event(2, { name: "CallEstablished" });
export const released = event(3, { name: "CallReleased" });
