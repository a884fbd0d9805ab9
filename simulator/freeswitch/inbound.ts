/** A call to a desk: from outside, from an IVR, from a colleague, or transferred by one. */
import { AttendedTransfer } from "./attended-transfer.ts";
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { cancel, connect, ringHandset } from "./pair.ts";
import { dialler, outsideCaller } from "./parties.ts";
import { Talk } from "./talk.ts";

/** An inbound call. */
export interface Inbound {
  /** The caller's number; an extension of the site makes it an internal call; `anonymous` is passed on unchanged. */
  readonly from: string;
  /** The extension that rings. */
  readonly to: string;
  /** The dialled number, if it is not the extension. */
  readonly dialled?: string;
  /** Channel variables exported to the desk's leg by an IVR, which answers first, then transfers the caller. */
  readonly data?: Readonly<Record<string, string>>;
}

export class InboundCall {
  readonly site: Site;
  readonly caller: Channel;
  /** The desk's own leg. */
  readonly leg: Channel;
  #talk: Talk | undefined;

  /** Takes both legs while the phone rings; `ringInbound` creates them. */
  constructor(site: Site, { caller, leg }: { caller: Channel; leg: Channel }) {
    this.site = site;
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
    connect(this.site.sw, this.caller, this.leg);
    this.#talk = new Talk(this.site, { by: this.caller, leg: this.leg, desk: this.leg });
    await this.site.sent();
  }

  /** The agent hangs up, or rejects the ringing call. */
  async agentHangsUp(): Promise<void> {
    await (this.#talk === undefined ? this.reject() : this.#talk.agentHangsUp());
  }

  /** The caller hangs up, also while it still rings. */
  async callerHangsUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.farHangsUp();
    cancel(this.site.sw, this.caller, [this.leg]);
    await this.site.sent();
  }

  /** The phone rejects with 486, or another cause. */
  async reject(cause = "USER_BUSY"): Promise<void> {
    this.site.sw.end(this.leg, cause);
    this.site.sw.end(this.caller, cause);
    await this.site.sent();
  }

  /** Nobody answers: the switch stops ringing. */
  async noAnswer(): Promise<void> {
    return await this.reject("NO_ANSWER");
  }

  async hold(): Promise<void> {
    return await this.#talking.hold();
  }

  async retrieve(): Promise<void> {
    return await this.#talking.retrieve();
  }

  /** Resolves with the call that rings at the colleague's phone. */
  async blindTransferAway(to: string): Promise<InboundCall> {
    return new InboundCall(this.site, await this.#talking.blindTransfer(to));
  }

  /** Resolves when the colleague's phone rings. */
  async attendedTransferAway(to: string): Promise<AttendedTransfer> {
    return new AttendedTransfer(this.site, await this.#talking.consult(to));
  }

  get #talking(): Talk {
    if (this.#talk === undefined) throw new Error(`Cannot continue: ${this.leg.name} is not answered`);
    return this.#talk;
  }
}

/** Starts an inbound call; resolves when the phone rings. */
export async function ringInbound(site: Site, call: Inbound): Promise<InboundCall> {
  const caller = site.knows(call.from) ? fromColleague(site, call) : fromOutside(site, call);
  const leg = ringHandset(site.sw, caller, site.handset(call.to), { variables: call.data ?? {} });
  await site.sent();
  return new InboundCall(site, { caller, leg });
}

function fromColleague(site: Site, { from, to, dialled }: Inbound): Channel {
  const caller = dialler(site.sw, site.handset(from), dialled ?? to);
  site.sw.create(caller);
  return caller;
}

function fromOutside(site: Site, { from, to, dialled, data }: Inbound): Channel {
  const { sw } = site;
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
