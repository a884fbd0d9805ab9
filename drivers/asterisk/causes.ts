/** Why a channel has ended: Asterisk's cause (Q.850, causes.h) and the status of SIP, as a failure for people. Pure. */
import type { Failure } from "../../src/core/line.ts";
import { farEnd, handsetFailure } from "../shared/causes.ts";

/** The names of the causes, those that the shared sentences know. */
const names: Readonly<Record<number, string>> = {
  1: "UNALLOCATED_NUMBER",
  2: "NO_ROUTE_DESTINATION",
  3: "NO_ROUTE_DESTINATION",
  16: "NORMAL_CLEARING",
  17: "USER_BUSY",
  18: "NO_USER_RESPONSE",
  19: "NO_ANSWER",
  20: "SUBSCRIBER_ABSENT",
  21: "CALL_REJECTED",
  22: "NUMBER_CHANGED",
  // Answered elsewhere.
  26: "LOSE_RACE",
  27: "DESTINATION_OUT_OF_ORDER",
  28: "INVALID_NUMBER_FORMAT",
  34: "NORMAL_CIRCUIT_CONGESTION",
  38: "NORMAL_TEMPORARY_FAILURE",
  41: "NORMAL_TEMPORARY_FAILURE",
  42: "NORMAL_CIRCUIT_CONGESTION",
  44: "NORMAL_CIRCUIT_CONGESTION",
  50: "OUTGOING_CALL_BARRED",
  52: "OUTGOING_CALL_BARRED",
  58: "INCOMPATIBLE_DESTINATION",
  88: "INCOMPATIBLE_DESTINATION",
  102: "RECOVERY_ON_TIMER_EXPIRE",
};

/** The causes that say nothing about a phone that has not answered: the caller or the dialplan gave up. */
const silent = [0, 16, 127];

/** The ends of `Dial`, as causes of the far end (app_dial.c). */
const dialStatuses: Readonly<Record<string, string>> = {
  BUSY: "USER_BUSY",
  NOANSWER: "NO_ANSWER",
  CANCEL: "ORIGINATOR_CANCEL",
  CONGESTION: "NORMAL_CIRCUIT_CONGESTION",
  CHANUNAVAIL: "DESTINATION_OUT_OF_ORDER",
};

/** How a channel has ended. */
export interface End {
  /** Q.850; -1 if unknown. */
  readonly cause: number;
  readonly techCause: number;
  readonly causeText: string;
}

/** The end of a called phone that has not answered. `rang`: whether it had rung. */
export function unansweredEnd({ cause, techCause, causeText }: End, desk: string): Failure {
  // chan_pjsip reports 404 for a phone that is no longer registered.
  if (techCause === 404) return handsetFailure("USER_NOT_REGISTERED", desk);
  return handsetFailure(silent.includes(cause) ? "ORIGINATOR_CANCEL" : nameOf(cause, causeText), desk);
}

/** The end of a leg that was answered, or that has dialled. */
export function endOf(
  { cause, causeText }: End,
  desk: string,
  { calledFar, dialStatus, farAnswered }: {
    readonly calledFar: boolean;
    readonly dialStatus: string;
    readonly farAnswered: boolean;
  },
): Failure {
  const ofDial = farAnswered || !Object.hasOwn(dialStatuses, dialStatus) ? undefined : dialStatuses[dialStatus];
  const name = ofDial ?? (cause === 0 && !calledFar ? "NO_ROUTE_DESTINATION" : nameOf(cause, causeText));
  return { ...handsetFailure(name, desk), far: farEnd(name), ...(calledFar ? { calledFar: true } : {}) };
}

function nameOf(cause: number, text: string): string {
  return names[cause] ?? (cause <= 0 ? "NORMAL_CLEARING" : text || `CAUSE_${cause}`);
}
