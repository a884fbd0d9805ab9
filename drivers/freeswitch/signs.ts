/** The signs of a leg (it rings, it is answered, its far end is called, ...) in the state of its channel. Pure. */
import type { LegFacts } from "../../src/core/line.ts";
import { isPickedUp, originatedLegs } from "./parties.ts";
import { type Frame, text } from "./wire/event.ts";

/** The state of a leg's channel at an event. */
interface ChannelState {
  /** The event's name. */
  readonly name: string;
  /** Channel-Call-State. */
  readonly callState: string;
  readonly toDesk: boolean;
  /** The event reports progress: a 180 or 183 of the called phone. */
  readonly progress: boolean;
  readonly answered: boolean;
}

/** The signs in the state of the channel, whatever the event. */
export function stateSigns(frame: Frame, name: string, callState: string): Partial<LegFacts> {
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  const progress = name === "CHANNEL_PROGRESS" || name === "CHANNEL_PROGRESS_MEDIA";
  const answered = text(frame, "Answer-State") === "answered";
  const held = name === "CHANNEL_HOLD" ? true : name === "CHANNEL_UNHOLD" ? false : undefined;
  return {
    ...(toDesk && (progress || callState === "RINGING" || callState === "EARLY") ? { rings: true } : {}),
    ...(answered ? { answered } : {}),
    ...farSigns(frame, { name, callState, toDesk, progress, answered }),
    ...(held === undefined ? {} : { held }),
  };
}

/**
 * Whether the far end is being called, and has answered, on a leg that dialled. RING_WAIT is set when an answered channel
 * starts to call (switch_channel.c, CF_ORIGINATOR). A dialplan that only answers, plays or rings has no far leg.
 */
function farSigns(frame: Frame, { name, callState, toDesk, progress, answered }: ChannelState): Partial<LegFacts> {
  const bridged = answered && text(frame, "Other-Leg-Unique-ID") !== "" && name !== "CHANNEL_CALLSTATE";
  const farLeg = originatedLegs(frame).length > 0 || text(frame, "Caller-Callee-ID-Number") !== "";
  const rings = !toDesk && farLeg && (progress || (name === "CHANNEL_DATA" && !answered));
  const called = rings || callState === "RING_WAIT" || bridged || name === "CHANNEL_BRIDGE";
  const connected = (bridged && !isEarly(frame, name, toDesk)) || (!toDesk && answered && isPickedUp(frame, name));
  return { ...(called ? { farCalled: true } : {}), ...(connected ? { farAnswered: true } : {}) };
}

/**
 * Bridged, but only to early media: the far leg's answer is missing in the copy of its profile, which is as old as the
 * bridge (recording: out-early-media). When the far end then answers, a leg that dialled gets ANSWER, or, when the dialplan had
 * answered before, CALL_UPDATE.
 */
function isEarly(frame: Frame, name: string, toDesk: boolean): boolean {
  const unanswered = text(frame, "Other-Type") === "originatee" && text(frame, "Other-Leg-Direction") === "outbound" &&
    text(frame, "Other-Leg-Channel-Answered-Time") === "0";
  return unanswered && (toDesk || (name !== "CHANNEL_ANSWER" && name !== "CALL_UPDATE"));
}
