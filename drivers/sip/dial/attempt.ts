/** A dial: its phase, its inputs and its effects. `step.ts` has the transitions. */
import type { CommandResult, DialCommand, LegFacts } from "../../../src/core/line.ts";
import type { LogFields } from "../../../src/log/log.ts";
import type { FinalResponse } from "../wire/transaction.ts";
import type { HeldLegEnds } from "./held-ends.ts";
import type { FarSign } from "../dialogs/own-dials.ts";

/** What is dialled, and how. All times in ms. */
export interface DialSettings extends Omit<DialCommand, "type"> {
  /** The phone is asked to dial, instead of being rung and transferred. */
  readonly isDirect: boolean;
  readonly ringMs: number;
  /** How long the switch may take to answer a request. */
  readonly answerMs: number;
  /** A 2xx that the NOTIFYs of the REFER report is the number's own answer. */
  readonly reportsAnswer: boolean;
}

/** The progress of a dial. All times in ms of the clock of `step`. */
export type Phase =
  /** The INVITE (or a direct dial's REFER) is sent. `giveUpAt`: it is cancelled; if it is already, the wait ends. */
  | { readonly name: "ringing"; readonly giveUpAt?: number; readonly isGivenUp: boolean; readonly isHeard: boolean }
  /** Something has answered: the phone, if the switch reports a dialog of the phone in time. */
  | { readonly name: "answered"; readonly shownBy: number }
  | { readonly name: "shown"; readonly referAt: number }
  /** The REFER has been sent; once it was accepted, the first NOTIFY and the last are due. */
  | { readonly name: "referred"; readonly firstBy?: number; readonly lastBy?: number }
  /** The outcome of the dial is known. `unreportedAt`: when the number counts as called, if the call is still active. */
  | { readonly name: "settled"; readonly overAt: number; readonly unreportedAt?: number }
  | { readonly name: "over" };

/** A dial. */
export interface Attempt {
  readonly settings: DialSettings;
  readonly phase: Phase;
  /** The stack's name for the dialog with the phone, while there is one. */
  readonly dialog?: string;
  /** The live legs of the dial. */
  readonly legs: readonly string[];
  /** The state of the one dialog that the switch reports for all calls of the phone. */
  readonly occupied?: "talking" | "ringing" | undefined;
  /** A NOTIFY of the REFER has arrived. */
  readonly isNotified: boolean;
  /** The switch has left the dialog: the handset was put down, or the switch has transferred the phone. */
  readonly isLeft: boolean;
  /** The outcome of the REFER; without a status it was not reported. */
  readonly outcome?: { readonly status?: number };
  readonly held: HeldLegEnds;
}

/** The parts of a final response that matter here. */
export interface DialResponse extends Pick<FinalResponse, "status" | "reason" | "own" | "dialog"> {
  /** The name of the cause in its Reason header. */
  readonly cause?: string | undefined;
}

/** What happens to a dial. */
export type DialInput =
  /** The INVITE is on its way, perhaps once more with a password. */
  | { readonly type: "sent" }
  | { readonly type: "provisional" }
  /** The final response to the INVITE or the REFER. */
  | { readonly type: "response"; readonly response: DialResponse }
  /** There will be no response. `result`: what that means for the dial, if it has none yet. */
  | { readonly type: "failed"; readonly result: CommandResult; readonly why: string }
  /** A NOTIFY of the REFER; `isLast`: none will follow. */
  | { readonly type: "notify"; readonly status?: number | undefined; readonly isLast: boolean }
  /** The switch ends the dialog. */
  | { readonly type: "bye" }
  /** The dialogs of the phone have changed. */
  | { readonly type: "dialogs"; readonly legs: readonly string[]; readonly occupied: Attempt["occupied"] }
  /** A leg of the dial has ended. */
  | { readonly type: "leg-ended"; readonly facts: LegFacts }
  /** The connection is lost. */
  | { readonly type: "lost"; readonly why: string }
  | { readonly type: "time" };

/** The effects, in order. */
export type DialEffect =
  | { readonly type: "invite" }
  /** Inside the dialog, or without one to the phone. */
  | { readonly type: "refer"; readonly dialog?: string }
  | { readonly type: "cancel" }
  | { readonly type: "bye"; readonly dialog: string }
  /** Reported once for each dial: `done` when the phone was answered. */
  | { readonly type: "result"; readonly result: CommandResult }
  | { readonly type: "far"; readonly sign: FarSign }
  | { readonly type: "leg"; readonly facts: LegFacts }
  /** The switch has said that the phone is not registered. */
  | { readonly type: "unregistered" }
  | { readonly type: "log"; readonly level: "info" | "warning"; readonly text: string; readonly fields: LogFields }
  /** The dial creates no further dialogs. */
  | { readonly type: "over" };

export interface AttemptStep {
  readonly attempt: Attempt;
  readonly effects: readonly DialEffect[];
  /** The time at which an input `time` is due, in ms. */
  readonly wakeAt?: number;
}
