/** What goes into a step of the core and what comes out of it. */
import type { Callout, CrmEvent, Reply } from "./crm.ts";
import type { Desk } from "./desk.ts";
import type { CommandResult, LineCommand, LineEvent } from "./line.ts";

/** What a desk can be told. The ids of callouts are unique; a MakeCall's becomes the id of its call. */
export type Input =
  | { readonly type: "line"; readonly event: LineEvent }
  | { readonly type: "callout"; readonly id: string; readonly callout: Callout }
  | { readonly type: "result"; readonly command: LineCommand; readonly result: CommandResult }
  | { readonly type: "wake" };

/** What is to be done, in this order. */
export type Effect =
  /** Tell the CRM. `lost`: why it cannot be told (it goes on record all the same). */
  | { readonly type: "tell"; readonly agent: string; readonly event: CrmEvent; readonly lost?: string }
  /** Give up what still waits for this agent. */
  | { readonly type: "retire"; readonly agent: string; readonly why: string }
  | { readonly type: "drive"; readonly command: LineCommand }
  /** Answer a callout. */
  | { readonly type: "reply"; readonly to: string; readonly reply: Reply };

/** The outcome of a step. `wakeAt`: when the desk wants a `wake`, in ms. */
export interface Step {
  readonly desk: Desk;
  readonly effects: readonly Effect[];
  readonly wakeAt?: number;
}
