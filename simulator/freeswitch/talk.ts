/** A conversation that a desk takes part in, and what its agent can do with it. */
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { part, ringHandset } from "./pair.ts";

export class Talk {
  readonly house: House;
  /** The leg that was connected: the one that CHANNEL_BRIDGE was said of. */
  readonly by: Channel;
  readonly leg: Channel;
  /** The desk's own leg, one of the two. */
  readonly desk: Channel;
  /** Runs just before the legs are destroyed (a queue has something to say then). */
  readonly between: () => void;

  constructor(house: House, legs: { by: Channel; leg: Channel; desk: Channel }, between: () => void = () => {}) {
    this.house = house;
    this.by = legs.by;
    this.leg = legs.leg;
    this.desk = legs.desk;
    this.between = between;
    this.by.kill = () => void this.#end(this.by);
    this.leg.kill = () => void this.#end(this.leg);
  }

  /** The far party's leg. */
  get far(): Channel {
    return this.desk === this.by ? this.leg : this.by;
  }

  async agentHangsUp(): Promise<void> {
    return await this.#end(this.desk);
  }

  async farHangsUp(): Promise<void> {
    return await this.#end(this.far);
  }

  async hold(): Promise<void> {
    this.alive("hold");
    this.house.sw.hold(this.desk, true);
    await this.house.sent();
  }

  async retrieve(): Promise<void> {
    this.alive("retrieve");
    this.house.sw.hold(this.desk, false);
    await this.house.sent();
  }

  /** The phone sends REFER: its leg ends, the far party rings at another extension. Resolves with the legs of the new call. */
  async blindTransfer(to: string): Promise<{ caller: Channel; leg: Channel }> {
    this.alive("transfer");
    const { sw } = this.house;
    const { desk, far } = this;
    desk.variables.set("endpoint_disposition", "BLIND_TRANSFER");
    desk.variables.set("transfer_destination", `blind:${to}`);
    sw.hangup(desk, "NORMAL_CLEARING");
    sw.callState(desk, "HANGUP");
    this.#route(far, to);
    desk.callUuid = desk.uuid;
    sw.complete(desk);
    sw.destroy(desk);
    const leg = ringHandset(sw, far, this.house.handset(to));
    await this.house.sent();
    return { caller: far, leg };
  }

  /** The far party's leg goes back to the dialplan. */
  #route(far: Channel, to: string): void {
    const { sw } = this.house;
    far.transfer(to, sw.now());
    far.other = undefined;
    if (far === this.by) sw.bridge("CHANNEL_UNBRIDGE", far, this.leg);
    far.state = "CS_ROUTING";
    sw.callState(far, "RINGING");
    far.state = "CS_EXECUTE";
    sw.callState(far, "ACTIVE");
  }

  /** The agent calls a colleague while the far party waits. Resolves with the three legs of an attended transfer. */
  async consult(to: string): Promise<{ far: Channel; transferrer: Channel; target: Channel }> {
    this.alive("transfer");
    const { sw } = this.house;
    const callerNumber = this.desk.presenceId?.split("@")[0];
    const target = ringHandset(sw, this.desk, this.house.handset(to), { callerNumber });
    await this.house.sent();
    return { far: this.far, transferrer: this.desk, target };
  }

  /** Throws when the conversation is over. */
  alive(what: string): void {
    if (this.desk.over) throw new Error(`Cannot ${what}: the call of ${this.desk.name} is over`);
  }

  async #end(first: Channel): Promise<void> {
    this.alive("hang up");
    part(this.house.sw, this.by, this.leg, first, this.between);
    await this.house.sent();
  }
}
