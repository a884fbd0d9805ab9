/**
 * A number that the CRM asked to dial: when its callout is answered, and with what. The answer waits for the first fact
 * (the phone rings, or cannot), at most two seconds; a repeat while it is still dialling gets the same answer.
 */
import { type Call, isCall } from "../call.ts";
import type { CrmEvent, Reply } from "../crm.ts";
import { callOfDial, type Desk, type Dial, listLag } from "../desk.ts";
import type { CommandResult, Failure } from "../line.ts";
import type { DialRecord, Effect, Step } from "../input.ts";

/** How long a MakeCall waits for the first fact, in ms: Oracle's agent looks at a frozen form meanwhile. */
export const answerWithin = 2000;

/** The recorded outcome of a dial that was answered, and of one whose answer the switch does not report. */
const answered = "answered";
const called = "called: this phone system does not report whether the number answers";

/** How long after the end of a dial's last leg the switch may take to report the outcome, in ms. */
const outcomeWithin = 2000;

/** After which time a dial that nothing is known of is over, in ms: longer than any handset rings. */
const staleAfter = 180_000;

/** What a MakeCall gets while the same number is being dialled; nothing when the desk is free to dial. */
export function dialling(desk: Desk, callout: string): Step | undefined {
  const { dial } = desk;
  if (!dial) return undefined;
  if (dial.answer) return { desk, effects: [{ type: "reply", to: callout, reply: dial.answer }] };
  return { desk: { ...desk, dial: { ...dial, waiting: [...dial.waiting, callout] } }, effects: [] };
}

/** When a dial must be looked at at the latest, in ms: to answer its callout, or to give it up. */
export function dialAnswerAt(desk: Desk): number | undefined {
  const { dial } = desk;
  if (!dial) return undefined;
  const times = [dial.answer ? undefined : dial.since + answerWithin, staleAt(desk), dial.unsure && dial.since + staleAfter];
  const due = times.filter((at) => typeof at === "number");
  return due.length > 0 ? Math.min(...due) : undefined;
}

/** A dial of which no leg lives, and of which nothing more is to be expected, is over after a while. */
export function isStale(desk: Desk, now: number): boolean {
  return now >= (staleAt(desk) ?? Infinity);
}

/** When a dial is over, in ms; nothing while it has a leg, or the switch has yet to report the outcome. */
function staleAt(desk: Desk): number | undefined {
  const { dial } = desk;
  if (!dial || callOfDial(desk)?.legs.length) return undefined;
  if (dial.lastEnd) return dial.lastEnd.at + outcomeWithin;
  return dial.settled ? dial.since + (dial.missed ? listLag : staleAfter) : undefined;
}

/** A dial of which nobody may ever tell more is over after a while, although its leg lives; its call goes on by itself. */
export function endUnsure(desk: Desk, now: number, errors: boolean): Step {
  const { dial } = desk;
  if (dial?.unsure === undefined || now < dial.since + staleAfter) return { desk, effects: [] };
  return ended({ desk, effects: [] }, dial, unknownEnd(dial.unsure), now, errors ? callOfDial(desk) : undefined);
}

/** Lets go of a dial that is in the way: those who wait for it are answered; its call goes on by itself. */
export function giveUpDial(desk: Desk, now: number): Step {
  const { dial } = desk;
  if (!dial) return { desk, effects: [] };
  const why = `Phone ${desk.extension} dials an emergency number now.`;
  return finished(answer(desk, dial, { ok: false, why }), dial, "given up for an emergency number", now);
}

/** No fact in time: the switch has taken the command, so the answer is yes. */
export function onDialDeadline(desk: Desk, now: number): Step {
  const { dial } = desk;
  if (!dial || dial.answer || now < dial.since + answerWithin) return { desk, effects: [] };
  return answer(desk, dial, { ok: true });
}

/** What the switch made of the command: `done` is a lifted handset. */
export function onDialResult(desk: Desk, call: string, result: CommandResult): Step {
  const { dial } = desk;
  if (dial?.call !== call) return { desk, effects: [] };
  const settled = { ...dial, settled: true, lifted: dial.lifted || result.outcome === "done" };
  const after = { ...desk, dial: settled };
  if (result.outcome === "done") return answer(after, settled, { ok: true });
  if (result.outcome === "failed") return answer(after, settled, { ok: false, why: result.why });
  const unsure = { ...settled, unsure: result.why };
  const why = `${result.why}: whether ${dial.dialString} is being dialled is not known. Look at the phone before you dial again.`;
  return answer({ ...desk, dial: unsure }, unsure, { ok: false, why });
}

/**
 * Why a dial of which no leg lives is over, now that the switch has reported its outcome; nothing when it may go on. The leg
 * that was lifted has been seen before the switch reports it. An unknown outcome is decided by the next snapshot.
 */
export function unmadeBy({ dial }: Desk, result: CommandResult): Failure | undefined {
  if (result.outcome === "failed") return result;
  return result.outcome === "done" ? dial?.lastEnd?.failure : undefined;
}

/**
 * What the calls' changes mean for the dial: its phone rings, its far end answered, or it is over.
 * @param errors whether the agent hears in a separate event how it ended after the answer.
 */
export function onDialCall(
  desk: Desk,
  ended: readonly { readonly call: Call; readonly failure: Failure }[],
  now: number,
  errors: boolean,
): Step {
  const { dial } = desk;
  if (!dial) return { desk, effects: [] };
  const over = ended.find(({ call }) => isCall(call, dial.call));
  if (over) return onOver(desk, dial, over, now, errors);
  const call = callOfDial(desk);
  const made = call?.alerted ? answer(desk, dial, { ok: true }) : { desk, effects: [] };
  if (call?.answered) return finished(made, dial, answered, now);
  return call?.answerUntold ? finished(made, dial, called, now) : made;
}

/** Once the handset was lifted, or the number was called, the cause is the far end's; before, the handset's. */
function onOver(desk: Desk, dial: Dial, { call, failure }: { call: Call; failure: Failure }, now: number, errors: boolean): Step {
  const made = answer(desk, dial, { ok: false, why: failure.why });
  const outcome = dial.unsure !== undefined && failure.far === undefined
    ? unknownEnd(dial.unsure)
    : dial.lifted || call.rang
    ? failure.far ?? `The number was not reached (${failure.cause}).`
    : failure.why;
  return ended(made, dial, outcome, now, errors && dial.answer?.ok ? call : undefined);
}

/** The words for the end of a dial of which nobody has told what it reached. */
function unknownEnd(unsure: string): string {
  return `${unsure}: whether the number was reached is not known.`;
}

/** @param call whose agent gets an Error event about it; without one nobody does. */
function ended(made: Step, dial: Dial, outcome: string, now: number, call: Call | undefined): Step {
  const step = finished(made, dial, outcome, now);
  if (!call || call.agent === null || call.to === undefined) return step;
  const { agent, to } = call;
  const event: CrmEvent = { name: "Error", call: call.id, message: outcome };
  return { ...step, effects: [...step.effects, { type: "tell", agent, event, ...(to ? { to } : {}) }] };
}

function finished({ desk, effects }: Step, dial: Dial, outcome: string, at: number): Step {
  const { dialString, number } = dial;
  const result = outcome === answered ? "answered" : outcome === called ? "called" : "failed";
  return {
    desk: { ...desk, dial: null, lastDial: { dialString, number, at, outcome } },
    effects: [...effects, { type: "audit", dial: recordOf(dial, outcome), result }],
  };
}

/** A dial as it goes on record. */
export function recordOf({ call, since, agent, from, dialString, number }: Dial, outcome: string): DialRecord {
  return { id: call, at: since, agent, from, dialString, number, outcome };
}

/** Gives the first answer to all who wait; later facts change nothing of it. */
function answer(desk: Desk, dial: Dial, reply: Reply): Step {
  if (dial.answer) return { desk, effects: [] };
  const effects: Effect[] = dial.waiting.map((to) => ({ type: "reply", to, reply }));
  return { desk: { ...desk, dial: { ...dial, waiting: [], answer: reply } }, effects };
}
