/** Plays a click-to-dial automatically, according to the settings. */
import type { DialledCall, FarBehaviour, HandsetBehaviour } from "./dialled.ts";
import type { Site } from "./site.ts";

export interface Behaviours {
  readonly handset: HandsetBehaviour;
  readonly far: FarBehaviour;
  /** Milliseconds after which the switch stops ringing the handset. */
  readonly timeoutMs: number;
}

/** Schedules each action; it is skipped if the script has acted before. */
export function behave(site: Site, call: DialledCall, { handset, far, timeoutMs }: Behaviours): void {
  const whileRinging = (ms: number, step: () => void) => site.later(ms, () => call.state === "handset rings" && step());
  whileRinging(timeoutMs, () => void call.timeOut());
  if (handset.does === "rejects") whileRinging(handset.afterMs ?? 0, () => void call.refuse(handset.cause));
  if (handset.does === "answers") {
    whileRinging(handset.afterMs ?? 0, () => call.ringing.length > 0 && answerHandset(site, call, far));
  }
}

function answerHandset(site: Site, call: DialledCall, far: FarBehaviour): void {
  void call.answer(far.does !== "invalid number");
  farEnd(site, call, far);
}

/** Schedules the actions of the far end, once called. */
function farEnd(site: Site, call: DialledCall, far: FarBehaviour): void {
  if (far.does === "waits" || far.does === "invalid number") return;
  const whileCalling = (ms: number, step: () => void) => site.later(ms, () => call.state === "calling" && step());
  const afterMs = far.afterMs ?? 0;
  if (far.does === "busy") whileCalling(afterMs, () => void call.farBusy(far.cause));
  if (far.does === "no answer") whileCalling(afterMs, () => void call.farBusy("NO_ANSWER"));
  if (far.does !== "answers") return;
  if (far.earlyMedia ?? false) whileCalling(afterMs / 2, () => void call.earlyMedia());
  whileCalling(afterMs, () => void call.farAnswers());
  if (far.talkMs !== undefined) site.later(afterMs + far.talkMs, () => call.state === "talking" && void call.farHangsUp());
}
