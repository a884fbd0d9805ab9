/** Calls made by a desk: dialled on its keypad, or a colleague's call picked up with a feature code. */
import { AttendedTransfer } from "./attended-transfer.ts";
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { InboundCall } from "./inbound.ts";
import { bridge, cancel, join, ringHandset, ringLeg } from "./pair.ts";
import { dialler, outsideCallee } from "./parties.ts";
import { Talk } from "./talk.ts";

/** A call dialled on the keypad. */
export interface Keypad {
  readonly extension: string;
  /** As dialled; an extension of the site makes it internal; a leading 9 before at least four digits is the outside line. */
  readonly number: string;
  /** The dialplan has no route: it plays an announcement and hangs up, without a far leg. */
  readonly invalid?: boolean;
}

/** The number sent on the trunk for a dialled one. */
export function outsideRoute(dialled: string): string {
  return dialled.replace(/^9(\d{4,})$/, "$1");
}

export class KeypadCall {
  readonly site: Site;
  /** The desk's own leg. */
  readonly leg: Channel;
  readonly #number: string;
  #far: Channel | undefined;
  #talk: Talk | undefined;

  /** The phone dials: its leg is created. */
  constructor(site: Site, { extension, number, invalid }: Keypad) {
    this.site = site;
    this.#number = number;
    this.leg = dialler(site.sw, site.handset(extension), number);
    site.sw.create(this.leg);
    this.leg.kill = () => void this.hangUp();
    if (invalid ?? false) this.#refuse();
  }

  get uuid(): string {
    return this.leg.uuid;
  }

  /** The far party's leg, once it is being called. */
  get far(): Channel | undefined {
    return this.#far;
  }

  #refuse(): void {
    const { sw } = this.site;
    sw.progress(this.leg);
    sw.earlyMedia(this.leg);
    sw.end(this.leg, "NORMAL_CLEARING");
  }

  /** The far end is called and rings. */
  async farRings(): Promise<void> {
    const { sw } = this.site;
    if (this.site.knows(this.#number)) {
      this.#far = ringHandset(sw, this.leg, this.site.handset(this.#number));
    } else {
      const far = this.#callOut();
      ringLeg(sw, this.leg, far);
      sw.progress(this.leg);
    }
    await this.site.sent();
  }

  /** The far end is called and sends early media (183): the legs are bridged already. */
  async earlyMedia(): Promise<void> {
    const { sw } = this.site;
    const far = this.#callOut();
    ringLeg(sw, this.leg, far);
    sw.earlyMedia(far);
    sw.earlyMedia(this.leg);
    bridge(sw, this.leg, far);
    await this.site.sent();
  }

  #callOut(): Channel {
    const { profile } = this.leg;
    const far = this.#far = outsideCallee(this.site.sw, outsideRoute(this.#number), this.leg);
    this.leg.profile = { ...profile, calleeName: far.profile.calleeName, calleeNumber: far.profile.calleeNumber };
    return far;
  }

  async farAnswers(): Promise<void> {
    const { sw } = this.site;
    if (this.#far === undefined) await this.farRings();
    const far = this.#rung;
    sw.answer(far);
    if (this.leg.times.bridged === "0") {
      join(sw, this.leg, far);
    } else {
      sw.answer(this.leg);
      sw.update(far);
      sw.update(this.leg);
    }
    this.#talk = new Talk(this.site, { by: this.leg, leg: far, desk: this.leg });
    return this.site.sent();
  }

  /** The far end is busy, or fails with another cause. */
  async farBusy(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.site;
    sw.end(this.#rung, cause);
    sw.end(this.leg, cause);
    await this.site.sent();
  }

  /** The agent hangs up, also before the answer. */
  async hangUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.agentHangsUp();
    cancel(this.site.sw, this.leg, this.#far === undefined ? [] : [this.#far]);
    await this.site.sent();
  }

  async farHangsUp(): Promise<void> {
    return await this.#talking.farHangsUp();
  }

  async hold(): Promise<void> {
    return await this.#talking.hold();
  }

  async retrieve(): Promise<void> {
    return await this.#talking.retrieve();
  }

  async blindTransferAway(to: string): Promise<InboundCall> {
    return new InboundCall(this.site, await this.#talking.blindTransfer(to));
  }

  async attendedTransferAway(to: string): Promise<AttendedTransfer> {
    return new AttendedTransfer(this.site, await this.#talking.consult(to));
  }

  get #rung(): Channel {
    if (this.#far === undefined || this.#far.over) throw new Error(`Cannot continue: ${this.#number} is not being called`);
    return this.#far;
  }

  get #talking(): Talk {
    if (this.#talk === undefined) throw new Error(`Cannot continue: ${this.leg.name} is not connected`);
    return this.#talk;
  }
}

/** A colleague's ringing call, picked up from another phone. */
export interface Pickup {
  readonly extension: string;
  /** The outside caller. */
  readonly from: string;
  /** The colleague whose phone rings. */
  readonly ringsAt: string;
  /** The feature code, default `*8` followed by the colleague's extension. */
  readonly code?: string;
}

/**
 * The desk dials the code, the switch answers and connects the caller, who is shown only in CHANNEL_BRIDGE and CALL_UPDATE.
 * Not recorded live: modelled on `attended-transfer-to-this` and src/switch_ivr_bridge.c, `switch_ivr_intercept_session`.
 */
export async function pickUp(site: Site, { extension, ringsAt, code }: Pickup, ringing: InboundCall): Promise<Talk> {
  const { sw } = site;
  const { caller } = ringing;
  const desk = dialler(sw, site.handset(extension), code ?? `*8${ringsAt}`);
  sw.create(desk);
  sw.earlyMedia(desk);
  sw.answer(desk);
  sw.end(ringing.leg, "PICKED_OFF");
  if (caller.answerState !== "answered") sw.answer(caller);
  desk.profile = { ...desk.profile, calleeName: "Outbound Call", calleeNumber: caller.profile.callerNumber };
  caller.other = desk.seenAs("originator");
  caller.callUuid = desk.uuid;
  bridge(sw, desk, caller);
  sw.update(caller);
  sw.update(desk);
  await site.sent();
  return new Talk(site, { by: desk, leg: caller, desk });
}
