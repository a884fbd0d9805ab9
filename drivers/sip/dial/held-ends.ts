/**
 * The ends of a dial's legs, held back until the switch has given its reason for the dial itself: the phone's dialog may end,
 * without a reason, before the answer that has one (FreeSWITCH) or after it (Kamailio, by chance). Pure.
 */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Failure, LegFacts } from "../../../src/core/line.ts";

/** How long the end of a leg waits for its reason, in ms. */
const reasonWithin = 1000;

/** Ends of legs that wait for a reason, or for an outcome that has none. */
export interface HeldLegEnds {
  readonly waiting: readonly LegFacts[];
  /** When the waiting ends are reported without a reason, in ms. */
  readonly until?: number;
  /** The outcome of the dial is known: nothing is held back from now on. */
  readonly isSettled: boolean;
  /** Why the dial failed: the reason of every end. */
  readonly reason?: Failure;
}

/** The ends after a change, and those that are reported now. */
export interface Released {
  readonly held: HeldLegEnds;
  readonly ends: readonly LegFacts[];
}

export const noHeldEnds: HeldLegEnds = { waiting: [], isSettled: false };

/** A leg has ended. */
export function holdEnd(held: HeldLegEnds, facts: LegFacts, now: number): Released {
  const { until = now + reasonWithin } = held;
  const waiting = { ...held, waiting: [...held.waiting, facts], until };
  return held.isSettled ? released(waiting) : { held: waiting, ends: [] };
}

/** The outcome of the dial is known, once: a failure is the reason of every end, also of later ones. */
export function settleEnds(held: HeldLegEnds, reason?: Failure): Released {
  if (held.isSettled) return { held, ends: [] };
  return released({ ...held, isSettled: true, ...omitUndefined({ reason }) });
}

/** Time has passed. */
export function releaseLate(held: HeldLegEnds, now: number): Released {
  return held.until !== undefined && now >= held.until ? released(held) : { held, ends: [] };
}

function released({ until: _, waiting, ...held }: HeldLegEnds): Released {
  const { reason } = held;
  return { held: { ...held, waiting: [] }, ends: waiting.map((facts) => reason ? { ...facts, ended: reason } : facts) };
}
