/** What the state of a channel shows of its leg: it rings, it is answered, its far end is called, ... Pure. */
import type { LegFacts } from "../../src/core/line.ts";
import { isPickedUp, originatedLegs } from "./parties.ts";
import { type Frame, text } from "./wire/event.ts";

/** The facts in the state of the channel. @param name that of the event. @param callState Channel-Call-State. */
export function stateFacts(frame: Frame, name: string, callState: string): Partial<LegFacts> {
  const toDesk = text(frame, "Call-Direction") !== "inbound";
  // 180 or 183 of the called phone.
  const progress = name === "CHANNEL_PROGRESS" || name === "CHANNEL_PROGRESS_MEDIA";
  const answered = text(frame, "Answer-State") === "answered";
  const held = name === "CHANNEL_HOLD" ? true : name === "CHANNEL_UNHOLD" ? false : undefined;
  const bridged = answered && text(frame, "Other-Leg-Unique-ID") !== "" && name !== "CHANNEL_CALLSTATE";
  // A dialplan that only answers, plays or rings has no far leg.
  const farLeg = originatedLegs(frame).length > 0 || text(frame, "Caller-Callee-ID-Number") !== "";
  const farRings = !toDesk && farLeg && (progress || (name === "CHANNEL_DATA" && !answered));
  // RING_WAIT is set when an answered channel starts to call (switch_channel.c, CF_ORIGINATOR).
  const farCalled = farRings || callState === "RING_WAIT" || bridged || name === "CHANNEL_BRIDGE";
  const farAnswered = (bridged && !isEarly(frame, name, toDesk)) || (!toDesk && answered && isPickedUp(frame, name));
  return {
    ...(toDesk && (progress || callState === "RINGING" || callState === "EARLY") ? { rings: true } : {}),
    ...(answered ? { answered } : {}),
    ...(farCalled ? { farCalled } : {}),
    ...(farAnswered ? { farAnswered } : {}),
    ...(held === undefined ? {} : { held }),
  };
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
