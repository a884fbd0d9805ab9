/**
 * Events of FreeSWITCH into facts of the line. What each event means for a handset's leg was read off a live switch
 * (test/fixtures/recordings) and off its source; the file is named where a rule comes from there.
 */
import type { Failure, KnownLegs, LegDirection, LegFacts, LineEvent, Party } from "../../src/core/line.ts";
import { identify } from "../../src/core/number.ts";
import { modeOf, whyChanged } from "./acd.ts";
import { farEnd, handsetFailure } from "../shared/causes.ts";
import type { DeskNames } from "./commands.ts";
import { Echoes } from "./echoes.ts";
import { type Frame, text } from "./wire/event.ts";
import { type Contact, type Destination, destinationOf } from "./whose-leg.ts";
import { registrantOf } from "./registrant.ts";
import { hidesNumber, isCallerWithheld, isOtherWithheld } from "./privacy.ts";

/** What the translation must know of the site. */
export interface Site {
  readonly desks: readonly DeskNames[];
  readonly outsideProfiles: readonly string[];
  /** The channel variables that the CRM is told of. */
  readonly variables: readonly string[];
}

/** What an event says: facts of the line, or that a phone's registration must be looked up. */
export type Said = LineEvent | { readonly type: "look-up-phone"; readonly desk: string };

/** What the translation must know of the agents: names at mod_callcenter to desks, and which events are of our own doing. */
export interface Agents {
  readonly names: ReadonlyMap<string, string>;
  readonly echoes: Echoes;
}

/** What the translation looks up while it goes on. */
export interface Sources {
  readonly agents?: Agents;
  /** The legs that are believed to live. */
  readonly known?: KnownLegs;
  /** The registered contacts of a desk; nothing while they are not known. */
  readonly contactsOf?: (desk: string) => readonly Contact[] | undefined;
}

/** How many callers in queues are remembered. */
const rememberedCallers = 100;

/** Translates frames. Remembers only what the agent's leg does not show of a caller from a queue. */
export class Translator {
  readonly #site: Site;
  readonly #desks = new Map<string, string>();
  /** Lifted legs of our dialling whose far leg is being watched: leg to desk. */
  readonly dials = new Map<string, string>();
  /** Which number a queue's caller has dialled, by the caller's leg: it comes before the agent's leg, in a separate event. */
  readonly #offers = new Map<string, string>();
  /** Whether a queue's caller is withheld, by the caller's leg. */
  readonly #queued = new Map<string, boolean>();
  readonly #sources: Required<Sources>;

  constructor(site: Site, sources: Sources = {}) {
    this.#site = site;
    this.#sources = {
      agents: { names: new Map(), echoes: new Echoes() },
      known: () => [],
      contactsOf: () => undefined,
      ...sources,
    };
    for (const { extension, presence } of site.desks) {
      for (const id of presence) this.#desks.set(id.toLowerCase(), extension);
    }
  }

  /** What one event says; nothing when it is not about these desks. */
  frame(frame: Frame): Said[] {
    const name = text(frame, "Event-Name");
    if (name === "CUSTOM") return this.#custom(frame);
    const desk = this.deskOf(frame);
    if (desk === undefined) return this.#left(frame) ?? this.#farLeg(frame, name);
    if (name === "CHANNEL_UUID") {
      const [from, to] = [text(frame, "Old-Unique-ID"), text(frame, "Unique-ID")];
      return from && to ? [{ type: "leg-renamed", desk, from, to }] : [];
    }
    const facts = this.facts(frame, desk, name);
    return facts ? [{ type: "leg", facts }] : [];
  }

  /**
   * The desk whose handset's own leg this is. A gateway's or a loopback leg may carry a presence id too, and is not. Contacts and presence
   * ids change: a leg stays the desk's that it came to, unless the phone sends it elsewhere.
   */
  deskOf(frame: Frame): string | undefined {
    const desk = this.#claimedBy(frame);
    const destination = desk === undefined ? "elsewhere" : this.#destinationOf(frame, desk);
    return destination === "elsewhere" ? this.#knownDesk(frame) : destination === "desk" ? desk : undefined;
  }

  #destinationOf(frame: Frame, desk: string): Destination {
    return destinationOf(frame, { extension: desk, contacts: this.#sources.contactsOf(desk) }, this.#site.outsideProfiles);
  }

  /** The desk whose presence id a leg carries, be it the handset's or not. */
  #claimedBy(frame: Frame): string | undefined {
    const foreign = text(frame, "variable_sip_gateway_name") !== "" || text(frame, "Channel-Name").startsWith("loopback/");
    return foreign ? undefined : this.#desks.get(text(frame, "Channel-Presence-ID").toLowerCase());
  }

  /** The desk whose leg this was before. */
  #knownDesk(frame: Frame): string | undefined {
    const ids = [text(frame, "Unique-ID"), text(frame, "Old-Unique-ID")].filter((id) => id !== "");
    return ids.length === 0 ? undefined : this.#sources.known().find(({ leg }) => ids.includes(leg))?.desk;
  }

  /** A leg that the phone has sent elsewhere (302) is over for the desk, whatever becomes of it. */
  #left(frame: Frame): Said[] | undefined {
    const desk = this.#claimedBy(frame);
    if (desk === undefined || this.#destinationOf(frame, desk) !== "redirected") return undefined;
    const why = `Phone ${desk} has forwarded the call to another place.`;
    const ended = { cause: "REDIRECTION_TO_NEW_DESTINATION", why };
    return [{ type: "leg", facts: { desk, leg: text(frame, "Unique-ID"), ended } }];
  }

  /** The leg of a queue's caller, on an agent's leg, until it is noted whether that caller is withheld. */
  unseenCaller(frame: Frame): string | undefined {
    const caller = text(frame, "variable_cc_member_session_uuid");
    return caller === "" || this.#queued.has(caller) || this.deskOf(frame) === undefined ? undefined : caller;
  }

  noteCaller(leg: string, withheld: boolean): void {
    remember(this.#queued, leg, withheld);
  }

  /** The facts of a leg that an event, or a `uuid_dump` (CHANNEL_DATA), shows. */
  facts(frame: Frame, desk: string, name: string): LegFacts | undefined {
    const leg = text(frame, "Unique-ID");
    if (leg === "" || leg.length > 60) return undefined;
    if (name === "CHANNEL_HANGUP" || name === "CHANNEL_HANGUP_COMPLETE" || name === "CHANNEL_DESTROY") {
      return { desk, leg, ended: endOf(text(frame, "Hangup-Cause") || "NORMAL_CLEARING", desk) };
    }
    const state = text(frame, "Channel-Call-State");
    if (text(frame, "Answer-State") === "hangup" || state === "HANGUP") return undefined;
    const signs = { desk, leg, ...stateSigns(frame, name, state) };
    // CALLSTATE comes without variables: too little to begin a call with, so it goes without a direction.
    return name === "CHANNEL_CALLSTATE" ? signs : { ...signs, ...this.#identity(frame, name) };
  }

  /** Who, to whom, with which data: what stands in the events that carry the channel's variables. */
  #identity(frame: Frame, name: string): Partial<LegFacts> {
    const direction: LegDirection = text(frame, "Call-Direction") === "inbound" ? "from-desk" : "to-desk";
    const call = text(frame, "variable_telesetd_call");
    const partner = this.#partner(frame, name, direction);
    const farLeg = text(frame, "Other-Leg-Unique-ID") || text(frame, "variable_cc_member_session_uuid");
    const queue = text(frame, "variable_cc_member_uuid") !== "" || text(frame, "variable_cc_queue") !== "";
    const data = this.#data(frame);
    return {
      direction,
      ...(call ? { call } : {}),
      ...(direction === "to-desk" ? this.#caller(frame, farLeg) : dialledBy(frame)),
      ...(farLeg ? { farLeg } : {}),
      ...(isRelay(frame) ? { relay: true as const } : {}),
      ...(partner ? { partner } : {}),
      ...(queue ? { queue } : {}),
      ...(data ? { data } : {}),
    };
  }

  #caller(frame: Frame, farLeg: string): Partial<LegFacts> {
    const inboundFar = text(frame, "Other-Leg-Direction") === "inbound";
    const places = [
      inboundFar ? text(frame, "Other-Leg-Destination-Number") : "",
      text(frame, "Caller-RDNIS"),
      this.#offers.get(farLeg),
    ];
    // On a lifted MakeCall the phone's own contact (`1001-0x55`) stands as RDNIS: nobody has dialled that.
    const dialled = places.find((place) => place && !/\p{L}/u.test(place));
    const callerDialled = dialled ? { callerDialled: dialled } : {};
    if (isFlipped(frame)) return callerDialled;
    const outside = this.#isOutside(frame);
    const identity = text(frame, "Caller-Caller-ID-Number");
    const original = originalCaller(frame, identity);
    const caller: Party = {
      identity,
      ...(original === undefined ? {} : { original }),
      ...(outside === undefined ? {} : { outside }),
      ...(isCallerWithheld(frame) || this.#queued.get(text(frame, "variable_cc_member_session_uuid")) ? { withheld: true } : {}),
    };
    return { caller, ...callerDialled };
  }

  /**
   * With whom the leg is connected. After a transfer or a pickup the switch turns the caller's profile round: the leg's
   * own identity stands as caller, the partner's as callee (live: attended-transfer-to-this).
   */
  #partner(frame: Frame, name: string, direction: LegDirection): Party | undefined {
    const connected = name === "CHANNEL_BRIDGE" || name === "CALL_UPDATE" || name === "CHANNEL_DATA";
    const farLeg = text(frame, "Other-Leg-Unique-ID");
    if (!connected || text(frame, "Answer-State") !== "answered") return undefined;
    if (farLeg === "") {
      return direction === "from-desk" && isPickedUp(frame, name)
        ? { identity: text(frame, "Caller-Caller-ID-Number"), ...(hidesNumber(frame, "Caller") ? { withheld: true } : {}) }
        : undefined;
    }
    const outside = this.#isOutside(frame) === true;
    const identity = partnerIdentity(frame, direction, outside);
    if (identity === undefined) return undefined;
    const dialledByLeg = originatedLegs(frame).some((leg) => leg.startsWith(farLeg));
    // The leg's own flags are those of its caller: after a turn round, or on a leg that dialled, that is nobody else.
    const withheld = direction === "to-desk" && !isFlipped(frame) ? isCallerWithheld(frame) : isOtherWithheld(frame);
    return {
      identity,
      outside,
      dialledByLeg,
      ...(!dialledByLeg && text(frame, "Other-Leg-Direction") === "outbound" ? { called: true } : {}),
      ...(withheld ? { withheld } : {}),
    };
  }

  /** Whether the other leg came in from outside: by its sofia profile or as a gateway's. Unknown when there is none. */
  #isOutside(frame: Frame): boolean | undefined {
    const [technology, profile] = text(frame, "Other-Leg-Channel-Name").split("/");
    if (technology !== "sofia" || profile === undefined) return undefined;
    return profile === "gateway" || this.#site.outsideProfiles.includes(profile);
  }

  #data(frame: Frame): Record<string, string> | undefined {
    const data: Record<string, string> = {};
    for (const variable of this.#site.variables) {
      const value = frame[`variable_${variable}`];
      const last = typeof value === "string" ? value : value?.at(-1);
      if (last !== undefined && last !== "") data[variable] = last;
    }
    return Object.keys(data).length > 0 ? data : undefined;
  }

  /** The far leg of a MakeCall has answered: seen only while its filter stands (variable_originating_leg_uuid). */
  #farLeg(frame: Frame, name: string): Said[] {
    const leg = text(frame, "variable_originating_leg_uuid");
    const desk = this.dials.get(leg);
    return desk !== undefined && name === "CHANNEL_ANSWER"
      ? [{ type: "leg", facts: { desk, leg, farCalled: true, farAnswered: true } }]
      : [];
  }

  #custom(frame: Frame): Said[] {
    const subclass = text(frame, "Event-Subclass");
    if (subclass === "callcenter::info" && text(frame, "CC-Action") === "agent-status-change") return this.#agent(frame);
    if (subclass === "callcenter::info") {
      if (text(frame, "CC-Action") === "agent-offering") {
        remember(this.#offers, text(frame, "CC-Member-Session-UUID"), text(frame, "CC-Member-DNIS"));
      }
      return [];
    }
    const registrant = registrantOf(frame, (id) => this.#desks.get(id));
    if (registrant === undefined || !["sofia::register", "sofia::unregister", "sofia::expire"].includes(subclass)) return [];
    const { desk, isSure } = registrant;
    if (subclass === "sofia::register" && isSure) {
      return [{ type: "phone", desk, registered: true, contact: text(frame, "contact") }];
    }
    // One of several phones may have gone: only the switch knows whether another is left.
    return [{ type: "look-up-phone", desk }];
  }

  /** A change by others: the switch, or a supervisor. */
  #agent(frame: Frame): Said[] {
    const name = text(frame, "CC-Agent");
    if (this.#sources.agents.echoes.take(name, text(frame, "CC-Agent-Status"))) return [];
    const desk = this.#sources.agents.names.get(name);
    const mode = modeOf(text(frame, "CC-Agent-Status"));
    return desk === undefined || mode === undefined ? [] : [{ type: "agent", desk, mode, why: whyChanged(mode) }];
  }
}

/** Notes what is known of a queue's caller, and forgets the one that was noted first when there are too many. */
function remember<T>(callers: Map<string, T>, leg: string, known: T): void {
  callers.set(leg, known);
  const [oldest] = callers.keys();
  if (callers.size > rememberedCallers && oldest !== undefined) callers.delete(oldest);
}

/** The end of a leg, in the words for both: the agent's phone, and the far end. */
function endOf(cause: string, desk: string): Failure {
  return { ...handsetFailure(cause, desk), far: farEnd(cause) };
}

/** What the state of the channel says, whatever the event. */
function stateSigns(frame: Frame, name: string, state: string): Partial<LegFacts> {
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  const progress = name === "CHANNEL_PROGRESS" || name === "CHANNEL_PROGRESS_MEDIA";
  const answered = text(frame, "Answer-State") === "answered";
  const far = farSigns(frame, name, state, toDesk, progress, answered);
  const held = name === "CHANNEL_HOLD" ? true : name === "CHANNEL_UNHOLD" ? false : undefined;
  return {
    ...(toDesk && (progress || state === "RINGING" || state === "EARLY") ? { rings: true } : {}),
    ...(answered ? { answered } : {}),
    ...far,
    ...(held === undefined ? {} : { held }),
  };
}

/**
 * Whether the far end is being called, and has answered, on a leg that dialled. RING_WAIT is set when an answered channel
 * begins to call (switch_channel.c, CF_ORIGINATOR). A dialplan that answers, plays or rings by itself has no far leg.
 */
function farSigns(
  frame: Frame,
  name: string,
  state: string,
  toDesk: boolean,
  progress: boolean,
  answered: boolean,
): Partial<LegFacts> {
  const bridged = answered && text(frame, "Other-Leg-Unique-ID") !== "" && name !== "CHANNEL_CALLSTATE";
  const farLeg = originatedLegs(frame).length > 0 || text(frame, "Caller-Callee-ID-Number") !== "";
  const rings = !toDesk && farLeg && (progress || (name === "CHANNEL_DATA" && !answered));
  const called = rings || state === "RING_WAIT" || bridged || name === "CHANNEL_BRIDGE";
  const connected = (bridged && !isEarly(frame, name, toDesk)) || (!toDesk && answered && isPickedUp(frame, name));
  return { ...(called ? { farCalled: true } : {}), ...(connected ? { farAnswered: true } : {}) };
}

/**
 * Bridged, but only to early media: the far leg's answer is missing in the copy of its profile, which is as old as the
 * bridge (live: out-early-media). What comes on a leg that dialled when the far end then answers is ANSWER, or, when the
 * dialplan had answered before, CALL_UPDATE.
 */
function isEarly(frame: Frame, name: string, toDesk: boolean): boolean {
  const unanswered = text(frame, "Other-Type") === "originatee" && text(frame, "Other-Leg-Direction") === "outbound" &&
    text(frame, "Other-Leg-Channel-Answered-Time") === "0";
  return unanswered && (toDesk || (name !== "CHANNEL_ANSWER" && name !== "CALL_UPDATE"));
}

/** The pickup application connects without a bridge on the leg: the leg then shows itself as the callee (live: pickup-endpoint). */
function isPickedUp(frame: Frame, name: string): boolean {
  const caller = text(frame, "Caller-Caller-ID-Number");
  return name === "CALL_UPDATE" && caller !== "" && !isOwn(frame, caller) && isOwn(frame, text(frame, "Caller-Callee-ID-Number"));
}

/** `uuid;name;number` of each leg that this leg has set up (switch_ivr_originate.c). */
function originatedLegs(frame: Frame): readonly string[] {
  const value = frame["variable_originated_legs"];
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

/**
 * The number that the caller's leg was made with (switch_caller.c), where a dialplan has put another in its place
 * (effective_caller_id_number). A phone that was called and now calls us hands its own caller's on (live:
 * attended-transfer-to-this): that is not who calls.
 */
function originalCaller(frame: Frame, identity: string): string | undefined {
  const original = text(frame, "Caller-Orig-Caller-ID-Number");
  return original === "" || original === identity || text(frame, "Other-Leg-Direction") === "outbound" ? undefined : original;
}

/**
 * The other leg is half of a pair of the switch's own (mod_loopback), as a dialplan uses it for follow-me: when the far end
 * has answered, the pair steps aside (bow-out), and the leg that it has called takes its place.
 */
function isRelay(frame: Frame): boolean {
  return text(frame, "Other-Leg-Channel-Name").startsWith("loopback/");
}

/** The leg's own identity stands where its caller's stood. */
function isFlipped(frame: Frame): boolean {
  // Before the answer it never does: a caller who shows our own extension as his number is still the caller.
  return text(frame, "Answer-State") === "answered" && isOwn(frame, text(frame, "Caller-Caller-ID-Number"));
}

function isOwn(frame: Frame, identity: string): boolean {
  const extension = text(frame, "Channel-Presence-ID").split("@")[0] ?? "";
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  return identity === extension || identity.startsWith(`${extension}-`) ||
    (toDesk && identity === text(frame, "Caller-Destination-Number"));
}

/** The partner's identity: an outside number if any of the places where the switch may put it has one. */
function partnerIdentity(frame: Frame, direction: LegDirection, outside: boolean): string | undefined {
  const inboundFar = text(frame, "Other-Leg-Direction") === "inbound";
  const callee = text(frame, "Caller-Callee-ID-Number");
  const caller = direction === "to-desk" && !isFlipped(frame) ? text(frame, "Caller-Caller-ID-Number") : undefined;
  // Whom the dialplan withholds is withheld, although the other leg still has the number. Zeros are what a dialler leaves.
  if (caller !== undefined && /\p{L}/u.test(caller) && identify(caller).kind === "withheld") return caller;
  const far = text(frame, inboundFar ? "Other-Leg-Caller-ID-Number" : "Other-Leg-Destination-Number");
  const isOther = (identity: string) => identity !== "" && !isOwn(frame, identity);
  const isNumber = (identity: string) => identify(identity).kind === "number";
  // The other leg's own number, which uuid_bridge leaves out of this leg's profile (live: dialler-uuid-bridge).
  const theirs = inboundFar ? text(frame, "Other-Leg-Orig-Caller-ID-Number") : far;
  if (isOther(theirs) && isNumber(theirs) && theirs.replace(/\D/g, "").length > 6) return theirs;
  const places = [caller ?? callee, callee, far, text(frame, "Other-Leg-Callee-ID-Number")].filter(isOther);
  const numbers = places.filter(isNumber);
  if (!outside) return numbers[0] ?? places[0];
  // Colleagues' numbers are short: among several the longest is the outside party's.
  return numbers.toSorted((a, b) => b.length - a.length)[0] ?? places[0] ?? "";
}

function dialledBy(frame: Frame): Partial<LegFacts> {
  const dialled = text(frame, "Caller-Destination-Number");
  return dialled ? { dialled } : {};
}
