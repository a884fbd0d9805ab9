/**
 * A call: one interaction of a desk with one far party. It is a value: facts of the line are added to it, and `eventsDue` returns
 * the events to send next. Facts only add up, so repeated and late ones change nothing.
 */
import type { CrmEvent, Registration } from "./crm.ts";
import { addressOf, type Destination } from "./destination.ts";
import type { Dial } from "./dial/dial.ts";
import type { LegFacts, Party } from "./line.ts";
import { unlessSame } from "./unchanged.ts";
import {
  type AniSteps,
  aniSteps,
  type CallDirection,
  identify,
  identifyCaller,
  isInternal,
  isSameNumber,
  maxAniDigits,
  type NumberPlan,
  plainDialString,
} from "./number.ts";
import { type Inside, insideIdentity, insideNumber, type Shortfall, type Silence } from "./reason.ts";

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
  /** Why it is not outside. */
  readonly inside?: Inside;
  /** The switch does not report it: it counts as withheld. */
  readonly unreported?: true;
  /** The far leg that the switch has shown this party on. */
  readonly leg?: string;
}

/** How a call started: the desk was called, its keypad dialled, or the CRM requested it. */
export type Origin = "called" | "keypad" | "makecall";

/** Something that happened to a call. `at`: when, in ms. */
export type Moment =
  | {
    readonly at: number;
    /**
     * `found`: a snapshot showed the call, and its beginning was not seen. `phone-rang` and `lifted` are the handset's during a
     * MakeCall. `rang`: see `Call.rang`. `answered`: both ends were connected.
     */
    readonly what: "began" | "found" | "phone-rang" | "lifted" | "rang" | "answered" | "held" | "retrieved";
  }
  /** Another party is on the line. */
  | { readonly at: number; readonly what: "party"; readonly identity: string; readonly outside: boolean }
  /** One of several legs has ended, or the call; `transferred`: the desk's part of it has. */
  | { readonly at: number; readonly what: "leg-ended" | "ended" | "transferred"; readonly cause: string };

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
  /** The handset of a MakeCall was answered. */
  readonly lifted?: boolean;
  readonly held: boolean;
  readonly callerDialled?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly popped: boolean;
  readonly established: boolean;
  /** Why its ScreenPop had less than usual. */
  readonly shortfall?: Shortfall;
  /** What has happened so far (`history.ts`). */
  readonly timeline?: readonly Moment[];
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

/** The call with the facts of one leg added; the same object if they are known. `desk.ts` handles the end of a leg. */
export function withFacts(call: Call, facts: LegFacts, numbers: NumberPlan): Call {
  const dials = call.origin !== "called";
  const led = afterRelay(call, facts);
  const party = partyOf(call, facts, numbers, led.ledTo);
  const farLeg = call.farLeg ?? facts.farLeg;
  const callerDialled = call.callerDialled ?? facts.callerDialled;
  return unlessSame(call, {
    ...call,
    legs: call.legs.includes(facts.leg) ? call.legs : [...call.legs, facts.leg],
    queue: call.queue || facts.queue === true,
    alerted: call.alerted || facts.rings === true || facts.answered === true,
    rang: call.rang || (dials ? facts.farCalled : facts.rings) === true,
    answered: call.answered || (dials ? facts.farAnswered : facts.answered) === true,
    held: facts.held ?? call.held,
    data: facts.data ? { ...call.data, ...facts.data } : call.data,
    ...(call.answerUnreported || facts.answerUnreported ? { answerUnreported: true } : {}),
    ...(call.lifted || (call.origin === "makecall" && facts.answered) ? { lifted: true } : {}),
    ...led,
    ...(farLeg === undefined ? {} : { farLeg }),
    ...(party === undefined ? {} : { party }),
    ...(callerDialled === undefined ? {} : { callerDialled }),
  });
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
  if (facts.partner && !isOwnDoing(call, facts, ledTo) && !insideOf(facts.partner, numbers, queue)) {
    return inboundParty(call, facts.partner, facts);
  }
  if (call.origin === "called") {
    if (!facts.caller || call.answered) return call.party;
    const caller = asOwn(facts.caller, numbers);
    return inboundParty(call, caller, facts, insideOf(caller, numbers, queue));
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
  if (isOwnDoing(call, facts, ledTo) || insideOf(shown, numbers, false)) return undefined;
  const { identity } = identifyCaller(numbers, shown.identity);
  const before = identifyCaller(numbers, party.identity).identity;
  if (identity.kind !== "number" || (before.kind === "number" && isSameNumber(before.number, identity.number))) return undefined;
  return inboundParty(call, shown, facts);
}

/** The call that replaces this one on its legs, with another party. */
export function withNewParty(call: Call, party: FarParty, now: number): Call {
  const { farLeg: _, timeline: __, shortfall: ___, ...rest } = call;
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
function inboundParty(
  call: Call,
  { identity, withheld, unreported }: Party,
  { leg, farLeg }: LegFacts,
  inside?: Inside,
): FarParty {
  // A switch that does not know the far leg may name one of the handset's instead.
  const named = farLeg !== undefined && farLeg !== leg && !call.legs.includes(farLeg);
  const party = { identity: withheld ? "" : identity, ...sideOf(inside), direction: "inbound" } as const;
  return { ...party, ...(named ? { leg: farLeg } : {}), ...(unreported ? { unreported } : {}) };
}

function sideOf(inside: Inside | undefined): Pick<FarParty, "outside" | "inside"> {
  return inside ? { outside: false, inside } : { outside: true };
}

/** The privacy flag may arrive later than the number; it applies to the current party. */
function isNowWithheld(call: Call, party: FarParty, { caller, partner }: LegFacts): boolean {
  if (call.origin === "called" && caller?.withheld && !call.answered) return true;
  return partner?.withheld === true && partner.identity === party.identity;
}

/** The party of a call that the desk dials: the number as it was dialled or requested. */
export function dialledParty(dialled: string, numbers: NumberPlan): FarParty {
  return { identity: dialled, ...sideOf(insideNumber(numbers, plainDialString(dialled))), direction: "outbound" };
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

/** Why a party is inside: by its number; undefined if it is outside, by the way it came in or by its number. */
function insideOf(party: Party, numbers: NumberPlan, queue: boolean): Inside | undefined {
  if (party.outside) return undefined;
  const inside = insideIdentity(numbers, party.identity, party.outside === false);
  // Only callers from outside wait in a queue, whatever name they have; a colleague's number is still a colleague's.
  return queue && (inside?.code === "name" || inside?.code === "withheld-inside") ? undefined : inside;
}

/** The events to send now, in order, and the call with these noted. A call without an agent sends none. */
export function eventsDue(call: Call, extension: string, policy: PopPolicy): { call: Call; events: CrmEvent[] } {
  const events: CrmEvent[] = [];
  let { popped, established, shortfall } = call;
  if (!popped && silenceOf(call, extension, policy) === undefined) {
    const steps = call.party?.outside ? aniSteps(policy.numbers, call.party.identity, call.party.direction) : undefined;
    events.push(screenPop(call, steps?.ani ?? "", extension, policy));
    popped = true;
    shortfall = shortfallOf(call, steps);
  }
  if (popped && !established && call.answered) {
    events.push({ name: "CallEstablished", call: call.id });
    established = true;
  }
  if (events.length === 0) return { call, events };
  return { call: { ...call, popped, established, ...(shortfall ? { shortfall } : {}) }, events };
}

/** Why a call sends no ScreenPop up to now: the one rule that decides it; undefined if it sends one. */
export function silenceOf(call: Call, extension: string, policy: PopPolicy): Silence | undefined {
  const kind = kindOf(call);
  const when = policy[kind];
  if (when === "never") return kind === "internal" ? call.party?.inside ?? unknownParty(call) : { code: "never", kind };
  if (!call.answered && (when === "answer" || !call.rang)) return call.rang ? { code: "not-answered", kind } : neverRang(call);
  return call.agent === null ? { code: "nobody-registered", desk: extension } : undefined;
}

function unknownParty({ origin }: Call): Silence {
  return { code: origin === "keypad" ? "dialled-unreported" : "unknown-party" };
}

/** Whether the handset of a MakeCall was answered. */
export function isLifted({ lifted, dial }: Call): boolean {
  return lifted === true || dial?.lifted === true;
}

/** Why nothing rang for a call. */
function neverRang(call: Call): Silence {
  const { origin, alerted, farLeg, dial } = call;
  if (origin === "called") return { code: "phone-never-rang" };
  if (dial?.unsure !== undefined) return { code: "dial-unknown", why: dial.unsure };
  if (origin === "makecall" && !isLifted(call)) return { code: alerted ? "handset-not-answered" : "handset-never-rang" };
  return { code: farLeg === undefined ? "nobody-called" : "far-end-never-rang" };
}

/** Why the number is missing in the ScreenPop of a call. `steps`: how the number of an outside party was found. */
function shortfallOf(call: Call, steps: AniSteps | undefined): Shortfall | undefined {
  if (!steps) return { code: "internal-number-hidden" };
  if (steps.ani !== "") return undefined;
  if (steps.identity.kind === "withheld") return { code: call.party?.unreported ? "caller-unreported" : "withheld" };
  if (steps.identity.kind === "name") return { code: "no-number", identity: call.party?.identity ?? "" };
  const digits = (steps.rewritten ?? "").replace(/\D/g, "").length;
  return digits > maxAniDigits ? { code: "number-too-long", digits, most: maxAniDigits } : { code: "number-is-zero" };
}

/** The kind of a call, which decides when it sends a ScreenPop. */
export function kindOf(call: Call): "inbound" | "outbound" | "internal" {
  return call.party?.outside ? call.party.direction : "internal";
}

/** Internal calls carry no number: an extension would match every customer whose number ends in it. */
function screenPop(call: Call, ani: string, extension: string, policy: PopPolicy): CrmEvent {
  const dialled = policy.dnis === "dialled" && plainDialString(call.callerDialled ?? "").replace(/[^0-9*#+]/g, "");
  const data: Record<string, string> = {};
  for (const [name, variable] of Object.entries(policy.data)) {
    const value = call.data[variable];
    if (value !== undefined) data[name] = value;
  }
  return {
    name: "ScreenPop",
    call: call.id,
    ani,
    dnis: dialled || extension,
    data,
  };
}
