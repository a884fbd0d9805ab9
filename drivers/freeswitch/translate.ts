/**
 * Translates events of FreeSWITCH into facts of the line. What each event means for a handset's leg was learned from a live
 * switch (test/fixtures/recordings) and from its source; rules from there name the file.
 */
import type { Failure, KnownLegs, LegDirection, LegFacts, LineEvent, Party } from "../../src/core/line.ts";
import { modeOf, whyChanged } from "./acd.ts";
import type { Agents } from "./agents.ts";
import { farEnd, handsetFailure } from "../shared/causes.ts";
import type { DeskNames } from "./commands.ts";
import { Echoes } from "./echoes.ts";
import { type Frame, text } from "./wire/event.ts";
import { type Contact, type Destination, destinationOf } from "./whose-leg.ts";
import { isFlipped, isPickedUp, isRelay, originalCaller, originatedLegs, partnerIdentity } from "./parties.ts";
import { registrantOf } from "./registrant.ts";
import { stateFacts } from "./channel-state.ts";
import { hidesNumber, isCallerWithheld, isOtherWithheld } from "./privacy.ts";

/** What the translation needs to know about the site. */
export interface Site {
  readonly desks: readonly DeskNames[];
  readonly outsideProfiles: readonly string[];
  /** The channel variables whose values go to the CRM. */
  readonly variables: readonly string[];
}

/** What an event means: something on the line, or that a phone's registration must be looked up. */
export type Translated = LineEvent | { readonly type: "look-up-phone"; readonly desk: string };

/** What the translation looks up at each event. */
export interface Sources {
  readonly agents?: Pick<Agents, "names" | "echoes">;
  /** The legs that are believed to be alive. */
  readonly known?: KnownLegs;
  /** The desk of a live leg, without a search: for many desks, instead of `known`. */
  readonly deskOfLeg?: (leg: string) => string | undefined;
  /** The registered contacts of a desk; undefined while they are not known. */
  readonly contactsOf?: (desk: string) => readonly Contact[] | undefined;
}

const maxRememberedCallers = 100;

/** Translates frames. It remembers only what an agent's leg does not show about a caller from a queue. */
export class Translator {
  readonly #site: Site;
  readonly #desks = new Map<string, string>();
  /** The answered legs of our dials whose far legs are watched, each with its desk. */
  readonly dials = new Map<string, string>();
  /** The number that a queue's caller dialled, by the caller's leg: it arrives before the agent's leg, in a separate event. */
  readonly #offers = new Map<string, string>();
  /** Whether a queue's caller is withheld, by the caller's leg. */
  readonly #queued = new Map<string, boolean>();
  readonly #sources: Required<Omit<Sources, "deskOfLeg">> & Pick<Sources, "deskOfLeg">;

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

  /** The meaning of one event; empty if it is not about these desks. */
  frame(frame: Frame): Translated[] {
    const name = text(frame, "Event-Name");
    if (name === "CUSTOM") return this.#custom(frame);
    const desk = this.deskOf(frame);
    if (desk === undefined) return this.#redirected(frame) ?? this.#elsewhere(frame, name) ?? this.#farLeg(frame, name);
    if (name === "CHANNEL_UUID") {
      const [from, to] = [text(frame, "Old-Unique-ID"), text(frame, "Unique-ID")];
      return from && to ? [{ type: "leg-renamed", desk, from, to }] : [];
    }
    const facts = this.facts(frame, desk, name);
    return facts ? [{ type: "leg", facts }] : [];
  }

  /**
   * The desk if this is its handset's own leg, not one of a gateway or a loopback leg, which may have a presence id too. Contacts
   * and presence ids change: a leg stays with its first desk, unless the phone sends it elsewhere.
   */
  deskOf(frame: Frame): string | undefined {
    const desk = this.#claimedBy(frame);
    const destination = desk === undefined ? "elsewhere" : this.#destinationOf(frame, desk);
    return destination === "elsewhere" ? this.#knownDesk(frame) : destination === "desk" ? desk : undefined;
  }

  #destinationOf(frame: Frame, desk: string): Destination {
    return destinationOf(frame, desk, this.#sources.contactsOf(desk), this.#site.outsideProfiles);
  }

  /** The desk whose presence id a leg carries, whether it is the handset's leg or not. */
  #claimedBy(frame: Frame): string | undefined {
    const foreign = text(frame, "variable_sip_gateway_name") !== "" || text(frame, "Channel-Name").startsWith("loopback/");
    return foreign ? undefined : this.#desks.get(text(frame, "Channel-Presence-ID").toLowerCase());
  }

  /** Whether a leg is that of a gateway, of an outside profile, or of the switch itself. */
  leadsOutside(frame: Frame): boolean {
    const [technology, profile = ""] = text(frame, "Channel-Name").split("/");
    if (technology !== "sofia" || text(frame, "variable_sip_gateway_name") !== "") return true;
    return profile === "gateway" || this.#site.outsideProfiles.includes(profile);
  }

  /** The desk whose leg this was before. */
  #knownDesk(frame: Frame): string | undefined {
    const ids = [text(frame, "Unique-ID"), text(frame, "Old-Unique-ID")].filter((id) => id !== "");
    const { known, deskOfLeg } = this.#sources;
    if (deskOfLeg) return ids.map(deskOfLeg).find((desk) => desk !== undefined);
    return ids.length === 0 ? undefined : known().find(({ leg }) => ids.includes(leg))?.desk;
  }

  /** A leg that the phone has redirected (302) has ended for the desk. */
  #redirected(frame: Frame): Translated[] | undefined {
    const desk = this.#claimedBy(frame);
    if (desk === undefined || this.#destinationOf(frame, desk) !== "redirected") return undefined;
    const why = `Phone ${desk} has forwarded the call to another place.`;
    const ended = { cause: "REDIRECTION_TO_NEW_DESTINATION", why };
    return [{ type: "leg", facts: { desk, leg: text(frame, "Unique-ID"), ended } }];
  }

  /** A leg that a dialplan has given the desk's presence id, and that goes to another place than the desk's phones. */
  #elsewhere(frame: Frame, name: string): Translated[] | undefined {
    const desk = name === "CHANNEL_CREATE" && text(frame, "Call-Direction") !== "inbound" ? this.#claimedBy(frame) : undefined;
    const leg = text(frame, "Unique-ID");
    if (desk === undefined || leg === "" || leg.length > 60) return undefined;
    const farLeg = text(frame, "Other-Leg-Unique-ID");
    const to = text(frame, "Caller-Destination-Number");
    const { caller } = this.#caller(frame, farLeg);
    return [{
      type: "leg-elsewhere",
      desk,
      leg,
      ...(farLeg ? { farLeg } : {}),
      ...(to ? { to } : {}),
      ...(caller ? { caller } : {}),
    }];
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
      return { desk, leg, ended: endOf(frame, desk) };
    }
    const state = text(frame, "Channel-Call-State");
    if (text(frame, "Answer-State") === "hangup" || state === "HANGUP") return undefined;
    const shown = { desk, leg, ...stateFacts(frame, name, state) };
    // CALLSTATE comes without variables: too little to start a call with, so the facts have no direction.
    return name === "CHANNEL_CALLSTATE" ? shown : { ...shown, ...this.#identity(frame, name) };
  }

  /** The parties, the direction and the data: only events that contain the channel's variables show them. */
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
    // On the answered leg of a MakeCall, RDNIS is the phone's own contact (`1001-0x55`), not a dialled number.
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
   * With whom the leg is connected. After a transfer or a pickup the switch swaps the identities: the leg's own becomes the
   * caller, the partner's the callee (recording: attended-transfer-to-this).
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
    // The leg's own flags are those of its caller: after a swap, or on a leg that dialled, that is the desk itself.
    const withheld = direction === "to-desk" && !isFlipped(frame) ? isCallerWithheld(frame) : isOtherWithheld(frame);
    return {
      identity,
      outside,
      dialledByLeg,
      ...(!dialledByLeg && text(frame, "Other-Leg-Direction") === "outbound" ? { called: true } : {}),
      ...(withheld ? { withheld } : {}),
    };
  }

  /** Whether the other leg came in from outside, by an outside profile or a gateway. Unknown when there is no other leg. */
  #isOutside(frame: Frame): boolean | undefined {
    const [technology, profile] = text(frame, "Other-Leg-Channel-Name").split("/");
    if (technology !== "sofia" || profile === undefined) return undefined;
    return profile === "gateway" || this.#site.outsideProfiles.includes(profile);
  }

  #data(frame: Frame): Record<string, string> | undefined {
    const data: Record<string, string> = {};
    for (const variable of this.#site.variables) {
      const value = text(frame, `variable_${variable}`);
      if (value !== "") data[variable] = value;
    }
    return Object.keys(data).length > 0 ? data : undefined;
  }

  /** The far leg of a MakeCall has answered: seen only while it is filtered for (variable_originating_leg_uuid). */
  #farLeg(frame: Frame, name: string): Translated[] {
    const leg = text(frame, "variable_originating_leg_uuid");
    const desk = this.dials.get(leg);
    return desk !== undefined && name === "CHANNEL_ANSWER"
      ? [{ type: "leg", facts: { desk, leg, farCalled: true, farAnswered: true } }]
      : [];
  }

  #custom(frame: Frame): Translated[] {
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
  #agent(frame: Frame): Translated[] {
    const name = text(frame, "CC-Agent");
    if (this.#sources.agents.echoes.take(name, text(frame, "CC-Agent-Status"))) return [];
    const desk = this.#sources.agents.names.get(name);
    const mode = modeOf(text(frame, "CC-Agent-Status"));
    return desk === undefined || mode === undefined ? [] : [{ type: "agent", desk, mode, why: whyChanged(mode) }];
  }
}

/** Notes what is known about a queue's caller; forgets the oldest when there are too many. */
function remember<T>(callers: Map<string, T>, leg: string, known: T): void {
  callers.set(leg, known);
  const [oldest] = callers.keys();
  if (callers.size > maxRememberedCallers && oldest !== undefined) callers.delete(oldest);
}

/** The end of a leg, with a sentence for each case: the agent's phone ended it, or the far end did. */
function endOf(frame: Frame, desk: string): Failure {
  const cause = text(frame, "Hangup-Cause") || "NORMAL_CLEARING";
  // The hangup cause of a leg that has sent a REFER is that of any other (recording: blind-transfer-away).
  const transferred = /^(BLIND|ATTENDED)_TRANSFER$/.test(text(frame, "variable_endpoint_disposition"));
  const calledFar = originatedLegs(frame).length > 0;
  return {
    ...handsetFailure(cause, desk),
    far: farEnd(cause),
    ...(calledFar ? { calledFar } : {}),
    ...(transferred ? { transferred } : {}),
  };
}

function dialledBy(frame: Frame): Partial<LegFacts> {
  const dialled = text(frame, "Caller-Destination-Number");
  return dialled ? { dialled } : {};
}
