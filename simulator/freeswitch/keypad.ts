/** Calls that a desk makes: dialled on its own keypad, or a colleague's call picked up with a feature code. */
import { AttendedTransfer } from "./attended.ts";
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { InboundCall } from "./inbound.ts";
import { bridge, cancel, join, ringHandset, ringLeg } from "./pair.ts";
import { dialler, outsideCallee } from "./parties.ts";
import { Talk } from "./talk.ts";

/** A call dialled on the keypad. */
export interface Keypad {
  readonly extension: string;
  /** As dialled; an extension of the house makes it an internal call; a leading 9 before at least four digits is the outside line. */
  readonly number: string;
  /** The dialplan has no route: it plays something and hangs up, and no far leg is ever made. */
  readonly invalid?: boolean;
}

/** The number that goes out on the trunk for what was dialled. */
export function outsideRoute(dialled: string): string {
  return dialled.replace(/^9(\d{4,})$/, "$1");
}

export class KeypadCall {
  readonly house: House;
  /** The desk's own leg. */
  readonly leg: Channel;
  readonly #number: string;
  #far: Channel | undefined;
  #talk: Talk | undefined;

  /** The phone dials: its leg is created. */
  constructor(house: House, { extension, number, invalid }: Keypad) {
    this.house = house;
    this.#number = number;
    this.leg = dialler(house.sw, house.handset(extension), number);
    house.sw.create(this.leg);
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
    const { sw } = this.house;
    sw.progress(this.leg);
    sw.earlyMedia(this.leg);
    sw.end(this.leg, "NORMAL_CLEARING");
  }

  /** The far end is called and rings. */
  async farRings(): Promise<void> {
    const { sw } = this.house;
    if (this.house.knows(this.#number)) {
      this.#far = ringHandset(sw, this.leg, this.house.handset(this.#number));
    } else {
      const far = this.#callOut();
      ringLeg(sw, this.leg, far);
      sw.progress(this.leg);
    }
    await this.house.sent();
  }

  /** The far end is called and sends sound before it answers (183): the legs are bridged already. */
  async earlyMedia(): Promise<void> {
    const { sw } = this.house;
    const far = this.#callOut();
    ringLeg(sw, this.leg, far);
    sw.earlyMedia(far);
    sw.earlyMedia(this.leg);
    bridge(sw, this.leg, far);
    await this.house.sent();
  }

  #callOut(): Channel {
    const { profile } = this.leg;
    const far = this.#far = outsideCallee(this.house.sw, outsideRoute(this.#number), this.leg);
    this.leg.profile = { ...profile, calleeName: far.profile.calleeName, calleeNumber: far.profile.calleeNumber };
    return far;
  }

  async farAnswers(): Promise<void> {
    const { sw } = this.house;
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
    this.#talk = new Talk(this.house, { by: this.leg, leg: far, desk: this.leg });
    return this.house.sent();
  }

  /** The far end says busy, or another cause. */
  async farBusy(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.house;
    sw.end(this.#rung, cause);
    sw.end(this.leg, cause);
    await this.house.sent();
  }

  /** The agent hangs up, or gives up before the answer. */
  async hangUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.agentHangsUp();
    cancel(this.house.sw, this.leg, this.#far === undefined ? [] : [this.#far]);
    await this.house.sent();
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
    return new InboundCall(this.house, await this.#talking.blindTransfer(to));
  }

  async attendedTransferAway(to: string): Promise<AttendedTransfer> {
    return new AttendedTransfer(this.house, await this.#talking.consult(to));
  }

  get #rung(): Channel {
    if (this.#far === undefined || this.#far.over) throw new Error(`Cannot do that: ${this.#number} is not being called`);
    return this.#far;
  }

  get #talking(): Talk {
    if (this.#talk === undefined) throw new Error(`Cannot do that: ${this.leg.name} is not connected`);
    return this.#talk;
  }
}

/** A colleague's ringing call, picked up from another phone. */
export interface Pickup {
  readonly extension: string;
  /** The outside caller. */
  readonly from: string;
  /** Whose phone rings. */
  readonly ringsAt: string;
  /** The feature code that is dialled, default `*8` and the colleague's extension. */
  readonly code?: string;
}

/**
 * The desk dials the code, the switch answers and gives it the caller; who that is shows only at CHANNEL_BRIDGE and CALL_UPDATE.
 * Not recorded live: modelled on `attended-transfer-to-this` and src/switch_ivr_bridge.c, `switch_ivr_intercept_session`.
 */
export async function pickUp(house: House, { extension, ringsAt, code }: Pickup, ringing: InboundCall): Promise<Talk> {
  const { sw } = house;
  const { caller } = ringing;
  const desk = dialler(sw, house.handset(extension), code ?? `*8${ringsAt}`);
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
  await house.sent();
  return new Talk(house, { by: desk, leg: caller, desk });
}
