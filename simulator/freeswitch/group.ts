/** One caller, several phones: a ring group, or two phones registered for one extension. */
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { cancel, join } from "./pair.ts";
import { calledHandset, noteOriginated, outsideCaller } from "./parties.ts";
import { Talk } from "./talk.ts";

/** A call to several phones at once. */
export interface Group {
  readonly from: string;
  /** What the caller dialled. */
  readonly number: string;
  /** The extensions that ring; the same one twice is an account with two phones. */
  readonly members: readonly string[];
}

export class GroupCall {
  readonly house: House;
  readonly caller: Channel;
  /** The legs that ring, in the order of the members. */
  readonly legs: readonly Channel[];
  #talk: Talk | undefined;

  constructor(house: House, { from, number, members }: Group) {
    const { sw } = house;
    this.house = house;
    this.caller = outsideCaller(sw, from, number);
    sw.create(this.caller);
    this.caller.transfer(number, sw.now());
    this.legs = members.map((each, index) =>
      this.#create(each, members.slice(0, index).filter((before) => before === each).length)
    );
    for (const leg of this.legs.toReversed()) sw.progress(leg);
    this.caller.other = this.legs.at(-1)?.seenAs("originatee");
    sw.progress(this.caller);
    this.caller.kill = () => void this.callerHangsUp();
  }

  #create(extension: string, device: number): Channel {
    const leg = calledHandset(this.house.sw, this.house.handset(extension, device), this.caller);
    noteOriginated(this.caller, leg);
    this.house.sw.create(leg);
    leg.kill = (cause) => void this.reject(leg, cause);
    return leg;
  }

  /** One phone answers (`which` counts the members from 0), the others lose. */
  async answer(which = 0): Promise<void> {
    const { sw } = this.house;
    const winner = this.legs[which];
    if (winner === undefined || winner.over) throw new Error(`Cannot answer: member ${which} does not ring`);
    sw.answer(winner);
    for (const leg of this.legs) if (leg !== winner) sw.end(leg, "LOSE_RACE");
    join(sw, this.caller, winner);
    this.#talk = new Talk(this.house, { by: this.caller, leg: winner, desk: winner });
    await this.house.sent();
  }

  /** One phone rejects; when it was the last, the caller is told. */
  async reject(which: number | Channel, cause = "USER_BUSY"): Promise<void> {
    const leg = typeof which === "number" ? this.legs[which] : which;
    if (leg !== undefined) this.house.sw.end(leg, cause);
    if (this.legs.every((each) => each.over)) this.house.sw.end(this.caller, cause);
    await this.house.sent();
  }

  async callerHangsUp(): Promise<void> {
    if (this.#talk !== undefined) return await this.#talk.farHangsUp();
    cancel(this.house.sw, this.caller, this.legs.filter((each) => !each.over));
    await this.house.sent();
  }

  async agentHangsUp(): Promise<void> {
    if (this.#talk === undefined) throw new Error("Cannot hang up: nobody has answered");
    return await this.#talk.agentHangsUp();
  }
}
