/**
 * Legs for a desk that the switch has sent elsewhere (follow-me, call forwarding). If the phone rings for the same caller, before
 * them or soon after, they are a part of that call; otherwise the desk had no part in the call, which is on record on its own.
 */
import type { Desk, ElsewhereLeg } from "./desk.ts";
import { elsewhereRecord } from "./history.ts";
import type { Effect } from "./input.ts";
import type { LineEvent } from "./line.ts";

/** How long the desk's own leg may start after it, in ms: a ring group calls all its places within a second. */
export const elsewhereWait = 3000;

/** The maximum number of such legs that wait; of more, a record is made at once. */
const maxWaiting = 8;

/** The desk after a leg that goes elsewhere, and its record if nothing can change that. */
export function onElsewhere(
  desk: Desk,
  { leg, farLeg, caller, to }: Extract<LineEvent, { type: "leg-elsewhere" }>,
  now: number,
): { readonly desk: Desk; readonly effects: readonly Effect[] } {
  const { elsewhere = [] } = desk;
  if (farLeg === undefined || elsewhere.length >= maxWaiting) {
    return { desk, effects: [{ type: "record", call: elsewhereRecord(leg, caller, to, now) }] };
  }
  const waiting = { leg, farLeg, ...(caller ? { caller } : {}), ...(to === undefined ? {} : { to }), at: now };
  return { desk: { ...desk, elsewhere: [...elsewhere, waiting] }, effects: [] };
}

/** The desk without the legs that belong to its own calls, and the records of those that have waited long enough. */
export function settleElsewhere(desk: Desk, now: number): { readonly desk: Desk; readonly effects: readonly Effect[] } {
  const { elsewhere = [], ...rest } = desk;
  if (elsewhere.length === 0) return { desk, effects: [] };
  const foreign = elsewhere.filter(({ farLeg }) => !isOwn(desk, farLeg));
  const waiting = foreign.filter(({ at }) => now < at + elsewhereWait);
  const effects = foreign.filter((leg) => !waiting.includes(leg)).map((leg): Effect => ({ type: "record", call: recordOf(leg) }));
  if (waiting.length === elsewhere.length) return { desk, effects };
  return { desk: { ...rest, ...(waiting.length > 0 ? { elsewhere: waiting } : {}) }, effects };
}

/** When the next record is due, in ms. */
export function elsewhereWakeAt({ elsewhere = [] }: Desk): number | undefined {
  const [first] = elsewhere;
  return first && first.at + elsewhereWait;
}

/** The record of such a leg. */
export function recordOf({ leg, caller, to, at }: ElsewhereLeg): ReturnType<typeof elsewhereRecord> {
  return elsewhereRecord(leg, caller, to, at);
}

function isOwn({ calls, endedFarLegs = [] }: Desk, farLeg: string): boolean {
  return endedFarLegs.includes(farLeg) || calls.some((call) => call.farLeg === farLeg || call.legs.includes(farLeg));
}
