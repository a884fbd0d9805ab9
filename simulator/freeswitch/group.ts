/** One caller, several phones: a ring group, or two phones registered for one extension. */
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { cancel, join } from "./pair.ts";
import { calledHandset, noteOriginated, outsideCaller } from "./parties.ts";
import { Talk } from "./talk.ts";

/** A call to several phones at once. */
export interface Group {
  readonly from: string;
  /** The number dialled by the caller. */
  readonly number: string;
  /** The extensions that ring; a repeated one is an account with two phones. */
  readonly members: readonly string[];
}

export class GroupCall {
  readonly site: Site;
  readonly caller: Channel;
  /** The ringing legs, in the order of the members. */
  readonly legs: readonly Channel[];
  #talk: Talk | undefined;

  constructor(site: Site, { from, number, members }: Group) {
    const { sw } = site;
    this.site = site;
    this.caller = outsideCaller(sw, from, number);
    sw.create(this.caller);
    this.caller.transfer(number, sw.now());
    this.legs = members.map((member, index) =>
      this.#create(member, members.slice(0, index).filter((before) => before === member).length)
    );
    for (const leg of this.legs.toReversed()) sw.progress(leg);
    this.caller.other = this.legs.at(-1)?.seenAs("originatee");
    sw.progress(this.caller);
    this.caller.kill = () => void this.callerHangsUp();
  }

  #create(extension: string, device: number): Channel {
    const leg = calledHandset(this.site.sw, this.site.handset(extension, device), this.caller);
    noteOriginated(this.caller, leg);
    this.site.sw.create(leg);
    leg.kill = (cause) => void this.reject(leg, cause);
    return leg;
  }

  /** One phone answers (`which` counts the members from 0), the others stop ringing. */
  async answer(which = 0): Promise<void> {
    const { sw } = this.site;
    const winner = this.legs[which];
    if (winner === undefined || winner.over) throw new Error(`Cannot answer: member ${which} does not ring`);
    sw.answer(winner);
    for (const leg of this.legs) if (leg !== winner) sw.end(leg, "LOSE_RACE");
    join(sw, this.caller, winner);
    this.#talk = new Talk(this.site, { by: this.caller, leg: winner, desk: winner });
    await this.site.sent();
  }

  /** One phone rejects; if it was the last, the caller's leg ends too. */
  async reject(which: number | Channel, cause = "USER_BUSY"): Promise<void> {
    const leg = typeof which === "number" ? this.legs[which] : which;
    if (leg !== undefined) this.site.sw.end(leg, cause);
    if (this.legs.every((leg) => leg.over)) this.site.sw.end(this.caller, cause);
    await this.site.sent();
  }

  async callerHangsUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.farHangsUp();
    cancel(this.site.sw, this.caller, this.legs.filter((leg) => !leg.over));
    await this.site.sent();
  }

  async agentHangsUp(): Promise<void> {
    if (this.#talk === undefined) throw new Error("Cannot hang up: nobody has answered");
    return await this.#talk.agentHangsUp();
  }
}
