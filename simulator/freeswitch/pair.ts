/** Two legs of a call: ringing, connecting and ending, with the events of a live switch. */
import type { Channel } from "./channel.ts";
import { calledHandset, type Handset, noteOriginated, type RingOptions, withCallee } from "./parties.ts";
import type { Switch } from "./switch.ts";

/** Calls a handset on behalf of another leg, which hears ringing (with 183, unless already answered). */
export function ringHandset(sw: Switch, by: Channel, handset: Handset, options: RingOptions = {}): Channel {
  const leg = calledHandset(sw, handset, by, options);
  ringLeg(sw, by, leg);
  if (by.answerState !== "answered") sw.earlyMedia(by);
  return leg;
}

/** Creates a ringing leg; the calling leg waits. */
export function ringLeg(sw: Switch, by: Channel, leg: Channel): void {
  if (by.answerState === "answered") sw.callState(by, "RING_WAIT");
  noteOriginated(by, leg);
  sw.create(leg);
  sw.progress(leg);
}

/** Answers the called leg and connects it to the calling leg. */
export function connect(sw: Switch, by: Channel, leg: Channel): void {
  sw.answer(leg);
  join(sw, by, leg);
}

/** Connects an answered leg to the calling leg. */
export function join(sw: Switch, by: Channel, leg: Channel): void {
  by.profile = { ...by.profile, calleeName: leg.profile.calleeName, calleeNumber: leg.profile.calleeNumber };
  if (by.answerState === "ringing") sw.earlyMedia(by);
  if (by.answerState === "answered") {
    by.other = leg.seenAs("originatee");
    sw.callState(by, "ACTIVE");
  } else {
    sw.answer(by);
  }
  bridge(sw, by, leg);
  sw.update(leg);
  sw.update(by);
}

/** Fires CHANNEL_BRIDGE and sets what both legs then know of each other. */
export function bridge(sw: Switch, by: Channel, leg: Channel): void {
  by.times.bridged = leg.times.bridged = sw.now();
  by.other = leg.seenAs("originatee");
  noteBridge(by, leg);
  noteBridge(leg, by);
  if (by.variables.get("originated_legs") !== undefined) by.variables.set("originate_disposition", "SUCCESS");
  leg.state = "CS_EXCHANGE_MEDIA";
  sw.bridge("CHANNEL_BRIDGE", by, leg);
  const { calleeName = "", calleeNumber } = by.profile;
  if (leg.presenceId !== undefined && leg.other?.uuid === by.uuid && calleeNumber !== undefined) {
    leg.other = withCallee(leg.other, calleeName, calleeNumber);
  }
}

function noteBridge(leg: Channel, to: Channel): void {
  const facts = {
    bridge_to: to.uuid,
    last_bridge_to: to.uuid,
    bridge_channel: to.name,
    bridge_uuid: to.uuid,
    signal_bond: to.uuid,
  };
  for (const [name, value] of Object.entries(facts)) leg.variables.set(name, value);
}

/** Ends a conversation. `first` hangs up; `by` is the A leg of the bridge. */
export function part(sw: Switch, by: Channel, leg: Channel, first: Channel, between: () => void = () => {}): void {
  const cause = "NORMAL_CLEARING";
  if (first === by) {
    sw.hangup(by, cause);
    sw.hangup(leg, cause);
    sw.callState(leg, "HANGUP");
    sw.bridge("CHANNEL_UNBRIDGE", by, leg);
  } else {
    sw.hangup(leg, cause);
    sw.callState(leg, "HANGUP");
    sw.bridge("CHANNEL_UNBRIDGE", by, leg);
    sw.hangup(by, cause);
  }
  sw.callState(by, "HANGUP");
  leg.callUuid = leg.uuid;
  sw.complete(leg);
  sw.complete(by);
  between();
  sw.destroy(leg);
  sw.destroy(by);
}

/** The calling leg hangs up while others ring for it. */
export function cancel(sw: Switch, by: Channel, legs: readonly Channel[], cause = "ORIGINATOR_CANCEL"): void {
  if (by.over) throw new Error(`Cannot hang up: ${by.name} has ended`);
  sw.hangup(by, cause);
  for (const leg of legs) {
    sw.hangup(leg, cause);
    sw.callState(leg, "HANGUP");
  }
  sw.callState(by, "HANGUP");
  for (const channel of [by, ...legs]) {
    sw.complete(channel);
    sw.destroy(channel);
  }
}
