/**
 * The progress of a dial: when its callout is answered, with what, and how the dial ends. The answer waits for the first fact
 * (the phone rings, or cannot ring), at most two seconds; a repeated callout during the dial gets the same answer.
 */
import { type Call, type DialledCall, firstId, hasDial } from "../call.ts";
import type { CrmEvent, Reply } from "../crm.ts";
import { type Desk, dialInProgress, type Ended, listLag, withDial, withoutDial } from "../desk.ts";
import type { CommandResult, Failure } from "../line.ts";
import type { DialRecord, Effect, Step } from "../input.ts";

/** The longest wait for the first fact, in ms: until then the agent cannot use the form in UWQ. */
const maxAnswerDelay = 2000;

/** The recorded outcome of a dial that was answered, and of one whose answer the switch does not report. */
const answered = "answered";
const called = "called: this phone system does not report whether the number answers";

/** How long the switch may take to report the outcome after the end of the last leg, in ms. */
const maxOutcomeDelay = 2000;

/** How long a dial with an unknown outcome lasts, in ms: longer than any handset rings. */
const maxUnknownDial = 180_000;

/** A MakeCall for the number that is being dialled gets the same answer, or waits for it. */
export function joinCurrentDial(desk: Desk, callout: string): Step {
  const call = dialInProgress(desk);
  if (!call) return { desk, effects: [] };
  const { answer, waiting } = call.dial;
  if (answer) return { desk, effects: [{ type: "reply", to: callout, reply: answer }] };
  return { desk: withDial(desk, call, { waiting: [...waiting, callout] }), effects: [] };
}

/** The latest time at which a dial must be checked, in ms: to answer its callout, or to end it. */
export function dialWakeAt(desk: Desk): number | undefined {
  const call = dialInProgress(desk);
  if (!call) return undefined;
  const { answer, since, unsure } = call.dial;
  const times = [answer ? undefined : since + maxAnswerDelay, staleAt(call), unsure && since + maxUnknownDial];
  const due = times.filter((at) => typeof at === "number");
  return due.length > 0 ? Math.min(...due) : undefined;
}

/** The dial that has no live leg and about which no more news is expected. */
export function staleDial(desk: Desk, now: number): DialledCall | undefined {
  const call = dialInProgress(desk);
  return call && now >= (staleAt(call) ?? Infinity) ? call : undefined;
}

/** When a dial ends, in ms; undefined while it has a leg, or the switch has not reported the outcome. */
function staleAt({ legs, dial }: DialledCall): number | undefined {
  if (legs.length > 0) return undefined;
  if (dial.lastEnd) return dial.lastEnd.at + maxOutcomeDelay;
  return dial.settled ? dial.since + (dial.missed ? listLag : maxUnknownDial) : undefined;
}

/** A dial whose outcome may never be reported ends after a while, even if its leg is alive; its call continues. */
export function expireUnknownDial(desk: Desk, now: number, errors: boolean): Step {
  const call = dialInProgress(desk);
  if (call?.dial.unsure === undefined || now < call.dial.since + maxUnknownDial) return { desk, effects: [] };
  const ended = finished({ desk, effects: [] }, call, unknownEnd(call.dial.unsure), now);
  return errors ? withError(ended, call, unknownEnd(call.dial.unsure)) : ended;
}

/** Drops a dial that is in the way of an emergency call: the waiting callouts are answered; its call continues. */
export function dropDial(desk: Desk, now: number): Step {
  const call = dialInProgress(desk);
  if (!call) return { desk, effects: [] };
  const why = `Phone ${desk.extension} is dialling an emergency number now.`;
  return finished(answer(desk, call, { ok: false, why }), call, "replaced by an emergency call", now);
}

/** No fact in time: the switch has accepted the command, so the answer is ok. */
export function onDialDeadline(desk: Desk, now: number): Step {
  const call = dialInProgress(desk);
  return call && now >= call.dial.since + maxAnswerDelay ? answer(desk, call, { ok: true }) : { desk, effects: [] };
}

/** The switch has reported the result of the command; `done`: the handset was answered. */
export function onDialResult(desk: Desk, call: DialledCall, result: CommandResult): Step {
  const lifted = call.dial.lifted || result.outcome === "done";
  const unsure = result.outcome === "unknown" ? { unsure: result.why } : {};
  const settled = withDial(desk, call, { settled: true, lifted, ...unsure });
  if (result.outcome === "done") return answer(settled, call, { ok: true });
  if (result.outcome === "failed") return answer(settled, call, { ok: false, why: result.why });
  const why = `${result.why}: it is not known whether the number is being dialled. Check the phone before dialling again.`;
  return answer(settled, call, { ok: false, why });
}

/**
 * Why a dial without a live leg has ended once the switch has reported its result; undefined if it may continue. The leg of an
 * answered handset is known before the result. An unknown outcome is decided by the next snapshot.
 */
export function failureOfDial({ dial }: Call, result: CommandResult): Failure | undefined {
  if (result.outcome === "failed") return result;
  return result.outcome === "done" ? dial?.lastEnd?.failure : undefined;
}

/**
 * The effects of changes of the calls on the dial: its phone rings, its far end has answered, or it has ended.
 * @param errors whether an Error event tells the agent how the dial ended after the answer.
 */
export function onDialCall(
  desk: Desk,
  ended: readonly Ended[],
  now: number,
  errors: boolean,
): Step {
  for (const { call, failure, continued } of ended) {
    if (!continued && hasDial(call)) return onOver(desk, call, failure, now, errors);
  }
  const call = dialInProgress(desk);
  if (!call) return { desk, effects: [] };
  const made = call.alerted ? answer(desk, call, { ok: true }) : { desk, effects: [] };
  if (call.answered) return finished(made, call, answered, now);
  return call.answerUnreported ? finished(made, call, called, now) : made;
}

/** After the handset was answered, or the number was called, the far end is the cause; before that, the handset. */
function onOver(desk: Desk, call: DialledCall, failure: Failure, now: number, errors: boolean): Step {
  const { dial } = call;
  const made = answer(desk, call, { ok: false, why: failure.why });
  const outcome = dial.unsure !== undefined && failure.far === undefined
    ? unknownEnd(dial.unsure)
    : dial.lifted || call.rang
    ? failure.far ?? `The number was not reached (${failure.cause}).`
    : failure.why;
  const over = finished(made, call, outcome, now);
  return errors && dial.answer?.ok ? withError(over, call, outcome) : over;
}

function unknownEnd(unsure: string): string {
  return `${unsure}: it is not known whether the number was reached.`;
}

/** The agent of a call gets an Error event about its dial. */
function withError({ desk, effects }: Step, { agent, to, id }: Call, message: string): Step {
  if (agent === null || to === undefined) return { desk, effects };
  const event: CrmEvent = { name: "Error", call: id, message };
  return { desk, effects: [...effects, { type: "send", agent, event, ...(to ? { to } : {}) }] };
}

function finished({ desk, effects }: Step, call: DialledCall, outcome: string, at: number): Step {
  const { dialString, number } = call.dial;
  const result = outcome === answered ? "answered" : outcome === called ? "called" : "failed";
  return {
    desk: { ...withoutDial(desk, call), lastDial: { dialString, number, at, outcome } },
    effects: [...effects, { type: "audit", dial: recordOf(call, outcome), result }],
  };
}

/** The record of a dial. */
export function recordOf(call: DialledCall, outcome: string): DialRecord {
  const { since, agent, from, dialString, number } = call.dial;
  return { id: firstId(call), at: since, agent, from, dialString, number, outcome };
}

/** Answers all waiting callouts. Only the first answer counts. */
function answer(desk: Desk, call: DialledCall, reply: Reply): Step {
  if (call.dial.answer) return { desk, effects: [] };
  const effects: Effect[] = call.dial.waiting.map((to) => ({ type: "reply", to, reply }));
  return { desk: withDial(desk, call, { waiting: [], answer: reply }), effects };
}
