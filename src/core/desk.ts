/**
 * A desk: one extension with its agent, the state of its line, and its calls. This file turns the facts of legs into calls: which
 * leg belongs to which call, when a call starts, and when it ends.
 */
import type { Agent } from "./agent/agent.ts";
import {
  type Call,
  changedParty,
  type DialledCall,
  eventsDue,
  firstId,
  hasDial,
  isCall,
  newCall,
  type Origin,
  type PopPolicy,
  withFacts,
  withNewParty,
} from "./call.ts";
import type { CrmEvent, Registration } from "./crm.ts";
import type { Dial, DialCount, DialOutcome } from "./dial/dial.ts";
import { type Arrival, destinationAfter, isSameAddress } from "./destination.ts";
import { type Failure, gone, type LegFacts, type Party } from "./line.ts";
import { aniSteps, type NumberPlan } from "./number.ts";

/** The state of the line: the link to the switch, and the phone's registration there. */
export interface LineState {
  readonly link: { readonly up: true; readonly to: string } | { readonly up: false; readonly why: string };
  readonly phone: "registered" | "unregistered" | "unknown";
  readonly contact?: string;
  /** Why the phone is not registered, if the switch gives a reason. */
  readonly why?: string;
}

/** The whole state of one desk. A plain value: it is stored as JSON. */
export interface Desk {
  readonly extension: string;
  readonly line: LineState;
  readonly registration: Registration | null;
  /** When the registered agent sent the last Register, in ms. */
  readonly registeredAt?: number;
  readonly agents: readonly Agent[];
  readonly calls: readonly Call[];
  readonly lastDial: DialOutcome | null;
  /** The number of recent dials by MakeCall. */
  readonly dialled?: DialCount;
  /** TelephonyDisabled has been sent, and TelephonyEnabled has not. */
  readonly lineLost?: boolean;
  /** The ids of legs and calls that have ended, the newest last: later facts about them are ignored. */
  readonly recentlyEnded: readonly string[];
  /** Ended legs that the switch has listed again since, the newest last: it may do so for hours, and after a restart too. */
  readonly listedAfterEnd?: readonly string[];
  /** The oldest first; see `elsewhere.ts`. */
  readonly elsewhere?: readonly ElsewhereLeg[];
  /** The far legs of calls that have ended, the newest last: the switch may call other places for them afterwards. */
  readonly endedFarLegs?: readonly string[];
}

/** A leg that the switch has sent elsewhere (follow-me), and that may be a part of a call that rings at the desk too. */
export interface ElsewhereLeg {
  readonly leg: string;
  /** The leg that has caused it. */
  readonly farLeg: string;
  readonly caller?: Party;
  readonly to?: string;
  /** When it started, in ms. */
  readonly at: number;
}

/** The maximum number of far legs of ended calls that are remembered. */
const maxEndedFarLegs = 8;

/** The maximum number of ended legs and calls that are remembered. */
const maxRecentlyEnded = 64;

/** The maximum number of ended legs that are remembered because the switch still lists them. */
const maxListedAfterEnd = 8;

/** A desk without a known state. */
export function newDesk(extension: string): Desk {
  return { extension, line: unknownLine, registration: null, agents: [], calls: [], lastDial: null, recentlyEnded: [] };
}

/** The line before the first connect, and after a restart. */
export const unknownLine: LineState = { link: { up: false, why: "not connected yet" }, phone: "unknown" };

/** Why the phone cannot ring, as a sentence for the agent; undefined unless the phone is known to be unregistered. */
export function phoneTrouble(extension: string, { phone, why }: LineState): string | undefined {
  return phone === "unregistered" ? why ?? `Phone ${extension} is not registered: check its cable and power.` : undefined;
}

/** A call that has ended. `continued`: its legs and its dial belong to the next call, with another party. */
export interface Ended {
  readonly call: Call;
  readonly failure: Failure;
  readonly continued?: true;
}

/** A change of the calls. */
export interface CallChange {
  readonly desk: Desk;
  /** The events to send, in order, each with its call. */
  readonly send: readonly { readonly call: Call; readonly event: CrmEvent }[];
  /** The calls that have ended, with the reason. */
  readonly ended: readonly Ended[];
}

/** The desk after the facts of one leg. */
export function onLeg(desk: Desk, facts: LegFacts, policy: PopPolicy, now: number): CallChange {
  if (hasEnded(desk, facts.leg)) {
    return { desk: facts.ended ? desk : withListedAfterEnd(desk, facts.leg), send: [], ended: [] };
  }
  const old = callOf(desk, facts, policy.numbers);
  if (facts.ended) return endLeg(desk, old, facts.leg, facts.ended, now);
  const origin = old?.origin ?? originOf(facts);
  if (origin === undefined) return { desk, send: [], ended: [] };
  const id = facts.call ?? facts.leg;
  if (!old && hasEnded(desk, id)) return { desk, send: [], ended: [] };
  const begun = old ?? newCall(id, origin, desk.registration, now);
  const party = policy.onPartyChange === "new" ? changedParty(begun, facts, policy.numbers) : undefined;
  if (party && begun.popped) return changeParty(desk, begun, withNewParty(begun, party, now), facts, policy);
  const { call, events } = eventsDue(
    withFacts(party ? { ...begun, party } : begun, facts, policy.numbers),
    desk.extension,
    policy,
  );
  return { desk: withCall(desk, call), send: events.map((event) => ({ call, event })), ended: [] };
}

/** For the CRM the call with the former party ends, and one with the new party starts. */
function changeParty(desk: Desk, before: Call, after: Call, facts: LegFacts, policy: PopPolicy): CallChange {
  const { call, events } = eventsDue(withFacts(after, facts, policy.numbers), desk.extension, policy);
  const failure = { cause: "PARTY_CHANGED", why: "Another party is on the line." };
  return {
    desk: withChanged(desk, before.id, () => call),
    send: [{ call: before, event: { name: "CallReleased", call: before.id } }, ...events.map((event) => ({ call, event }))],
    ended: [{ call: before, failure, continued: true }],
  };
}

/** The desk after a snapshot of all its live legs: legs that are not listed have ended, listed ones may be new. */
export function onSnapshot(desk: Desk, legs: readonly LegFacts[], policy: PopPolicy, now: number): CallChange {
  const alive = new Set(legs.map(({ leg }) => leg));
  const lost = desk.calls.flatMap((call) => call.legs.filter((leg) => !alive.has(leg)));
  const steps: ((desk: Desk) => CallChange)[] = [
    ...legs.map((facts) => (desk: Desk) => onLeg(desk, facts, policy, now)),
    ...lost.map((leg) => (desk: Desk) => onLeg(desk, { desk: desk.extension, leg, ended: gone }, policy, now)),
    ...desk.calls.map(({ id }) => (desk: Desk) => endUnlisted(desk, id, gone, now)),
  ];
  return inTurn(desk, steps);
}

/** How long after a dial its legs may be missing in the list of channels of the switch, in ms. */
export const listLag = 3000;

/** A call without a leg in the snapshot has ended, unless its dial may still create one, or the list may lag behind it. */
function endUnlisted(desk: Desk, id: string, failure: Failure, now: number): CallChange {
  const call = desk.calls.find((call) => call.id === id && call.legs.length === 0);
  if (!call) return { desk, send: [], ended: [] };
  const { dial, since } = call;
  if (dial && !dial.settled && !dial.lastEnd) return { desk, send: [], ended: [] };
  if (dial?.lastEnd || now >= since + listLag) return endCall(desk, call, dial?.lastEnd?.failure ?? failure);
  // A dial ends as soon as the list can no longer lag (`staleDial`).
  return { desk: dial ? withCall(desk, { ...call, dial: { ...dial, missed: true } }) : desk, send: [], ended: [] };
}

/** Ends a call whose dial has failed, unless a leg of it is alive: then the call ends with that leg. */
export function endIfNeverRang(desk: Desk, call: Call, failure: Failure): CallChange {
  return call.legs.length === 0 ? endCall(desk, call, failure) : { desk, send: [], ended: [] };
}

/** The call whose dial is in progress; there is one at most. */
export function dialInProgress({ calls }: Desk): DialledCall | undefined {
  return calls.find(hasDial);
}

/** The desk with a change of the dial of a call, if that call has not ended. */
export function withDial(desk: Desk, { id }: DialledCall, change: Partial<Dial>): Desk {
  return withChanged(desk, id, (call) => hasDial(call) ? { ...call, dial: { ...call.dial, ...change } } : call);
}

/** The desk with this call, if it has not ended, without its dial. */
export function withoutDial(desk: Desk, { id }: DialledCall): Desk {
  return withChanged(desk, id, ({ dial: _, ...call }) => call);
}

function withChanged(desk: Desk, id: string, change: (call: Call) => Call): Desk {
  return { ...desk, calls: desk.calls.map((call) => (call.id === id ? change(call) : call)) };
}

/** The desk with the new id of a leg in place of the old one; later facts under the old one are ignored. */
export function renameLeg(desk: Desk, from: string, to: string): Desk {
  if (from === to) return desk;
  const calls = desk.calls.map((call) => ({ ...call, legs: call.legs.map((leg) => (leg === from ? to : leg)) }));
  const { recentlyEnded, listedAfterEnd = [] } = desk;
  return {
    ...desk,
    calls,
    recentlyEnded: withEnded(recentlyEnded.filter((leg) => leg !== to), from),
    ...(listedAfterEnd.includes(to) ? { listedAfterEnd: listedAfterEnd.filter((leg) => leg !== to) } : {}),
  };
}

/** The desk with this call added or replaced; the same desk if it has this very call. */
export function withCall(desk: Desk, call: Call): Desk {
  if (desk.calls.includes(call)) return desk;
  const known = desk.calls.some(({ id }) => id === call.id);
  return known ? withChanged(desk, call.id, () => call) : { ...desk, calls: [...desk.calls, call] };
}

/** The desk after a Register at this desk or at another: its calls follow their agents. */
export function withArrival(desk: Desk, registration: Registration): Desk {
  const arrival: Arrival = { registration, atDesk: desk.registration };
  const moved = desk.calls.map((call) => ({ ...call, to: destinationAfter(call, arrival) }));
  return moved.every(({ to }, index) => isSameAddress(to, desk.calls[index]?.to)) ? desk : { ...desk, calls: moved };
}

/** The desk with the events of this agent's calls cancelled. */
export function withoutDestination(desk: Desk, agent: string): Desk {
  return { ...desk, calls: desk.calls.map((call) => (call.agent === agent ? { ...call, to: undefined } : call)) };
}

/** The call of a leg: the one that has it, the one whose dial created it, or one with the same far leg (two phones). */
function callOf(desk: Desk, facts: LegFacts, numbers: NumberPlan): Call | undefined {
  return desk.calls.find(({ legs }) => legs.includes(facts.leg)) ??
    desk.calls.find((call) => isCall(call, facts.call ?? facts.leg)) ??
    desk.calls.find((call) =>
      call.origin === "called" && facts.direction === "to-desk" && facts.farLeg !== undefined && call.farLeg === facts.farLeg
    ) ??
    desk.calls.find((call) => hasDial(call) && isUnmarkedLeg(call.dial, facts, numbers));
}

/**
 * Whether this is a leg of the dial without the id of its call: its caller is the dialled number, and it has no far leg. The
 * switch may show the number rewritten.
 */
function isUnmarkedLeg(dial: Dial, { direction, caller, farLeg, queue }: LegFacts, numbers: NumberPlan): boolean {
  if (dial.lifted || direction !== "to-desk" || farLeg !== undefined || queue === true || !caller) return false;
  const plain = (number: string) => aniSteps(numbers, number, "outbound").ani || number;
  return plain(caller.identity) === plain(dial.number);
}

function originOf(facts: LegFacts): Origin | undefined {
  if (facts.direction === undefined) return undefined;
  if (facts.direction === "from-desk") return "keypad";
  // A leg of a MakeCall shows the requested number as its caller: that is not an inbound call.
  return facts.call === undefined ? "called" : "makecall";
}

/** The end of a leg is noted even if nothing else is known about it. */
function endLeg(desk: Desk, call: Call | undefined, leg: string, failure: Failure, now: number): CallChange {
  const noted = { ...desk, recentlyEnded: withEnded(desk.recentlyEnded, leg) };
  if (!call) return { desk: noted, send: [], ended: [] };
  const left = { ...call, legs: call.legs.filter((id) => id !== leg) };
  if (left.legs.length > 0) return { desk: withCall(noted, left), send: [], ended: [] };
  if (!awaitsOutcome(left)) return endCall(noted, left, failure);
  return { desk: withCall(noted, { ...left, dial: { ...left.dial, lastEnd: { failure, at: now } } }), send: [], ended: [] };
}

/**
 * The end of one phone's leg is not the outcome of a dial: another phone of the extension may still ring. Once the number is
 * being called there is only one leg left.
 */
function awaitsOutcome(call: Call): call is DialledCall {
  return hasDial(call) && !call.dial.settled && !call.rang && !call.answered;
}

function hasEnded({ recentlyEnded, listedAfterEnd = [] }: Desk, id: string): boolean {
  return recentlyEnded.includes(id) || listedAfterEnd.includes(id);
}

function withListedAfterEnd(desk: Desk, leg: string): Desk {
  const { listedAfterEnd: listed = [] } = desk;
  return listed.includes(leg) ? desk : { ...desk, listedAfterEnd: [...listed, leg].slice(-maxListedAfterEnd) };
}

function withEnded(ended: readonly string[], id: string): string[] {
  return [...ended, id].slice(-maxRecentlyEnded);
}

function endCall(desk: Desk, call: Call, failure: Failure): CallChange {
  const calls = desk.calls.filter(({ id }) => id !== call.id);
  const event: CrmEvent = { name: "CallReleased", call: call.id };
  // A late leg of its dial must not start it again.
  const first = firstId(call);
  const ended = desk.recentlyEnded;
  const recentlyEnded = ended.includes(first) ? ended : withEnded(ended, first);
  const after = { ...desk, calls, recentlyEnded, ...endedFarLegsAfter(desk, call) };
  return { desk: after, send: call.popped ? [{ call, event }] : [], ended: [{ call, failure }] };
}

function endedFarLegsAfter({ endedFarLegs = [] }: Desk, { farLeg, origin }: Call): Pick<Desk, "endedFarLegs"> {
  return farLeg === undefined || origin !== "called" ? {} : { endedFarLegs: [...endedFarLegs, farLeg].slice(-maxEndedFarLegs) };
}

function inTurn(desk: Desk, steps: readonly ((desk: Desk) => CallChange)[]): CallChange {
  let change: CallChange = { desk, send: [], ended: [] };
  for (const step of steps) {
    const next = step(change.desk);
    change = { desk: next.desk, send: [...change.send, ...next.send], ended: [...change.ended, ...next.ended] };
  }
  return change;
}
