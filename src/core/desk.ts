/**
 * A desk: one extension with its agent, the state of its line, and its calls. Here is how the facts of legs become calls:
 * which leg belongs to which call, when a call begins and when it is over.
 */
import type { Agent } from "./agent/agent.ts";
import { type Call, changedParty, due, isCall, newCall, type Origin, type PopPolicy, withFacts, withNewParty } from "./call.ts";
import type { CrmEvent, Registration, Reply } from "./crm.ts";
import { type Arrival, destinationAfter, isSameAddress } from "./destination.ts";
import type { Failure, LegFacts } from "./line.ts";
import { aniSteps, type NumberPlan } from "./number.ts";

/** Whether the line can be trusted: the link to the switch, and the phone's registration there. */
export interface LineState {
  readonly link: { readonly up: true; readonly to: string } | { readonly up: false; readonly why: string };
  readonly phone: "registered" | "unregistered" | "unknown";
  readonly contact?: string;
  /** Why the phone is not registered, where the switch says more than that. */
  readonly why?: string;
}

/** A number that the CRM asked to dial, until the far end answers or the call is over. */
export interface Dial {
  /** The call's id. */
  readonly call: string;
  readonly dialString: string;
  readonly number: string;
  readonly agent: string;
  /** The address that the callout came from. */
  readonly from: string;
  readonly since: number;
  /** The callouts that wait for the first fact. */
  readonly waiting: readonly string[];
  /** The answer that was given; a repeat gets it again. */
  readonly answer?: Reply;
  /** What the switch made of the command, once it has told. */
  readonly settled: boolean;
  /** The handset was lifted. */
  readonly lifted: boolean;
  /** Why it may never be known what becomes of it: the link was cut, or telesetd was started again, before that was told. */
  readonly unsure?: string;
  /** How and when its last leg ended, before the switch reported the outcome: another phone may still be about to ring. */
  readonly lastEnd?: { readonly failure: Failure; readonly at: number };
  /** A look at the live legs has found none of it, so soon after the dial that the switch's list may lag. */
  readonly missed?: boolean;
}

/** The last number that the CRM asked for and what became of it, for `status`. */
export interface DialOutcome {
  readonly dialString: string;
  readonly number: string;
  readonly at: number;
  readonly outcome: string;
}

/** How often a desk has dialled. Times in ms. */
export interface DialCount {
  /** When the day began that is being counted. */
  readonly day: number;
  readonly inDay: number;
  /** The dials of the last minute. */
  readonly minute: readonly number[];
}

/** All that is known of one desk. A plain value: it is stored as JSON. */
export interface Desk {
  readonly extension: string;
  readonly line: LineState;
  readonly registration: Registration | null;
  /** When the agent who is registered sent the last Register, in ms. */
  readonly registeredAt?: number;
  readonly agents: readonly Agent[];
  readonly calls: readonly Call[];
  readonly dial: Dial | null;
  readonly lastDial: DialOutcome | null;
  /** How often MakeCall has dialled. */
  readonly dialled?: DialCount;
  /** The CRM has been told that the line is lost. */
  readonly lineLost?: boolean;
  /** Legs and calls that have ended, the newest last: what still arrives about them is an echo. */
  readonly gone: readonly string[];
}

/** How many ended legs and calls are remembered. */
const goneLegs = 64;

/** A desk of which nothing is known yet. */
export function newDesk(extension: string): Desk {
  return { extension, line: unknownLine, registration: null, agents: [], calls: [], dial: null, lastDial: null, gone: [] };
}

/** The line before the first connect, and after a restart. */
export const unknownLine: LineState = { link: { up: false, why: "not connected yet" }, phone: "unknown" };

/** Why the phone cannot ring, as a sentence for the agent, the same in every answer; nothing unless it is known not to be registered. */
export function phoneTrouble(extension: string, { phone, why }: LineState): string | undefined {
  return phone === "unregistered" ? why ?? `Phone ${extension} is not registered: check its cable and power.` : undefined;
}

/** What a change of the calls brings about. */
export interface CallChange {
  readonly desk: Desk;
  /** What to tell, in order, each with the call that it is about. */
  readonly tell: readonly { readonly call: Call; readonly event: CrmEvent }[];
  /** The calls that ended, with the reason. */
  readonly ended: readonly { readonly call: Call; readonly failure: Failure }[];
}

/** The desk after one leg's facts. */
export function onLeg(desk: Desk, facts: LegFacts, policy: PopPolicy, now: number): CallChange {
  if (desk.gone.includes(facts.leg)) return { desk, tell: [], ended: [] };
  const old = callOf(desk, facts, policy.numbers);
  if (facts.ended) return endLeg(desk, old, facts.leg, facts.ended, now);
  const origin = old?.origin ?? originOf(facts);
  if (origin === undefined) return { desk, tell: [], ended: [] };
  const id = facts.call ?? facts.leg;
  if (!old && desk.gone.includes(id)) return { desk, tell: [], ended: [] };
  const begun = old ?? newCall(id, origin, desk.registration, now);
  const party = policy.onPartyChange === "new" ? changedParty(begun, facts, policy.numbers) : undefined;
  if (party && begun.popped) return changeParty(desk, begun, withNewParty(begun, party, now), facts, policy);
  const { call, events } = due(withFacts(party ? { ...begun, party } : begun, facts, policy.numbers), desk.extension, policy);
  return { desk: withCall(desk, call), tell: events.map((event) => ({ call, event })), ended: [] };
}

/** To the CRM the call with the party before is over, and one with the new party begins. */
function changeParty(desk: Desk, before: Call, after: Call, facts: LegFacts, policy: PopPolicy): CallChange {
  const { call, events } = due(withFacts(after, facts, policy.numbers), desk.extension, policy);
  return {
    desk: { ...desk, calls: desk.calls.map((old) => (old.id === before.id ? call : old)) },
    tell: [{ call: before, event: { name: "CallReleased", call: before.id } }, ...events.map((event) => ({ call, event }))],
    ended: [],
  };
}

/** The desk after a look at all its live legs: what is not among them has ended, what is may be new. */
export function onSnapshot(desk: Desk, legs: readonly LegFacts[], policy: PopPolicy, now: number): CallChange {
  const alive = new Set(legs.map(({ leg }) => leg));
  const lost = desk.calls.flatMap((call) => call.legs.filter((leg) => !alive.has(leg)));
  const gone: Failure = { cause: "GONE", why: "The switch does not know the call any more." };
  const steps: ((desk: Desk) => CallChange)[] = [
    ...legs.map((facts) => (desk: Desk) => onLeg(desk, facts, policy, now)),
    ...lost.map((leg) => (desk: Desk) => onLeg(desk, { desk: desk.extension, leg, ended: gone }, policy, now)),
    (desk) => isFresh(desk, now) ? missed(desk) : endUnmade(desk, desk.dial?.lastEnd?.failure ?? gone),
  ];
  return inTurn(desk, steps);
}

/** For how long after a dial its legs may be missing in the switch's list of channels, in ms. */
export const listLag = 3000;

/** Whether the legs of the dial may live although a look has not found them: none has been seen, and it has just begun. */
function isFresh({ dial }: Desk, now: number): boolean {
  return dial !== null && dial.lastEnd === undefined && now < dial.since + listLag;
}

/** A dial that no leg was found of is over as soon as the list cannot lag any more (`isStale`). */
function missed(desk: Desk): CallChange {
  const { dial } = desk;
  const after = dial?.settled && unmade(desk) ? { ...desk, dial: { ...dial, missed: true } } : desk;
  return { desk: after, tell: [], ended: [] };
}

/** A dial whose outcome is known, or will not be, and of which no leg lives, is over. */
export function endUnmade(desk: Desk, failure: Failure): CallChange {
  const call = unmade(desk);
  return call ? endCall(desk, call, failure) : { desk, tell: [], ended: [] };
}

function unmade(desk: Desk): Call | undefined {
  const call = desk.dial?.settled || desk.dial?.lastEnd ? callOfDial(desk) : undefined;
  return call?.legs.length === 0 ? call : undefined;
}

/** The call of the dial in progress. */
export function callOfDial({ dial, calls }: Desk): Call | undefined {
  return dial ? calls.find((call) => isCall(call, dial.call)) : undefined;
}

/** The desk with a leg's new id in place of the old; what still comes under the old one is an echo. */
export function renameLeg(desk: Desk, from: string, to: string): Desk {
  if (from === to) return desk;
  const calls = desk.calls.map((call) => ({ ...call, legs: call.legs.map((leg) => (leg === from ? to : leg)) }));
  return { ...desk, calls, gone: withGone(desk.gone.filter((leg) => leg !== to), from) };
}

/** The desk with this call put in or changed. */
export function withCall(desk: Desk, call: Call): Desk {
  const known = desk.calls.some(({ id }) => id === call.id);
  return { ...desk, calls: known ? desk.calls.map((old) => (old.id === call.id ? call : old)) : [...desk.calls, call] };
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

/** The call that a leg belongs to: its own, the one whose dialling made it, or one with the same far leg (two phones). */
function callOf(desk: Desk, facts: LegFacts, numbers: NumberPlan): Call | undefined {
  return desk.calls.find(({ legs }) => legs.includes(facts.leg)) ??
    desk.calls.find((call) => isCall(call, facts.call ?? facts.leg)) ??
    desk.calls.find((call) =>
      call.origin === "called" && facts.direction === "to-desk" && facts.farLeg !== undefined && call.farLeg === facts.farLeg
    ) ??
    (isDialled(desk, facts, numbers) ? callOfDial(desk) : undefined);
}

/**
 * A leg of our own dial without its mark: it shows the dialled number as its caller, and nobody calls. The switch may show
 * the number rewritten.
 */
function isDialled({ dial }: Desk, { direction, caller, farLeg, queue }: LegFacts, numbers: NumberPlan): boolean {
  if (dial === null || dial.lifted || direction !== "to-desk" || farLeg !== undefined || queue === true || !caller) return false;
  const plain = (number: string) => aniSteps(numbers, number, "outbound").ani || number;
  return plain(caller.identity) === plain(dial.number);
}

function originOf(facts: LegFacts): Origin | undefined {
  if (facts.direction === undefined) return undefined;
  if (facts.direction === "from-desk") return "keypad";
  // A leg of our own dialling shows the number that was asked for as its caller: it must not be taken for one.
  return facts.call === undefined ? "called" : "makecall";
}

/** The end of a leg of which nothing else was heard is noted too. */
function endLeg(desk: Desk, call: Call | undefined, leg: string, failure: Failure, now: number): CallChange {
  const noted = { ...desk, gone: withGone(desk.gone, leg) };
  if (!call) return { desk: noted, tell: [], ended: [] };
  const left = { ...call, legs: call.legs.filter((id) => id !== leg) };
  const after = withCall(noted, left);
  if (left.legs.length > 0) return { desk: after, tell: [], ended: [] };
  const { dial } = after;
  if (!dial || !awaitsOutcome(dial, left)) return endCall(after, left, failure);
  return { desk: { ...after, dial: { ...dial, lastEnd: { failure, at: now } } }, tell: [], ended: [] };
}

/**
 * The end of one phone's leg is not the outcome of a dial: another phone of the extension may still be about to ring. Once
 * the number is being called there is only one leg left.
 */
function awaitsOutcome(dial: Dial, call: Call): boolean {
  return isCall(call, dial.call) && !dial.settled && !call.rang && !call.answered;
}

function withGone(gone: readonly string[], leg: string): string[] {
  return [...gone, leg].slice(-goneLegs);
}

function endCall(desk: Desk, call: Call, failure: Failure): CallChange {
  const calls = desk.calls.filter(({ id }) => id !== call.id);
  const event: CrmEvent = { name: "CallReleased", call: call.id };
  // A leg of its dial that comes late must not begin it again.
  const first = call.follows?.first ?? call.id;
  const gone = desk.gone.includes(first) ? desk.gone : withGone(desk.gone, first);
  return { desk: { ...desk, calls, gone }, tell: call.popped ? [{ call, event }] : [], ended: [{ call, failure }] };
}

function inTurn(desk: Desk, steps: readonly ((desk: Desk) => CallChange)[]): CallChange {
  let change: CallChange = { desk, tell: [], ended: [] };
  for (const step of steps) {
    const next = step(change.desk);
    change = { desk: next.desk, tell: [...change.tell, ...next.tell], ended: [...change.ended, ...next.ended] };
  }
  return change;
}
