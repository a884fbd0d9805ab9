/** A call to a desk: from outside, from an IVR, from a colleague, or put through by one. */
import { AttendedTransfer } from "./attended.ts";
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { cancel, connect, ringHandset } from "./pair.ts";
import { dialler, outsideCaller } from "./parties.ts";
import { Talk } from "./talk.ts";

/** An inbound call. */
export interface Inbound {
  /** The caller's number; an extension of the house makes it an internal call; `anonymous` is passed on as it is. */
  readonly from: string;
  /** The extension that rings. */
  readonly to: string;
  /** What the caller dialled, when that is not the extension. */
  readonly dialled?: string;
  /** Channel variables that an IVR exports to the desk's leg: it answers first, then puts the caller through. */
  readonly data?: Readonly<Record<string, string>>;
}

export class InboundCall {
  readonly house: House;
  readonly caller: Channel;
  /** The desk's own leg. */
  readonly leg: Channel;
  #talk: Talk | undefined;

  /** Both legs as they are while the phone rings; `ringInbound` makes them. */
  constructor(house: House, { caller, leg }: { caller: Channel; leg: Channel }) {
    this.house = house;
    this.caller = caller;
    this.leg = leg;
    leg.kill = (cause) => void this.reject(cause);
    caller.kill = () => void this.callerHangsUp();
  }

  /** The id of the desk's leg, which becomes the call's id. */
  get uuid(): string {
    return this.leg.uuid;
  }

  async answer(): Promise<void> {
    if (this.leg.over || this.#talk !== undefined) throw new Error(`Cannot answer: ${this.leg.name} does not ring`);
    connect(this.house.sw, this.caller, this.leg);
    this.#talk = new Talk(this.house, { by: this.caller, leg: this.leg, desk: this.leg });
    await this.house.sent();
  }

  /** The agent hangs up, or, while it still rings, rejects. */
  async agentHangsUp(): Promise<void> {
    await (this.#talk === undefined ? this.reject() : this.#talk.agentHangsUp());
  }

  /** The caller hangs up, or, while it still rings, gives up. */
  async callerHangsUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.farHangsUp();
    cancel(this.house.sw, this.caller, [this.leg]);
    await this.house.sent();
  }

  /** The phone says 486, or another cause. */
  async reject(cause = "USER_BUSY"): Promise<void> {
    this.house.sw.end(this.leg, cause);
    this.house.sw.end(this.caller, cause);
    await this.house.sent();
  }

  /** Nobody lifts: the switch stops ringing. */
  async noAnswer(): Promise<void> {
    return await this.reject("NO_ANSWER");
  }

  async hold(): Promise<void> {
    return await this.#talking.hold();
  }

  async retrieve(): Promise<void> {
    return await this.#talking.retrieve();
  }

  /** Resolves with the call as it rings at the colleague's. */
  async blindTransferAway(to: string): Promise<InboundCall> {
    return new InboundCall(this.house, await this.#talking.blindTransfer(to));
  }

  /** Resolves when the colleague's phone rings. */
  async attendedTransferAway(to: string): Promise<AttendedTransfer> {
    return new AttendedTransfer(this.house, await this.#talking.consult(to));
  }

  get #talking(): Talk {
    if (this.#talk === undefined) throw new Error(`Cannot do that: ${this.leg.name} is not answered`);
    return this.#talk;
  }
}

/** Lets an inbound call ring; resolves when the phone rings. */
export async function ringInbound(house: House, call: Inbound): Promise<InboundCall> {
  const caller = house.knows(call.from) ? fromColleague(house, call) : fromOutside(house, call);
  const leg = ringHandset(house.sw, caller, house.handset(call.to), { variables: call.data ?? {} });
  await house.sent();
  return new InboundCall(house, { caller, leg });
}

function fromColleague(house: House, { from, to, dialled }: Inbound): Channel {
  const caller = dialler(house.sw, house.handset(from), dialled ?? to);
  house.sw.create(caller);
  return caller;
}

function fromOutside(house: House, { from, to, dialled, data }: Inbound): Channel {
  const { sw } = house;
  const caller = outsideCaller(sw, from, dialled ?? (data === undefined ? to : "7002"));
  sw.create(caller);
  if (data === undefined) {
    caller.transfer(to, sw.now());
    return caller;
  }
  caller.transfer(caller.profile.destination, sw.now());
  sw.earlyMedia(caller);
  sw.answer(caller);
  for (const [name, value] of Object.entries(data)) caller.variables.set(name, value);
  caller.transfer(to, sw.now());
  caller.state = "CS_ROUTING";
  sw.callState(caller, "RINGING");
  caller.state = "CS_EXECUTE";
  sw.callState(caller, "ACTIVE");
  return caller;
}
