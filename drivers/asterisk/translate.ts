/**
 * Translates what Asterisk reports into facts of the line. What each event means for a phone's channel was learned from a live
 * Asterisk 22 (test/fixtures/recordings/asterisk) and from its source. Pure: events and readings in, facts out, no clock.
 */
import type { Failure, LegFacts, LineEvent } from "../../src/core/line.ts";
import { endOf, unansweredEnd } from "./causes.ts";
import { callOfDial, type Leg, newLeg } from "./leg.ts";
import { callerOf, partnerOf } from "./parties.ts";
import { isWithheld, type Reading } from "./reading.ts";
import { endpointOf, isOutside, isRelay, isUnreal, type Site } from "./site.ts";
import type { AriEvent, Channel } from "./wire/message.ts";

/** The result of a translation: facts, or the state of an endpoint. */
export type Translated =
  | Extract<LineEvent, { type: "leg" }>
  | { readonly type: "endpoint"; readonly desk: string; readonly endpoint: string; readonly state: string };

/** The maximum number of dials whose last step is remembered. */
const maxSteps = 100;

/** Translates events. It remembers the living legs of the desks. */
export class Translator {
  readonly #site: Site;
  readonly #desks: ReadonlyMap<string, string>;
  readonly #variables: ReadonlySet<string>;
  readonly #legs = new Map<string, Leg>();
  /** The last step of the dial of each MakeCall through the dialplan: it may come before it is known which leg is the phone's. */
  readonly #steps = new Map<string, { readonly peer: Channel; readonly status: string }>();

  constructor(site: Site) {
    this.#site = site;
    this.#desks = new Map(site.desks.flatMap(({ extension, endpoints }) => endpoints.map((name) => [name, extension])));
    this.#variables = new Set(site.variables);
  }

  /** The leg of a desk that an event is about. */
  legOf({ channel, dialling }: AriEvent): string | undefined {
    const about = channel ?? dialling;
    return about && this.deskOf(about) !== undefined ? about.id : undefined;
  }

  /** The desk of a channel: a known leg stays with its desk whatever its name becomes (pickup and transfers exchange names). */
  deskOf({ id, name }: Pick<Channel, "id" | "name">): string | undefined {
    const endpoint = endpointOf(name, this.#site.technology);
    return this.#legs.get(id)?.desk ?? (endpoint === undefined ? undefined : this.#desks.get(endpoint));
  }

  /** The desk of a known leg. */
  deskOfLeg(leg: string): string | undefined {
    return this.#legs.get(leg)?.desk;
  }

  /**
   * The leg of which must be read who is at the other end before an event can be reported: an event sent to the CRM cannot be
   * taken back, and events show a withheld number.
   */
  mustRead(event: AriEvent): string | undefined {
    const { type, channel, variable, value } = event;
    const desk = channel && this.deskOf(channel);
    if (!channel || desk === undefined) return undefined;
    const leg = this.#legs.get(channel.id);
    if (type === "ChannelVarset") {
      return variable === "BRIDGEPEER" && value !== "" && leg?.isUp && value !== leg.bridgePeer && !leg.peers.has(value)
        ? channel.id
        : undefined;
    }
    const dials = leg?.direction === "from-desk" || directionOf(channel) === "from-desk";
    if (type === "ChannelConnectedLine") {
      // What a phone that dials is shown before the answer is whom it dials.
      return isShown(channel) && isOpen(leg, channel) && (leg?.isUp || !dials) ? channel.id : undefined;
    }
    // The party of a pickup is shown half a second before the bridge (app_directed_pickup.c, features.c).
    if (type === "ChannelStateChange" && isPickup(channel) && dials) {
      return isShown(channel) && !leg?.isUp ? channel.id : undefined;
    }
    const begins = type === "ChannelStateChange" && (channel.state === "Ringing" || channel.state === "Up");
    return begins && !dials && !leg?.isIdentified && isOpen(leg, channel) ? channel.id : undefined;
  }

  /** The facts in what was read of a leg; empty if it is not one of a desk. @param reading undefined: it could not be read. */
  read(channel: Channel, reading: Reading | undefined): Translated[] {
    const leg = this.#known(channel);
    return leg ? this.#facts(leg, this.#read(leg, channel, reading, leg.isIdentified)) : [];
  }

  /** @param wasIdentified the caller of an answered leg is known: what is shown now may be another party. */
  #read(leg: Leg, channel: Channel, reading: Reading | undefined, wasIdentified: boolean): Partial<LegFacts> {
    const isUp = leg.isUp || channel.state === "Up";
    leg.isIdentified = true;
    if (!reading) return wasIdentified ? {} : this.#unread(leg, channel);
    this.#learn(leg, reading);
    const dataFacts = Object.keys(reading.data).length > 0 ? { data: reading.data } : {};
    const begun = wasIdentified && isUp ? {} : this.#begun(leg, channel, reading);
    if (reading.bridgePeer !== "") leg.bridgePeer = reading.bridgePeer;
    const partner = isUp && !isConference(channel)
      ? partnerOf(this.#site, leg, reading) ?? pickedUp(leg, channel, reading)
      : undefined;
    if (partner) leg.farAnswered = true;
    return { ...begun, ...partner, ...dataFacts, ...(partner ? { farCalled: true, farAnswered: true } : {}) };
  }

  /** The meaning of an event; empty if it is not about the desks. */
  event(event: AriEvent): Translated[] {
    if (event.type === "Dial") return this.#dial(event);
    const { channel } = event;
    if (!channel) return this.#endpoint(event);
    const leg = this.#known(channel);
    if (!leg) return [];
    switch (event.type) {
      case "ChannelCreated":
        return leg.direction === "from-desk" ? this.#facts(leg, dialledBy(leg)) : [];
      case "ChannelStateChange":
        return this.#state(leg, channel);
      case "ChannelHold":
        return this.#facts(leg, { held: true });
      case "ChannelUnhold":
        return this.#facts(leg, { held: false });
      case "ChannelVarset":
        return this.#variable(leg, event);
      case "ChannelConnectedLine":
        leg.isTransferred = false;
        return isQueue(channel) ? this.#facts(leg, { queue: true }) : [];
      case "ChannelDestroyed":
        this.#legs.delete(leg.id);
        return this.#facts(leg, { ended: this.#end(leg, event) });
      default:
        return [];
    }
  }

  /** A living channel of a snapshot as the facts of a leg; undefined if it is not one of a desk. */
  snapshot(channel: Channel, reading: Reading | undefined): LegFacts | undefined {
    const isNew = !this.#legs.has(channel.id);
    const leg = this.#known(channel);
    if (!leg) return undefined;
    if (reading && leg.direction === undefined) leg.direction = reading.cameIn === "" ? "to-desk" : "from-desk";
    // Where a channel is in the dialplan now need not be the number that its phone has dialled.
    if (reading && isNew && reading.dialled !== "") leg.dialled = reading.dialled;
    const read = this.#read(leg, channel, reading, false);
    const [state] = this.#state(leg, channel);
    const dials = (leg.direction === "from-desk" || leg.call !== undefined) && channel.app === "Dial" && isShown(channel);
    return {
      ...read,
      ...(leg.direction === "from-desk" ? dialledBy(leg) : {}),
      ...(state?.type === "leg" ? state.facts : { desk: leg.desk, leg: leg.id }),
      ...(dials ? { farCalled: true } : {}),
    };
  }

  /** Forgets all legs but these: the switch does not list them. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#legs.keys()) if (!ids.has(id)) this.#legs.delete(id);
  }

  /** The leg of a channel, which is new if it is not known. */
  #known(channel: Channel): Leg | undefined {
    const desk = this.deskOf(channel);
    if (desk === undefined) return undefined;
    const leg = this.#legs.get(channel.id) ?? newLeg(channel.id, desk);
    this.#legs.set(channel.id, leg);
    if (leg.direction === undefined) {
      const direction = directionOf(channel);
      if (direction) leg.direction = direction;
      if (direction === "from-desk") leg.dialled = channel.exten;
    }
    return leg;
  }

  #state(leg: Leg, channel: Channel): Translated[] {
    const toDesk = leg.direction !== "from-desk";
    if (channel.state === "Ringing" && toDesk) {
      leg.hasRung = true;
      return this.#facts(leg, { ...this.#identity(leg), rings: true, ...(isQueue(channel) ? { queue: true } : {}) });
    }
    if (channel.state !== "Up") return [];
    leg.isUp = true;
    const step = this.#steps.get(leg.call ?? "");
    return [
      ...this.#facts(leg, { ...this.#identity(leg), answered: true, ...(isQueue(channel) ? { queue: true } : {}) }),
      ...(step ? this.#dialOf(leg, step.peer, step.status) : []),
    ];
  }

  /** A leg of a MakeCall needs no reading: its facts are those of the command. */
  #identity(leg: Leg): Partial<LegFacts> {
    const { direction, call } = leg;
    return call === undefined || direction === undefined ? {} : { direction, call };
  }

  #begun(leg: Leg, channel: Channel, reading: Reading): Partial<LegFacts> {
    if (leg.direction === undefined) leg.direction = reading.cameIn === "" ? "to-desk" : "from-desk";
    const { direction, call } = leg;
    if (direction === "from-desk") return { direction };
    if (call !== undefined) return { direction, call };
    return { direction, ...callerOf(this.#site, leg, reading, channel.exten) };
  }

  /** A caller who could not be read counts as withheld; the number only shows whether the party is outside. */
  #unread(leg: Leg, channel: Channel): Partial<LegFacts> {
    if (leg.direction === "from-desk") return {};
    leg.direction = "to-desk";
    if (leg.call !== undefined) return this.#identity(leg);
    return { direction: "to-desk", caller: { identity: channel.connected.number, withheld: true, unreported: true } };
  }

  /** A leg of a phone that a dial through the dialplan (`Local`) has rung. */
  #learn(leg: Leg, { linkedId }: Reading): void {
    const call = callOfDial(linkedId);
    if (call !== undefined && leg.direction !== "from-desk") leg.call ??= call;
  }

  /** The dial of a leg, or of a channel through which a MakeCall has rung its phone. */
  #dial({ dialling, peer, dialStatus, dialString }: AriEvent): Translated[] {
    const leg = dialling && this.#known(dialling);
    if (leg && dialStatus === "") leg.dialString = dialString;
    return dialling && peer ? this.#dialling(dialling, peer, dialStatus) : [];
  }

  #dialling(dialling: Channel, peer: Channel, dialStatus: string): Translated[] {
    const own = this.#known(dialling);
    const call = callOfDial(dialling.id);
    if (!own && call !== undefined) this.#remember(call, peer, dialStatus);
    const legs = own ? [own] : [...this.#legs.values()].filter((leg) => call !== undefined && leg.call === call && leg.isUp);
    return legs.flatMap((leg) => this.#dialOf(leg, peer, dialStatus));
  }

  /** The channel of a MakeCall through the dialplan, as it is now: it may have called the number already. */
  dials(channel: Channel): Translated[] {
    const isDialling = channel.state === "Up" && channel.app === "Dial";
    return isDialling ? this.#dialling(channel, { ...channel, id: "", name: "" }, "RINGING") : [];
  }

  #remember(call: string, peer: Channel, status: string): void {
    this.#steps.delete(call);
    this.#steps.set(call, { peer, status });
    const [oldest] = this.#steps.keys();
    if (this.#steps.size > maxSteps && oldest !== undefined) this.#steps.delete(oldest);
  }

  #dialOf(leg: Leg, peer: Channel, status: string): Translated[] {
    if (peer.name !== "") leg.peers.set(peer.name, peer.id);
    const far = { ...(peer.id === "" ? {} : { farLeg: peer.id }), ...(isRelay(peer.name) ? { relay: true as const } : {}) };
    switch (status) {
      case "":
        leg.dialStatus = "";
        leg.isTransferred = false;
        return [];
      case "RINGING":
      case "PROGRESS":
        return this.#facts(leg, { ...far, farCalled: true });
      case "ANSWER":
        leg.farAnswered = true;
        return this.#facts(leg, { ...far, ...this.#dialledFor(leg, peer), farCalled: true, farAnswered: true });
      default:
        leg.dialStatus = status;
        return [];
    }
  }

  /** A leg to the desk that dials was sent to this party by somebody else: another program, or a colleague's transfer. */
  #dialledFor({ direction, call, dialString }: Leg, { name, caller, context }: Channel): Partial<LegFacts> {
    if (direction !== "to-desk" || call !== undefined || isUnreal(name)) return {};
    const outside = isOutside(this.#site, name, context);
    const side = outside === undefined ? {} : { outside };
    // The number as it was sent, without the digits for an outside line that the dialplan has removed.
    const sent = /\d{7,}/.exec(dialString)?.[0];
    const identity = sent !== undefined && caller.number.endsWith(sent) ? sent : caller.number;
    return { partner: { identity, ...side, dialledByLeg: true, called: true } };
  }

  #variable(leg: Leg, { variable, value }: AriEvent): Translated[] {
    if (variable === "BRIDGEPEER" && leg.isUp) leg.bridgePeer = value;
    if (variable === "BLINDTRANSFER" || variable === "ATTENDEDTRANSFER") leg.isTransferred = value !== "";
    const name = variable.replace(/^_{1,2}/, "");
    return this.#variables.has(name) && value !== "" ? this.#facts(leg, { data: { [name]: value } }) : [];
  }

  #end(leg: Leg, event: AriEvent): Failure {
    const { desk, direction, call, isUp, peers, dialStatus, farAnswered, isTransferred } = leg;
    if (!isUp && (direction !== "from-desk" || call !== undefined)) return unansweredEnd(event, desk);
    const failure = endOf(event, desk, { calledFar: peers.size > 0, dialStatus, farAnswered });
    return { ...failure, ...(isTransferred ? { transferred: true } : {}) };
  }

  #endpoint({ type, endpoint }: AriEvent): Translated[] {
    if (type !== "EndpointStateChange" || endpoint?.technology.toLowerCase() !== this.#site.technology.toLowerCase()) return [];
    const desk = this.#desks.get(endpoint.resource);
    return desk === undefined ? [] : [{ type: "endpoint", desk, endpoint: endpoint.resource, state: endpoint.state }];
  }

  #facts({ id, desk }: Leg, facts: Partial<LegFacts>): Translated[] {
    return Object.keys(facts).length === 0 ? [] : [{ type: "leg", facts: { ...facts, desk, leg: id } }];
  }
}

/** The direction that the state of a channel shows: one that dials is created as `Ring`. */
function directionOf({ state }: Channel): Leg["direction"] {
  if (state === "Ring") return "from-desk";
  return state === "Down" || state === "Ringing" ? "to-desk" : undefined;
}

/** Whether the other end matters: not on the leg of a MakeCall, until it is connected. */
function isOpen(leg: Leg | undefined, { id }: Channel): boolean {
  return callOfDial(id) === undefined || leg?.farAnswered === true;
}

/** Several parties: none of them is the one that the phone talks with. */
function isConference({ app }: Channel): boolean {
  return /^(ConfBridge|MeetMe|Page)$/.test(app);
}

function isPickup({ app, state }: Channel): boolean {
  return app === "Pickup" && state === "Up";
}

/** The party of a phone that picks a call up, until it is connected with it. */
function pickedUp({ direction }: Leg, channel: Channel, { number, presentation, name }: Reading): Partial<LegFacts> | undefined {
  if (direction !== "from-desk" || !isPickup(channel) || number === "") return undefined;
  return { partner: { identity: number, dialledByLeg: false, ...(isWithheld(presentation, name) ? { withheld: true } : {}) } };
}

function isShown({ connected }: Channel): boolean {
  return connected.number !== "" || connected.name !== "";
}

function isQueue({ app }: Channel): boolean {
  return app === "AppQueue";
}

function dialledBy({ dialled = "" }: Leg): Partial<LegFacts> {
  return { direction: "from-desk", ...(/^[^\p{C}]{1,80}$/u.test(dialled) && dialled !== "s" ? { dialled } : {}) };
}
