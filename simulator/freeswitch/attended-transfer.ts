/** An attended transfer: the far party waits while two phones talk, then the transferrer leaves. */
import type { Channel } from "./channel.ts";
import type { Site } from "./site.ts";
import { connect, part } from "./pair.ts";
import { Talk } from "./talk.ts";

export class AttendedTransfer {
  readonly site: Site;
  readonly far: Channel;
  readonly transferrer: Channel;
  readonly target: Channel;

  constructor(site: Site, legs: { far: Channel; transferrer: Channel; target: Channel }) {
    this.site = site;
    this.far = legs.far;
    this.transferrer = legs.transferrer;
    this.target = legs.target;
  }

  /** The other phone answers: the two phones talk, the far party waits. */
  async answer(): Promise<void> {
    connect(this.site.sw, this.transferrer, this.target);
    await this.site.sent();
  }

  /** The other phone rejects: the transferrer talks to the far party again. */
  async refuse(cause = "USER_BUSY"): Promise<void> {
    const { sw } = this.site;
    sw.end(this.target, cause);
    sw.callState(this.transferrer, "ACTIVE");
    await this.site.sent();
  }

  /** The transferrer hangs up: the far party and the other phone are connected. */
  async complete(): Promise<Talk> {
    const { sw } = this.site;
    sw.hangup(this.transferrer, "NORMAL_CLEARING");
    sw.bridge("CHANNEL_UNBRIDGE", this.transferrer, this.target);
    this.#park();
    this.#bridge();
    this.transferrer.callUuid = this.transferrer.uuid;
    sw.callState(this.transferrer, "HANGUP");
    sw.complete(this.transferrer);
    sw.destroy(this.transferrer);
    await this.site.sent();
    return new Talk(this.site, { by: this.target, leg: this.far, desk: this.target });
  }

  /** Detaches both legs from the transferrer. */
  #park(): void {
    const { sw } = this.site;
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

  /** The switch connects the two (`uuid_bridge`): the called phone is now the A leg of the bridge. */
  #bridge(): void {
    const { sw } = this.site;
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

  /** The far party hangs up while the two phones talk, which continue. */
  async farHangsUp(): Promise<void> {
    this.site.sw.end(this.far, "NORMAL_CLEARING");
    await this.site.sent();
  }

  /** Both phones hang up after the far party has. */
  async end(): Promise<void> {
    part(this.site.sw, this.transferrer, this.target, this.target);
    await this.site.sent();
  }
}
