/**
 * What the FreeSWITCH driver reports about a handset's leg, event by event, from the recordings of a live switch
 * (test/fixtures/recordings): the facts that `translate.ts` makes of CREATE, PROGRESS, CALLSTATE, ANSWER, BRIDGE ...
 */
import type { LegFacts, Party } from "../../../src/core/line.ts";

/** A leg of a handset: the facts of all its events. */
export type Leg = Pick<LegFacts, "desk" | "leg" | "direction" | "caller" | "dialled" | "farLeg" | "callerDialled">;

/** A leg on which the phone is called. */
export function called(desk: string, leg: string, caller: Party): Leg {
  return { desk, leg, direction: "to-desk", caller, farLeg: `${leg}-far`, callerDialled: desk };
}

/** A leg on which the phone has dialled. */
export function dials(desk: string, leg: string, dialled: string): Leg {
  return { desk, leg, direction: "from-desk", dialled };
}

/** CREATE, PROGRESS, CALLSTATE RINGING: the called phone rings. */
export function rings(leg: Leg): LegFacts[] {
  return [leg, { ...leg, rings: true }, bare(leg, { rings: true })];
}

/** ANSWER, CALLSTATE ACTIVE, CALL_UPDATE: the called phone is answered. */
export function answers(leg: Leg): LegFacts[] {
  const far = { answered: true, farCalled: true, farAnswered: true };
  const partner = { ...leg.caller, dialledByLeg: false } as Party;
  return [{ ...leg, rings: true, ...far }, bare(leg, { answered: true }), { ...leg, ...far, partner }];
}

/** CREATE, CALLSTATE: the phone has dialled, nothing is known about the far end yet. */
export function begins(leg: Leg): LegFacts[] {
  return [leg, bare(leg, {})];
}

/** PROGRESS with a far leg: the far end rings. */
export function farRings(leg: Leg): LegFacts[] {
  return [{ ...leg, farCalled: true }];
}

/** PROGRESS, PROGRESS_MEDIA of a dialplan without a far end: a tone, an announcement. */
export function announcement(leg: Leg): LegFacts[] {
  return [leg, leg, bare(leg, {})];
}

/** PROGRESS_MEDIA, ANSWER, BRIDGE, CALL_UPDATE: the far end answers a call that the phone has dialled. */
export function farAnswers(leg: Leg, partner: Party): LegFacts[] {
  const bridged: LegFacts = {
    ...leg,
    farLeg: `${leg.leg}-far`,
    answered: true,
    farCalled: true,
    farAnswered: true,
    partner: { ...partner, dialledByLeg: true },
  };
  return [{ ...leg, farCalled: true }, { ...leg, answered: true }, bare(leg, { answered: true }), bridged, bridged];
}

/** UNBRIDGE: the far end has hung up, the leg of the handset is alive. */
export function unbridged(leg: Leg): LegFacts[] {
  return [{ ...leg, farLeg: `${leg.leg}-far`, answered: true, farCalled: true, farAnswered: true }];
}

/** CALLSTATE HELD, HOLD. */
export function holds(leg: Leg): LegFacts[] {
  return [bare(leg, { answered: true }), { ...leg, answered: true, farCalled: true, farAnswered: true, held: true }];
}

/** CALLSTATE UNHELD, UNHOLD, CALLSTATE ACTIVE. */
export function retrieves(leg: Leg): LegFacts[] {
  const back: LegFacts = { ...leg, answered: true, farCalled: true, farAnswered: true, held: false };
  return [bare(leg, { answered: true }), back, bare(leg, { answered: true })];
}

/** HANGUP, HANGUP_COMPLETE, DESTROY. */
export function ends(leg: Leg, cause = "NORMAL_CLEARING"): LegFacts[] {
  const end = bare(leg, { ended: { cause, why: `In words: ${cause}.` } });
  return [end, end, end];
}

/** CALLSTATE has no variables: neither direction nor numbers. */
function bare({ desk, leg }: Leg, signs: Partial<LegFacts>): LegFacts {
  return { desk, leg, ...signs };
}
