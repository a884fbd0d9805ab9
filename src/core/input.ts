/** What goes into a step of the core and what comes out of it. */
import type { Address, Callout, CrmEvent, Registration, Reply } from "./crm.ts";
import type { Desk } from "./desk.ts";
import type { LineCommand, LineEvent } from "./line.ts";

/** What a desk can be told. The ids of callouts are unique; a MakeCall's becomes the id of its call. */
export type Input =
  | { readonly type: "line"; readonly event: LineEvent }
  | { readonly type: "callout"; readonly id: string; readonly callout: Callout }
  /** An agent has registered at another desk of the box, at an address that is new there. */
  | { readonly type: "arrival"; readonly registration: Registration }
  | { readonly type: "wake" };

/** A dial on record: who asked, from where, for what, and what became of it. */
export interface DialRecord {
  /** The callout's id, which is also the call's. */
  readonly id: string;
  readonly at: number;
  readonly agent: string;
  readonly from: string;
  readonly dialString: string;
  /** The number that was dialled, after the rules; absent when it came to none. */
  readonly number?: string;
  readonly outcome: string;
}

/** What became of a dial, in the few words that can be counted; `called`: the switch does not report whether the number answered. */
export const dialResults = ["asked", "refused", "answered", "called", "failed"] as const;
export type DialResult = (typeof dialResults)[number];

/** What is to be done, in this order. */
export type Effect =
  /** Send an event to the CRM. No `to`: it waits for the agent's next Register. `lost`: why it is discarded, and only recorded. */
  | {
    readonly type: "send";
    readonly agent: string;
    readonly to?: Address;
    readonly event: CrmEvent;
    readonly undeliverable?: string;
  }
  /** Give up what still waits for this agent. */
  | { readonly type: "discard"; readonly agent: string; readonly why: string }
  | { readonly type: "drive"; readonly command: LineCommand }
  /** Put a dial on record, or what became of it: by its callout's id. */
  | { readonly type: "audit"; readonly dial: DialRecord; readonly result: DialResult }
  /** Answer a callout. */
  | { readonly type: "reply"; readonly to: string; readonly reply: Reply };

/** The outcome of a step. `wakeAt`: when the desk wants a `wake`, in ms. */
export interface Step {
  readonly desk: Desk;
  readonly effects: readonly Effect[];
  readonly wakeAt?: number;
}
