/**
 * A call: one interaction of a desk with one far party. It is a value: facts of the line are added to it, and `eventsDue` returns
 * the events to send next. Facts only add up, so repeated and late ones change nothing.
 */
import type { CrmEvent, Registration } from "./crm.ts";
import { addressOf, type Destination } from "./destination.ts";
import type { Dial } from "./dial/dial.ts";
import type { LegFacts, Party } from "./line.ts";
import {
  aniSteps,
  type CallDirection,
  identify,
  identifyCaller,
  isInternal,
  isSameNumber,
  type NumberPlan,
  plainDialString,
} from "./number.ts";

/** When a kind of call sends its ScreenPop; `never`: it sends no events. */
export type PopWhen = "ring" | "answer" | "never";

/** The settings of `screenPop`, and the number rules. */
export interface PopPolicy {
  readonly inbound: PopWhen;
  readonly outbound: PopWhen;
  readonly internal: PopWhen;
  /** Maps the names of ScreenPop data to channel variables, in the order of the event. */
  readonly data: Readonly<Record<string, string>>;
  readonly dnis: "extension" | "dialled";
  /** What happens when another outside number appears on the same leg: nothing, or this call ends and a new one starts. */
  readonly onPartyChange: "keep" | "new";
  readonly numbers: NumberPlan;
}

/** The far party of a call. `direction` selects the number rules: the party called in, or was called. */
export interface FarParty {
  readonly identity: string;
  readonly outside: boolean;
  readonly direction: CallDirection;
  /** The far leg that the switch has shown this party on. */
  readonly leg?: string;
}

/** How a call started: the desk was called, its keypad dialled, or the CRM requested it. */
export type Origin = "called" | "keypad" | "makecall";

/** A call of a desk, from its first fact to its end. */
export interface Call {
  /** occtSourceID: the first handset leg's id, for life. */
  readonly id: string;
  /** After a change of the party: the first call of its legs, and the number of calls so far, this one included. */
  readonly follows?: { readonly first: string; readonly calls: number };
  readonly origin: Origin;
  /** The agent who was registered when it started, and who gets its events; null when there was none. */
  readonly agent: string | null;
  /** Where its events are sent. */
  readonly to?: Destination;
  /** The ids of the live handset legs. */
  readonly legs: readonly string[];
  readonly farLeg?: string;
  /** The far leg belongs to the switch itself (loopback), and another leg may replace it. */
  readonly relayed?: boolean;
  /** The leg that has replaced such a leg: it is where the call itself went. */
  readonly ledTo?: string;
  readonly party?: FarParty;
  readonly queue: boolean;
  /** The handset rings, or has been answered. */
  readonly alerted: boolean;
  /** It rings: at the phone when the desk is called, at the far end when the desk dials. */
  readonly rang: boolean;
  /** Both ends are connected. */
  readonly answered: boolean;
  /** The far end of a MakeCall was called, and the switch will not report whether it answers. */
  readonly answerUnreported?: boolean;
  readonly held: boolean;
  readonly callerDialled?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly popped: boolean;
  readonly established: boolean;
  /** The dial that the CRM requested, until its outcome is known. */
  readonly dial?: Dial;
  /** When it started, in ms. */
  readonly since: number;
}

/** A call whose dial is in progress. */
export type DialledCall = Call & { readonly dial: Dial };

/** Whether the dial of a call is in progress. */
export function hasDial(call: Call): call is DialledCall {
  return call.dial !== undefined;
}

/** A new call: it belongs to the registered agent, and its events are sent to that agent's address. */
export function newCall(id: string, origin: Origin, registration: Registration | null, now: number): Call {
  return {
    id,
    origin,
    agent: registration?.agent ?? null,
    ...(registration ? { to: addressOf(registration) } : {}),
    legs: [],
    queue: false,
    alerted: false,
    rang: false,
    answered: false,
    held: false,
    data: {},
    popped: false,
    established: false,
    since: now,
  };
}

/** The call with the facts of one leg added. `desk.ts` handles the end of a leg. */
export function withFacts(call: Call, facts: LegFacts, numbers: NumberPlan): Call {
  const dials = call.origin !== "called";
  const led = afterRelay(call, facts);
  const party = partyOf(call, facts, numbers, led.ledTo);
  const farLeg = call.farLeg ?? facts.farLeg;
  const callerDialled = call.callerDialled ?? facts.callerDialled;
  return {
    ...call,
    legs: call.legs.includes(facts.leg) ? call.legs : [...call.legs, facts.leg],
    queue: call.queue || facts.queue === true,
    alerted: call.alerted || facts.rings === true || facts.answered === true,
    rang: call.rang || (dials ? facts.farCalled : facts.rings) === true,
    answered: call.answered || (dials ? facts.farAnswered : facts.answered) === true,
    held: facts.held ?? call.held,
    data: facts.data ? { ...call.data, ...facts.data } : call.data,
    ...(call.answerUnreported || facts.answerUnreported ? { answerUnreported: true } : {}),
    ...led,
    ...(farLeg === undefined ? {} : { farLeg }),
    ...(party === undefined ? {} : { party }),
    ...(callerDialled === undefined ? {} : { callerDialled }),
  };
}

/**
 * Where the call went through a leg of the switch itself (loopback), which the leg that it has called may replace. A party
 * who was put through is on a leg that has called in, or follows a real party.
 */
function afterRelay({ relayed }: Call, { relay, partner, farLeg }: LegFacts): Pick<Call, "relayed" | "ledTo"> {
  if (relay) return { relayed: true };
  if (!relayed || !partner) return {};
  return partner.called && farLeg !== undefined ? { relayed: false, ledTo: farLeg } : { relayed: false };
}

/**
 * The far party of the call now. An outside party stays: a later transfer concerns another desk. A colleague is replaced when an
 * outside party is put through (transfer, pickup), but not by a party that the call itself has dialled.
 */
function partyOf(call: Call, facts: LegFacts, numbers: NumberPlan, ledTo = call.ledTo): FarParty | undefined {
  if (call.party?.outside) return isNowWithheld(call, call.party, facts) ? { ...call.party, identity: "" } : call.party;
  const queue = call.queue || facts.queue === true;
  if (facts.partner && !isOwnDoing(call, facts, ledTo) && isOutside(facts.partner, numbers, queue)) {
    return inboundParty(call, facts.partner, facts, true);
  }
  if (call.origin === "called") {
    if (!facts.caller || call.answered) return call.party;
    const caller = asOwn(facts.caller, numbers);
    return inboundParty(call, caller, facts, isOutside(caller, numbers, queue));
  }
  if (call.party || facts.dialled === undefined) return call.party;
  return dialledParty(facts.dialled, numbers);
}

/** Whether the partner is the call's own destination: then no party was put through. */
function isOwnDoing({ origin }: Call, { partner, farLeg }: LegFacts, ledTo: string | undefined): boolean {
  return (origin !== "called" && partner?.dialledByLeg === true) || (farLeg !== undefined && farLeg === ledTo);
}

/**
 * The new far party, if its outside number differs from the one before (a dialler has bridged a customer to the desk). Another
 * number on the same far leg is only another spelling of the same party.
 */
export function changedParty(call: Call, facts: LegFacts, numbers: NumberPlan): FarParty | undefined {
  const { party, origin } = call;
  const caller = facts.caller && asOwn(facts.caller, numbers);
  const shown = facts.partner ?? (origin === "called" && !call.answered ? caller : undefined);
  if (!party?.outside || !shown || shown.withheld) return undefined;
  if (facts.farLeg !== undefined && facts.farLeg === party.leg) return undefined;
  // A party that the desk dials while it has another on the line is consulted; a dialler's number rings without a party.
  if (shown.dialledByLeg && party.leg !== undefined) return undefined;
  const { ledTo } = { ...call, ...afterRelay(call, facts) };
  if (isOwnDoing(call, facts, ledTo) || !isOutside(shown, numbers, false)) return undefined;
  const { identity } = identifyCaller(numbers, shown.identity);
  const before = identifyCaller(numbers, party.identity).identity;
  if (identity.kind !== "number" || (before.kind === "number" && isSameNumber(before.number, identity.number))) return undefined;
  return inboundParty(call, shown, facts, true);
}

/** The call that replaces this one on its legs, with another party. */
export function withNewParty(call: Call, party: FarParty, now: number): Call {
  const { farLeg: _, ...rest } = call;
  const { first, calls } = call.follows ?? { first: call.id, calls: 1 };
  const suffix = `-${calls + 1}`;
  // Oracle accepts ids of at most 60 characters.
  const id = `${first.slice(0, 60 - suffix.length)}${suffix}`;
  return { ...rest, id, follows: { first, calls: calls + 1 }, party, popped: false, established: false, since: now };
}

/** Whether this is the call with that id, or the one that has replaced it. */
export function isCall(call: Call, named: string): boolean {
  return call.id === named || firstId(call) === named;
}

/** The id of the first call of its legs, which is also that of its MakeCall. */
export function firstId({ id, follows }: Call): string {
  return follows?.first ?? id;
}

/** A party on an inbound leg. Whether it is outside depends on its true identity; the CRM gets no withheld identity. */
function inboundParty(call: Call, { identity, withheld }: Party, { leg, farLeg }: LegFacts, outside: boolean): FarParty {
  // A switch that does not know the far leg may name one of the handset's instead.
  const named = farLeg !== undefined && farLeg !== leg && !call.legs.includes(farLeg);
  return { identity: withheld ? "" : identity, outside, direction: "inbound", ...(named ? { leg: farLeg } : {}) };
}

/** The privacy flag may arrive later than the number; it applies to the current party. */
function isNowWithheld(call: Call, party: FarParty, { caller, partner }: LegFacts): boolean {
  if (call.origin === "called" && caller?.withheld && !call.answered) return true;
  return partner?.withheld === true && partner.identity === party.identity;
}

/** The party of a call that the desk dials: the number as it was dialled or requested. */
export function dialledParty(dialled: string, numbers: NumberPlan): FarParty {
  return { identity: dialled, outside: !isInternal(numbers, plainDialString(dialled)), direction: "outbound" };
}

/**
 * A caller with their own number, where a ring group shows its name or another number instead. A withheld caller stays
 * withheld, a colleague stays a colleague, and the short account number of a trunk does not count.
 */
function asOwn(caller: Party, numbers: NumberPlan): Party {
  const { identity, original = "", outside } = caller;
  if (identify(original).kind !== "number" || identifyCaller(numbers, identity).identity.kind === "withheld") return caller;
  return isInternal(numbers, plainDialString(outside ? original : identity)) ? caller : { ...caller, identity: original };
}

/** Whether a party is outside: by the way it came in, or else by its number; a name alone is never outside. */
function isOutside(party: Party, numbers: NumberPlan, queue: boolean): boolean {
  if (party.outside) return true;
  const { identity } = identifyCaller(numbers, party.identity);
  // A number that stands for "anonymous" is still an outside number.
  if (identity.kind !== "name" && identity.number !== undefined) return !isInternal(numbers, identity.number);
  return queue || (identity.kind === "withheld" && party.outside === undefined && party.identity.trim() === "");
}

/** The events to send now, in order, and the call with these noted. A call without an agent sends none. */
export function eventsDue(call: Call, extension: string, policy: PopPolicy): { call: Call; events: CrmEvent[] } {
  const events: CrmEvent[] = [];
  let { popped, established } = call;
  if (!popped && call.agent !== null && isPopDue(call, policy)) {
    events.push(screenPop(call, extension, policy));
    popped = true;
  }
  if (popped && !established && call.answered) {
    events.push({ name: "CallEstablished", call: call.id });
    established = true;
  }
  return { call: { ...call, popped, established }, events };
}

/** Whether a call has come to the point at which its agent, if there is one, gets a ScreenPop. */
export function isPopDue(call: Call, policy: PopPolicy): boolean {
  const when = policy[kindOf(call)];
  return when !== "never" && (call.answered || (when === "ring" && call.rang));
}

/** The kind of a call, which decides when it sends a ScreenPop. */
export function kindOf(call: Call): "inbound" | "outbound" | "internal" {
  return call.party?.outside ? call.party.direction : "internal";
}

/** Internal calls carry no number: an extension would match every customer whose number ends in it. */
function screenPop(call: Call, extension: string, policy: PopPolicy): CrmEvent {
  const { party } = call;
  const dialled = policy.dnis === "dialled" && plainDialString(call.callerDialled ?? "").replace(/[^0-9*#+]/g, "");
  const data: Record<string, string> = {};
  for (const [name, variable] of Object.entries(policy.data)) {
    const value = call.data[variable];
    if (value !== undefined) data[name] = value;
  }
  return {
    name: "ScreenPop",
    call: call.id,
    ani: party?.outside ? aniSteps(policy.numbers, party.identity, party.direction).ani : "",
    dnis: dialled || extension,
    data,
  };
}
