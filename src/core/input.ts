/** The inputs of a step of the core, and its effects. */
import type { Address, Callout, CrmEvent, Registration, Reply } from "./crm.ts";
import type { Desk } from "./desk.ts";
import type { Arrival } from "./destination.ts";
import type { CallRecord } from "./history.ts";
import type { LineCommand, LineEvent } from "./line.ts";

/** An input of a desk. The ids of callouts are unique; that of a MakeCall becomes the id of its call. */
export type Input =
  | { readonly type: "line"; readonly event: LineEvent }
  | { readonly type: "callout"; readonly id: string; readonly callout: Callout }
  /** An agent has registered at another desk of the box, with an address that is new there. */
  | { readonly type: "arrival"; readonly registration: Registration }
  | { readonly type: "wake" };

/** A dial on record: which agent requested which number, from which address, and the outcome. */
export interface DialRecord {
  /** The id of the callout and of its call. */
  readonly id: string;
  readonly at: number;
  readonly agent: string;
  readonly from: string;
  readonly dialString: string;
  /** The number that was dialled, after the rules; absent if the dial string was refused. */
  readonly number?: string;
  readonly outcome: string;
}

/** The results of dials, for the counters; `called`: the switch does not report whether the number answered. */
export const dialResults = ["asked", "refused", "answered", "called", "failed"] as const;
export type DialResult = (typeof dialResults)[number];

/** An event to send to an agent. No `to`: it waits for the agent's next Register. `undeliverable`: why it is only recorded. */
export interface Sending {
  readonly agent: string;
  readonly to?: Address;
  readonly event: CrmEvent;
  readonly undeliverable?: string;
}

/** What to do, in this order. */
export type Effect =
  | ({ readonly type: "send" } & Sending)
  /** Discard the events that still wait for this agent. */
  | { readonly type: "discard"; readonly agent: string; readonly why: string }
  | { readonly type: "drive"; readonly command: LineCommand }
  /** Put a dial, or its new outcome, on record. */
  | { readonly type: "audit"; readonly dial: DialRecord; readonly result: DialResult }
  /** Put a call that has ended on record. */
  | { readonly type: "record"; readonly call: CallRecord }
  /** Answer a callout. */
  | { readonly type: "reply"; readonly to: string; readonly reply: Reply };

/** The outcome of a step. `wakeAt`: when the desk needs a `wake`, in ms. */
export interface Step {
  readonly desk: Desk;
  readonly effects: readonly Effect[];
  readonly wakeAt?: number;
}

/** The Register that an input reports, as this desk sees it. */
export function arrivalIn(input: Input, { registration }: Desk): Arrival | undefined {
  if (input.type === "arrival") return { registration: input.registration, atDesk: registration };
  if (input.type !== "callout" || input.callout.name !== "Register" || !registration) return undefined;
  return { registration, atDesk: registration };
}
