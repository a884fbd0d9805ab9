/** An attended transfer: the far party waits while two phones talk, then the transferrer steps out. */
import type { Channel } from "./channel.ts";
import type { House } from "./house.ts";
import { connect, part } from "./pair.ts";
import { Talk } from "./talk.ts";

export class AttendedTransfer {
  readonly house: House;
  readonly far: Channel;
  readonly transferrer: Channel;
  readonly target: Channel;

  constructor(house: House, legs: { far: Channel; transferrer: Channel; target: Channel }) {
    this.house = house;
    this.far = legs.far;
    this.transferrer = legs.transferrer;
    this.target = legs.target;
  }

  /** The other phone answers: the two talk, the far party waits. */
  async answer(): Promise<void> {
    connect(this.house.sw, this.transferrer, this.target);
    await this.house.sent();
  }

  /** The other phone does not take it: the transferrer has the far party back. */
  async refuse(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.house;
    sw.end(this.target, cause);
    sw.callState(this.transferrer, "ACTIVE");
    await this.house.sent();
  }

  /** The transferrer hangs up: the far party and the other phone are put together. */
  async complete(): Promise<Talk> {
    const { sw } = this.house;
    sw.hangup(this.transferrer, "NORMAL_CLEARING");
    sw.bridge("CHANNEL_UNBRIDGE", this.transferrer, this.target);
    this.#park();
    this.#bridge();
    this.transferrer.callUuid = this.transferrer.uuid;
    sw.callState(this.transferrer, "HANGUP");
    sw.complete(this.transferrer);
    sw.destroy(this.transferrer);
    await this.house.sent();
    return new Talk(this.house, { by: this.target, leg: this.far, desk: this.target });
  }

  /** Both legs are freed from the transferrer. */
  #park(): void {
    const { sw } = this.house;
    const { target, far, transferrer } = this;
    const self = target.profile.calleeNumber ?? target.profile.destination;
    target.profile = { ...target.profile, callerNumber: self, calleeName: undefined, calleeNumber: undefined };
    target.state = "CS_PARK";
    target.callUuid = target.uuid;
    sw.update(target);
    const { profile } = far;
    far.profile = {
      ...profile,
      callerNumber: self,
      calleeName: "Outbound Call",
      calleeNumber: profile.origNumber,
      index: profile.index + 1,
    };
    far.other = target.seenAs("originator");
    sw.bridge("CHANNEL_UNBRIDGE", far, transferrer);
  }

  /** The switch puts the two together (`uuid_bridge`): the phone that was called is now the one that is connected. */
  #bridge(): void {
    const { sw } = this.house;
    const { target, far, transferrer } = this;
    target.state = "CS_SOFT_EXECUTE";
    target.logical = "inbound";
    target.profile = {
      ...target.profile,
      calleeName: "Outbound Call",
      calleeNumber: far.profile.origNumber,
      index: target.profile.index + 1,
    };
    const seen = far.seenAs("originatee");
    target.other = { ...seen, profile: { ...seen.profile, callerNumber: transferrer.profile.destination } };
    sw.bridge("CHANNEL_BRIDGE", target, far);
    far.state = "CS_EXCHANGE_MEDIA";
    far.callUuid = target.uuid;
    sw.update(far);
    sw.update(target);
  }

  /** The far party gives up while the two phones talk: they go on with each other. */
  async farHangsUp(): Promise<void> {
    this.house.sw.end(this.far, "NORMAL_CLEARING");
    await this.house.sent();
  }

  /** Both phones hang up after the far party has. */
  async end(): Promise<void> {
    part(this.house.sw, this.transferrer, this.target, this.target);
    await this.house.sent();
  }
}
