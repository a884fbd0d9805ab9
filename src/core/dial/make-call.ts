/** MakeCall: decides whether a number may be dialled at a desk now, and dials it when the CRM requests it. */
import { type DialledCall, dialledParty, newCall } from "../call.ts";
import type { Callout } from "../crm.ts";
import { type Desk, dialInProgress, withCall } from "../desk.ts";
import type { Step } from "../input.ts";
import { dialSteps } from "../number.ts";
import type { Policy } from "../policy.ts";
import { countDial, dialRefusal } from "./limits.ts";
import { dropDial, joinCurrentDial, recordOf } from "./progress.ts";
import { omitUndefined } from "../omit-undefined.ts";

/** The decision about a MakeCall. `number`: the number after the rules; absent if the dial string cannot be dialled. */
export type MakeCallDecision =
  | { readonly type: "refuse"; readonly why: string; readonly number?: string }
  /** The desk is already dialling this number: both get the same answer. */
  | { readonly type: "join"; readonly number: string }
  /** `plain`: the dial string without the characters that carry no meaning. `emergency`: no limit applies. */
  | { readonly type: "dial"; readonly number: string; readonly plain: string; readonly emergency: boolean };

/** The callouts that dial. */
export type MakeCall = Extract<Callout, { name: "MakeCall" | "DialCanonical" }>;

/** The decision about a MakeCall of the registered agent; `agent` is absent if no agent is registered. */
export type ForeseenMakeCall = MakeCallDecision & { readonly agent?: string };

/** Decides as for a MakeCall of the registered agent, and dials nothing: for `telesetd explain`. */
export function foreseeMakeCall(desk: Desk, dialString: string, now: number, policy: Policy): ForeseenMakeCall {
  const agent = desk.registration?.agent;
  return { ...decide(desk, agent, dialString, now, policy), ...omitUndefined({ agent }) };
}

function decide(desk: Desk, agent: string | undefined, dialString: string, now: number, policy: Policy): MakeCallDecision {
  const wanted = dialSteps(policy.numbers, dialString);
  if (!wanted.ok) return { type: "refuse", why: wanted.why };
  const { number, plain, emergency } = wanted;
  const current = dialInProgress(desk)?.dial;
  if (current?.number === number) return { type: "join", number };
  const why = emergency ? undefined : obstacleTo(desk, agent, now, policy);
  if (why !== undefined) return { type: "refuse", why, number };
  const { link } = desk.line;
  if (link.up) return { type: "dial", number, plain, emergency };
  const down = `Cannot dial: the connection to the phone system is down (${link.why}). Dial on the phone itself.`;
  return { type: "refuse", why: down, number };
}

/** Why a number may not be dialled now. Emergency numbers are exempt: a dial that hangs must not delay them. */
function obstacleTo(desk: Desk, agent: string | undefined, now: number, policy: Policy): string | undefined {
  const current = dialInProgress(desk)?.dial;
  if (current) return `Phone ${desk.extension} is still dialling another number: hang up first.`;
  return policy.dial && dialRefusal(desk, agent, now, policy.dial);
}

/** The desk and the effects after a MakeCall. The id of the callout becomes the id of the call. */
export function onMakeCall(desk: Desk, id: string, callout: MakeCall, now: number, policy: Policy): Step {
  const { agent, from, dialString } = callout;
  const decision = decide(desk, agent, dialString, now, policy);
  if (decision.type === "join") return joinCurrentDial(desk, id);
  const { number } = decision;
  if (decision.type === "refuse") {
    const { why } = decision;
    const dial = { id, at: now, agent, from, dialString, ...omitUndefined({ number }), outcome: `refused: ${why}` };
    return {
      desk,
      effects: [{ type: "reply", to: id, reply: { ok: false, why, refused: true } }, { type: "audit", result: "refused", dial }],
    };
  }
  const freed = dropDial(desk, now);
  const dialled = decision.plain === decision.number ? {} : { dialled: decision.plain };
  const call: DialledCall = {
    ...newCall(id, "makecall", desk.registration, now),
    party: dialledParty(decision.plain, policy.numbers),
    dial: { dialString, number: decision.number, agent, from, since: now, waiting: [id], settled: false, lifted: false },
  };
  return {
    desk: { ...withCall(freed.desk, call), dialled: countDial(desk.dialled, now) },
    effects: [
      ...freed.effects,
      { type: "audit", dial: recordOf(call, "asked"), result: "asked" },
      { type: "drive", command: { type: "dial", desk: desk.extension, call: id, number: decision.number, ...dialled } },
    ],
  };
}
