/**
 * A dial from its first message to its last. The phone rings, is answered, and is shown by its switch; then it is handed over
 * to the number with a REFER, whose outcome settles the dial. Or the phone is asked to dial (REFER alone), which settles the
 * dial once it has. A state, an input and the time give the next state, the effects, and the time of the next input. Pure.
 */
import type { CommandResult, Failure } from "../../../src/core/line.ts";
import type { LogFields } from "../../../src/log/log.ts";
import type { Attempt, AttemptStep, DialEffect, DialInput, DialResponse, DialSettings, Phase } from "./attempt.ts";
import * as causes from "./causes.ts";
import { holdEnd, noHeldEnds, type Released, releaseLate, settleEnds } from "./held-ends.ts";

/** How long a cancelled INVITE may take to end, in ms. */
const cancelWithin = 5000;
/** How long the NOTIFYs of a REFER may take to report its outcome, in ms. */
export const outcomeWithin = 120_000;
/** How long the phone's own dialog may lag behind the answer to the INVITE, in ms. */
export const shownWithin = 2000;
/**
 * How long the REFER waits after the phone was answered, in ms. FreeSWITCH sends its 200 before its own originate is done
 * (switch_ivr_originate.c): a REFER at that moment is accepted, but the phone stays silent and the number is never called.
 */
export const referAfter = 200;
/** How long a call must last before its number counts as called, if the switch reports nothing at all, in ms. */
export const stillStands = 2500;
/** How long a settled dial may still create dialogs, in ms. */
const lingers = 5000;

/** Starts a dial. */
export function startDial(settings: DialSettings, now: number): AttemptStep {
  const { isDirect, ringMs } = settings;
  const phase = { name: "ringing", isGivenUp: false, isHeard: false, ...(isDirect ? {} : { giveUpAt: now + ringMs }) } as const;
  const attempt = { settings, phase, legs: [], isNotified: false, isLeft: false, held: noHeldEnds };
  return withWakeAt(made(attempt, { type: isDirect ? "refer" : "invite" }));
}

/** @param now in ms of a monotonic clock. */
export function step(attempt: Attempt, input: DialInput, now: number): AttemptStep {
  const reacted = react(attempt, input, now);
  return withWakeAt(then(reacted, (attempt) => advance(attempt, now)));
}

function react(attempt: Attempt, input: DialInput, now: number): AttemptStep {
  const { phase } = attempt;
  switch (input.type) {
    case "sent":
      return phase.name === "ringing" && phase.isGivenUp ? made(attempt, { type: "cancel" }) : made(attempt);
    case "provisional":
      return made(phase.name === "ringing" ? { ...attempt, phase: { ...phase, isHeard: true } } : attempt);
    case "response":
      return onResponse(attempt, input.response, now);
    case "failed":
      return onFailed(attempt, input, now);
    case "notify":
      return onNotify(attempt, input);
    case "bye": {
      const { dialog: _, ...rest } = attempt;
      return made(leftAlone({ ...rest, isLeft: true }));
    }
    case "dialogs":
      return made(leftAlone({ ...attempt, legs: input.legs, occupied: input.occupied }));
    case "leg-ended":
      return reporting(attempt, holdEnd(attempt.held, input.facts, now));
    case "lost":
      return onLost(attempt, input.why, now);
    case "time":
      return then(reporting(attempt, releaseLate(attempt.held, now)), (attempt) => onTime(attempt, now));
  }
}

/** What follows from the state alone, whatever the input was. */
function advance(attempt: Attempt, now: number): AttemptStep {
  const { phase, legs, outcome, settings: { isDirect } } = attempt;
  if (phase.name === "answered" && legs.length > 0) {
    const shown = isDirect
      ? accepted(attempt, now)
      : { ...attempt, phase: { name: "shown", referAt: now + referAfter } as const };
    return then(made(shown, { type: "result", result: { outcome: "done" } }), (attempt) => advance(attempt, now));
  }
  if (phase.name === "answered" && isDirect && isFailure(outcome?.status)) {
    return refused(attempt, causes.farAnswer(outcome.status), now);
  }
  if (phase.name === "referred" && phase.lastBy !== undefined && outcome) return concluded(attempt, outcome.status, now);
  return made(attempt);
}

function onResponse(attempt: Attempt, response: DialResponse, now: number): AttemptStep {
  const isGood = response.status >= 200 && response.status <= 299;
  switch (attempt.phase.name) {
    case "ringing":
      if (attempt.settings.isDirect) return onDirectResponse(attempt, response, now);
      return isGood ? onAnswered(attempt, response.dialog, now) : onNotAnswered(attempt, response, now);
    case "referred":
      if (attempt.phase.lastBy !== undefined) return made(attempt);
      if (isGood) return made(accepted(attempt, now));
      if (attempt.dialog === undefined) return settled(attempt, now);
      return then(
        made(attempt, { type: "log", level: "warning", text: notTransferred, fields: fieldsOf(attempt, response) }),
        (attempt) => dropped(attempt, causes.notTransferred(response.status), now),
      );
    case "settled":
    case "over":
      // A late answer: the phone must not stay in a call with the box.
      return isGood && !attempt.settings.isDirect ? left({ ...attempt, dialog: response.dialog }) : made(attempt);
  }
  return made(attempt);
}

const notTransferred = "The phone could not be transferred to the number";

function fieldsOf({ settings: { desk, call } }: Attempt, { status, reason }: DialResponse): LogFields {
  return { desk, call, status, reason };
}

function onAnswered(attempt: Attempt, dialog: string, now: number): AttemptStep {
  const answered = { ...attempt, dialog };
  const { phase, settings: { desk } } = attempt;
  if (phase.name === "ringing" && phase.isGivenUp) {
    return then(left(answered), (attempt) => refused(attempt, causes.notAnswered(desk), now));
  }
  return made({ ...answered, phase: { name: "answered", shownBy: now + shownWithin } });
}

/** The INVITE was refused, or had no final response before it was given up. */
function onNotAnswered(attempt: Attempt, response: DialResponse | undefined, now: number): AttemptStep {
  const { phase, settings: { desk } } = attempt;
  if (phase.name !== "ringing") return made(attempt);
  if (response && !phase.isGivenUp) return refusedBy(attempt, response, now);
  const why = phase.isHeard ? causes.notAnswered : response && !response.own ? causes.phoneSilent : causes.switchSilent;
  return refused(attempt, why(desk), now);
}

function onDirectResponse(attempt: Attempt, response: DialResponse, now: number): AttemptStep {
  const { status } = response;
  const { desk, ringMs } = attempt.settings;
  if (status === 405 || status === 501) return refused(attempt, causes.refusesRefer(status, desk), now);
  if (status < 200 || status > 299) return refusedBy(attempt, response, now);
  return made({ ...attempt, phase: { name: "answered", shownBy: now + ringMs } });
}

/** The INVITE or the REFER has no response. */
function onFailed(attempt: Attempt, { result, why }: Extract<DialInput, { type: "failed" }>, now: number): AttemptStep {
  if (attempt.phase.name === "ringing") return ended(attempt, result, now);
  if (attempt.phase.name !== "referred" || attempt.phase.lastBy !== undefined) return made(attempt);
  const { desk } = attempt.settings;
  const log = { type: "log", level: "info", text: notTransferred, fields: { desk, why } } as const;
  return then(made(attempt, log), (attempt) => settled(attempt, now));
}

/**
 * RFC 3515, section 2.4.5: a 2xx is the number's own answer. But FreeSWITCH sends it as soon as it has accepted the REFER, and
 * Asterisk at the first sound, its own ringback (res_pjsip_refer.c): it counts only with line.referTellsAnswer.
 */
function onNotify(attempt: Attempt, { status = 100, isLast }: Extract<DialInput, { type: "notify" }>): AttemptStep {
  const isFinal = status >= 200;
  const outcome = attempt.outcome ?? (isFinal ? { status } : isLast ? {} : undefined);
  const after = { ...attempt, isNotified: true, ...(outcome ? { outcome } : {}) };
  if (status < 180 || status > 299) return made(after);
  return made(after, { type: "far", sign: isFinal && attempt.settings.reportsAnswer ? "answered" : "called" });
}

/** Nothing more is reported if the switch has left before it reported anything, or no leg of the dial is alive. */
function leftAlone(attempt: Attempt): Attempt {
  const isOver = attempt.isLeft && (!attempt.isNotified || attempt.legs.length === 0);
  return isOver && !attempt.outcome ? { ...attempt, outcome: {} } : attempt;
}

function onLost(attempt: Attempt, why: string, now: number): AttemptStep {
  const isReported = attempt.phase.name !== "ringing" && attempt.phase.name !== "answered";
  if (!isReported) {
    return ended(attempt, { outcome: "unknown", why: `The connection to the phone system was lost (${why})` }, now);
  }
  return attempt.phase.name === "over" || attempt.phase.name === "settled" ? made(attempt) : settled(attempt, now);
}

function onTime(attempt: Attempt, now: number): AttemptStep {
  const { phase, dialog } = attempt;
  switch (phase.name) {
    case "ringing":
      if (phase.giveUpAt === undefined || now < phase.giveUpAt) return made(attempt);
      if (phase.isGivenUp) return onNotAnswered(attempt, undefined, now);
      return made({ ...attempt, phase: { ...phase, isGivenUp: true, giveUpAt: now + cancelWithin } }, { type: "cancel" });
    case "answered":
      return now < phase.shownBy ? made(attempt) : onNotShown(attempt, now);
    case "shown":
      if (now < phase.referAt) return made(attempt);
      // The handset was put down meanwhile.
      if (dialog === undefined) return settled(attempt, now);
      return made({ ...attempt, phase: { name: "referred" } }, { type: "refer", dialog });
    case "referred": {
      const isLate = (!attempt.isNotified && isPast(phase.firstBy, now)) || isPast(phase.lastBy, now);
      return made(isLate && !attempt.outcome ? { ...attempt, outcome: {} } : attempt);
    }
    case "settled":
      return onSettledTime(attempt, phase, now);
    case "over":
      return made(attempt);
  }
}

/** Something other than the phone has answered, such as a voicemail, which must not be transferred. */
function onNotShown(attempt: Attempt, now: number): AttemptStep {
  const { occupied, settings: { desk, isDirect } } = attempt;
  const failure = isDirect ? causes.didNotDial(desk) : occupied ? causes.occupied(desk, occupied) : causes.notThePhone(desk);
  return then(left(attempt), (attempt) => refused(attempt, failure, now));
}

function onSettledTime(attempt: Attempt, phase: Extract<Phase, { name: "settled" }>, now: number): AttemptStep {
  if (now >= phase.overAt) return made({ ...attempt, phase: { name: "over" } }, { type: "over" });
  if (!isPast(phase.unreportedAt, now)) return made(attempt);
  return made({ ...attempt, phase: { name: "settled", overAt: phase.overAt } }, { type: "far", sign: "unreported" });
}

/** The REFER was accepted, or has succeeded. */
function accepted(attempt: Attempt, now: number): Attempt {
  const firstBy = now + attempt.settings.answerMs;
  return { ...attempt, phase: { name: "referred", firstBy, lastBy: now + outcomeWithin } };
}

/** The outcome at the number is known: if it was not reached, that is why the phone's legs end. */
function concluded(attempt: Attempt, status: number | undefined, now: number): AttemptStep {
  const { desk, call, isDirect, reportsAnswer } = attempt.settings;
  if (isFailure(status)) {
    const log = { type: "log", level: "info", text: "The number was not reached", fields: { desk, call, status } } as const;
    return then(made(attempt, log), (attempt) => dropped(attempt, causes.farAnswer(status), now));
  }
  const released = reporting(attempt, settleEnds(attempt.held));
  if (isDirect) return then(released, (attempt) => settled(attempt, now));
  const isUnreported = status !== undefined && !reportsAnswer;
  const far = then(released, (attempt) => made(attempt, ...(isUnreported ? [{ type: "far", sign: "unreported" } as const] : [])));
  const unreportedAt = status === undefined ? { unreportedAt: now + stillStands } : {};
  return then(then(far, left), (attempt) => settled(attempt, now, unreportedAt));
}

/** The phone is released, and its legs are reported as ended for this reason, which their dialogs would not report. */
function dropped(attempt: Attempt, failure: Failure, now: number): AttemptStep {
  const { desk } = attempt.settings;
  const ends = attempt.legs.map((leg) => ({ type: "leg", facts: { desk, leg, ended: failure } }) as const);
  const released = reporting(attempt, settleEnds(attempt.held, failure));
  return then(then(then(released, (attempt) => made(attempt, ...ends)), left), (attempt) => settled(attempt, now));
}

function refusedBy(attempt: Attempt, { status, own, cause }: DialResponse, now: number): AttemptStep {
  const { desk } = attempt.settings;
  if (own) return refused(attempt, causes.switchSilent(desk), now);
  const isAbsent = causes.isAbsent(status, cause);
  return then(
    made(attempt, ...(isAbsent ? [{ type: "unregistered" } as const] : [])),
    (attempt) => refused(attempt, causes.handsetAnswer(status, cause, desk), now),
  );
}

function refused(attempt: Attempt, failure: Failure, now: number): AttemptStep {
  return ended(attempt, { outcome: "failed", ...failure }, now);
}

function reasonOf({ outcome: _, ...failure }: Failure & { readonly outcome: "failed" }): Failure {
  return failure;
}

/** The dial has a result other than `done`; a failure is the reason why its legs end. */
function ended(attempt: Attempt, result: CommandResult, now: number): AttemptStep {
  const released = reporting(attempt, settleEnds(attempt.held, result.outcome === "failed" ? reasonOf(result) : undefined));
  return then(then(released, (attempt) => made(attempt, { type: "result", result })), (attempt) => settled(attempt, now));
}

function settled(attempt: Attempt, now: number, more: { readonly unreportedAt?: number } = {}): AttemptStep {
  const phase = { name: "settled", overAt: now + lingers, ...more } as const;
  return reporting({ ...attempt, phase }, settleEnds(attempt.held));
}

/** The box leaves the dialog with the phone. */
function left({ dialog, ...attempt }: Attempt): AttemptStep {
  return dialog === undefined ? made(attempt) : made(attempt, { type: "bye", dialog });
}

function reporting(attempt: Attempt, { held, ends }: Released): AttemptStep {
  return made({ ...attempt, held }, ...ends.map((facts) => ({ type: "leg", facts }) as const));
}

function made(attempt: Attempt, ...effects: readonly DialEffect[]): AttemptStep {
  return { attempt, effects };
}

function then({ attempt, effects }: AttemptStep, next: (attempt: Attempt) => AttemptStep): AttemptStep {
  const made = next(attempt);
  return { attempt: made.attempt, effects: [...effects, ...made.effects] };
}

function withWakeAt({ attempt, effects }: AttemptStep): AttemptStep {
  const { phase, held, isNotified } = attempt;
  const times = [held.until, ...deadlinesOf(phase, isNotified)].filter((time) => time !== undefined);
  return { attempt, effects, ...(times.length === 0 ? {} : { wakeAt: Math.min(...times) }) };
}

function deadlinesOf(phase: Phase, isNotified: boolean): readonly (number | undefined)[] {
  switch (phase.name) {
    case "ringing":
      return [phase.giveUpAt];
    case "answered":
      return [phase.shownBy];
    case "shown":
      return [phase.referAt];
    case "referred":
      return [isNotified ? undefined : phase.firstBy, phase.lastBy];
    case "settled":
      return [phase.unreportedAt, phase.overAt];
    case "over":
      return [];
  }
}

function isPast(time: number | undefined, now: number): boolean {
  return time !== undefined && now >= time;
}

function isFailure(status: number | undefined): status is number {
  return status !== undefined && status >= 300;
}
