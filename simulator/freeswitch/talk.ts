/** A conversation of a desk, with the actions of its agent. */
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { part, ringHandset } from "./pair.ts";

export class Talk {
  readonly site: Site;
  /** The A leg of the bridge: the leg of CHANNEL_BRIDGE. */
  readonly by: Channel;
  readonly leg: Channel;
  /** The desk's own leg, one of the two. */
  readonly desk: Channel;
  /** Runs just before the legs are destroyed, when a queue fires its events. */
  readonly between: () => void;

  constructor(site: Site, legs: { by: Channel; leg: Channel; desk: Channel }, between: () => void = () => {}) {
    this.site = site;
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
    this.site.sw.hold(this.desk, true);
    await this.site.sent();
  }

  async retrieve(): Promise<void> {
    this.alive("retrieve");
    this.site.sw.hold(this.desk, false);
    await this.site.sent();
  }

  /** The phone sends REFER: its leg ends, and another extension rings for the far party. Resolves with the new legs. */
  async blindTransfer(to: string): Promise<{ caller: Channel; leg: Channel }> {
    this.alive("transfer");
    const { sw } = this.site;
    const { desk, far } = this;
    desk.variables.set("endpoint_disposition", "BLIND_TRANSFER");
    desk.variables.set("transfer_destination", `blind:${to}`);
    sw.hangup(desk, "NORMAL_CLEARING");
    sw.callState(desk, "HANGUP");
    this.#route(far, to);
    desk.callUuid = desk.uuid;
    sw.complete(desk);
    sw.destroy(desk);
    const leg = ringHandset(sw, far, this.site.handset(to));
    await this.site.sent();
    return { caller: far, leg };
  }

  /** The far party's leg goes back to the dialplan. */
  #route(far: Channel, to: string): void {
    const { sw } = this.site;
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
    const { sw } = this.site;
    const callerNumber = this.desk.presenceId?.split("@")[0];
    const target = ringHandset(sw, this.desk, this.site.handset(to), { callerNumber });
    await this.site.sent();
    return { far: this.far, transferrer: this.desk, target };
  }

  /** @throws Error if the conversation has ended. */
  alive(what: string): void {
    if (this.desk.over) throw new Error(`Cannot ${what}: the call of ${this.desk.name} has ended`);
  }

  async #end(first: Channel): Promise<void> {
    this.alive("hang up");
    part(this.site.sw, this.by, this.leg, first, this.between);
    await this.site.sent();
  }
}
