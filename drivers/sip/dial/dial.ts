/**
 * Dialling from a desk's phone (RFC 3515): the box rings the phone, and when it is lifted hands the call over to the number with a REFER
 * inside the dialog, and leaves. Or (`dialMethod` = `refer`) it makes the phone dial on its own. Each command is carried out once.
 */
import type { CommandResult, DialCommand, Failure, LineEvent } from "../../../src/core/line.ts";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { ask, type Asked } from "../wire/transaction.ts";
import { type Attempt, Ends, newAttempt } from "./attempt.ts";
import { farAnswer, handsetAnswer, isAbsent, notHandedOver, notLifted, occupied, phoneSilent, switchSilent } from "./causes.ts";
import type { SipConfig } from "../config.ts";
import type { FarSign } from "./own-dials.ts";
import { reasonCause, sipfragStatus, word } from "../wire/headers.ts";
import { NotSent, type SipIncoming, StackClosed } from "../wire/message.ts";
import { type Account, inviteHeaders, referHeaders, requestIn, requestTo } from "../wire/request.ts";
import { holdSdp, hostOf } from "../wire/sdp.ts";
import type { Stack } from "../wire/stack.ts";
import type { TrackerInput } from "../dialogs/step.ts";
import type { DialogTracker } from "../dialogs/tracker.ts";
import { messageOf } from "../../../src/platform/text.ts";

/** What dialling needs. */
export interface DiallingOptions {
  readonly stack: Stack;
  readonly config: SipConfig;
  readonly account: Account;
  readonly log: Log;
  readonly timers: Timers;
  readonly trackers: ReadonlyMap<string, DialogTracker>;
  /** What a dial learns of its far end goes this way. */
  readonly far: (desk: string, call: string, sign: FarSign) => void;
  readonly tell: (event: LineEvent) => void;
  /** The switch has said that a desk's phone is not registered. */
  readonly unregistered: (desk: string) => void;
}

/** How long a call that was given up may take to end, and a REFER to say what came of it, in ms. */
const cancelWithin = 5000;
const outcomeWithin = 120_000;
/** How long the phone's own dialog may lag behind the answer to the INVITE, in ms. */
export const shownWithin = 2000;
/**
 * How long the REFER waits after the phone was lifted, in ms. FreeSWITCH sends its 200 before its own originate is done (switch_ivr_originate.c):
 * a REFER at that moment is taken, but the phone stays silent and the number is never called.
 */
export const referAfter = 200;
/** After which time the number of a call that still stands has been called, where the switch reports nothing at all, in ms. */
export const stillStands = 2500;
/** How long dialogs may still come of a dial that is over, in ms. */
const lingers = 5000;

/** Dials, one connection long. */
export class Dialling {
  readonly #options: DiallingOptions;
  readonly #attempts = new Set<Attempt>();
  readonly #lookers = new Set<() => void>();
  /** Why the connection was lost, once it is. */
  #lost: string | undefined;

  constructor(options: DiallingOptions) {
    this.#options = options;
    // Once for all dials: a promise keeps all who have ever waited for it.
    void options.stack.closed.then((why) => {
      this.#lost = why;
      this.look();
    });
  }

  /** Carries a dial out, once: `done` when the handset was lifted. */
  async dial(command: DialCommand): Promise<CommandResult> {
    const tracker = this.#options.trackers.get(command.desk);
    if (!tracker) return { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${command.desk} is not served.` };
    const busy = tracker.occupied();
    if (busy) return { outcome: "failed", ...occupied(command.desk, busy) };
    const ends = new Ends((facts) => this.#options.tell({ type: "leg", facts }));
    const attempt = newAttempt(command, tracker, ends);
    this.#attempts.add(attempt);
    this.#track(attempt, { type: "dial", dial: { call: command.call, number: command.number } });
    try {
      const result = await (this.#options.config.dialMethod === "refer" ? this.#tell(attempt) : this.#ring(attempt));
      if (result.outcome === "done") return result;
      ends.settle(result.outcome === "failed" ? reasonOf(result) : undefined);
      this.#over(attempt);
      return result;
    } catch (error) {
      ends.settle();
      this.#over(attempt);
      return failed(error);
    }
  }

  /** Takes the end of a dial's leg, to tell it with what the switch says of the dial; false when it is to be told as it is. */
  keepsBack(event: LineEvent): boolean {
    if (event.type !== "leg" || !event.facts.ended) return false;
    const { facts } = event;
    return [...this.#attempts].find(({ command: { call } }) => call === facts.call)?.ends.keep(facts) ?? false;
  }

  /** The dialogs of a phone have changed. */
  look(): void {
    for (const look of [...this.#lookers]) look();
  }

  /** Takes the NOTIFY of a REFER; false when it belongs to none of ours. */
  notify(request: SipIncoming): boolean {
    const attempt = this.#of(request);
    if (!attempt || word(request.header("event")) !== "refer") return false;
    request.answer(200);
    attempt.told = true;
    const said = sipfragStatus(request.body);
    if (said) this.#progress(attempt, said.status);
    if (word(request.header("subscription-state")) === "terminated" && (said?.status ?? 0) < 200) {
      attempt.outcome.resolve(undefined);
    }
    return true;
  }

  /** Takes another request inside a call of ours; false when there is no such call. */
  asked(request: SipIncoming): boolean {
    const attempt = this.#of(request);
    if (!attempt) return false;
    switch (request.method) {
      case "ACK":
        return true;
      case "BYE":
        request.answer(200);
        attempt.dialog = undefined;
        this.#left(attempt);
        return true;
      case "INVITE":
      case "UPDATE":
        // Whatever is offered: we stay on hold. A switch asks so to see whether we are there (RFC 4028).
        request.answer(
          200,
          { Contact: this.#options.account.contact },
          request.method === "INVITE" || request.body !== "" ? this.#sdp() : undefined,
        );
        return true;
      default:
        request.answer(["INFO", "OPTIONS", "MESSAGE", "NOTIFY"].includes(request.method) ? 200 : 501);
        return true;
    }
  }

  #of(request: SipIncoming): Attempt | undefined {
    const id = request.header("call-id");
    return [...this.#attempts].find(({ callId }) => callId !== undefined && callId === id);
  }

  /** INVITE: rings the phone. */
  async #ring(attempt: Attempt): Promise<CommandResult> {
    const { stack, account, config } = this.#options;
    const { desk, call } = attempt.command;
    const { credentials } = account;
    let givenUp = false;
    const timer = setTimeout(() => {
      givenUp = true;
      attempt.sent?.cancel();
    }, config.ringSeconds * 1000);
    const asking = ask(stack, requestTo(account, "INVITE", desk, inviteHeaders(account, config.phoneMake), this.#sdp()), {
      ...(credentials ? { credentials } : {}),
      onSent: (sent) => {
        attempt.sent = sent;
        attempt.callId = sent.header("call-id");
        if (attempt.callId !== undefined) this.#track(attempt, { type: "invite", call, callId: attempt.callId });
        if (givenUp) sent.cancel();
      },
      onProvisional: () => attempt.heard = true,
    });
    const late = Promise.withResolvers<undefined>();
    const lateTimer = setTimeout(() => late.resolve(undefined), config.ringSeconds * 1000 + cancelWithin);
    try {
      const answer = await Promise.race([asking, late.promise]);
      if (answer && answer.status >= 200 && answer.status <= 299) return await this.#lifted(attempt, answer, givenUp);
      if (!answer || givenUp) {
        // An answer that comes after all must not leave the phone with us.
        if (!answer) asking.then((late) => this.#leave(attempt, late)).catch(() => {});
        const why = attempt.heard ? notLifted : answer && !answer.own ? phoneSilent : switchSilent;
        return { outcome: "failed", ...why(desk) };
      }
      return { outcome: "failed", ...this.#refusal(answer, desk) };
    } finally {
      clearTimeout(timer);
      clearTimeout(lateTimer);
    }
  }

  #refusal(answer: Asked, desk: string): Failure {
    if (answer.own) return switchSilent(desk);
    const cause = reasonCause(answer.header("reason"));
    if (isAbsent(answer.status, cause)) this.#options.unregistered(desk);
    return handsetAnswer(answer.status, cause, desk);
  }

  async #lifted(attempt: Attempt, answer: Asked, givenUp: boolean): Promise<CommandResult> {
    const { desk } = attempt.command;
    answer.ack();
    attempt.dialog = answer.dialog;
    if (givenUp) {
      await this.#bye(attempt);
      return { outcome: "failed", ...notLifted(desk) };
    }
    // A voicemail that takes the call must not be handed over: the phone's own dialog has to be there.
    if (!await this.#isShown(attempt, shownWithin)) {
      await this.#bye(attempt);
      const busy = attempt.tracker.occupied();
      if (busy) return { outcome: "failed", ...occupied(desk, busy) };
      const why = `Something else than phone ${desk} answered, a voicemail perhaps: the number was not dialled.`;
      return { outcome: "failed", cause: "NOT_THE_PHONE", why };
    }
    // What follows is told by the line, not by the result.
    this.#handOver(attempt).catch((error: unknown) => {
      this.#options.log.info("The phone could not be handed over to the number", { desk, why: messageOf(error) });
    }).finally(() => {
      attempt.ends.settle();
      this.#over(attempt);
    });
    return { outcome: "done" };
  }

  /** Whether the phone shows a dialog of this dial, within so many ms. Rejects with StackClosed when the connection is lost meanwhile. */
  #isShown({ tracker, command }: Attempt, ms: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const done = (is: boolean) => {
        clearTimeout(timer);
        this.#lookers.delete(look);
        resolve(is);
      };
      const look = () => {
        if (tracker.legsOf(command.call).length > 0) return done(true);
        if (this.#lost === undefined) return;
        reject(new StackClosed(this.#lost, true));
        done(false);
      };
      const timer = setTimeout(() => done(false), ms);
      this.#lookers.add(look);
      look();
    });
  }

  /** REFER inside the dialog, its outcome, and BYE. */
  async #handOver(attempt: Attempt): Promise<void> {
    const { stack, account, config, log } = this.#options;
    const { desk, number, call } = attempt.command;
    const { credentials } = account;
    await new Promise((done) => setTimeout(done, referAfter));
    if (attempt.dialog === undefined) return;
    const answer = await ask(stack, requestIn(attempt.dialog, "REFER", referHeaders(account, number)), {
      withinMs: config.answerSeconds * 1000,
      ...(credentials ? { credentials } : {}),
    });
    if (answer.status < 200 || answer.status > 299) {
      if (attempt.dialog === undefined) return;
      log.warning("The phone could not be handed over to the number", {
        desk,
        call,
        status: answer.status,
        reason: answer.reason,
      });
      return await this.#fail(attempt, notHandedOver(answer.status, number));
    }
    const status = await this.#outcome(attempt);
    await this.#settle(attempt, status);
    const unreported = () => this.#options.far(desk, call, "unreported");
    if (status !== undefined && status < 300 && !config.referTellsAnswer) unreported();
    await this.#bye(attempt);
    if (status === undefined) setTimeout(unreported, stillStands);
  }

  /** What came of the number is known: when it was not reached, that is why the phone's legs end. */
  async #settle(attempt: Attempt, status: number | undefined): Promise<void> {
    if (status === undefined || status < 300) return attempt.ends.settle();
    const { desk, call } = attempt.command;
    this.#options.log.info("The number was not reached", { desk, call, status });
    await this.#fail(attempt, farAnswer(status));
  }

  /** What the NOTIFYs of an accepted REFER come to. Some switches send none (RFC 3515, section 2.4.4 wants the first at once). */
  async #outcome(attempt: Attempt): Promise<number | undefined> {
    const none = () => attempt.outcome.resolve(undefined);
    const first = setTimeout(() => attempt.told || none(), this.#options.config.answerSeconds * 1000);
    const last = setTimeout(none, outcomeWithin);
    return await attempt.outcome.promise.finally(() => [first, last].forEach(clearTimeout));
  }

  /** The other side has left: the phone was put down, or the switch has handed it over, and may go on telling what comes of it. */
  #left({ told, outcome, tracker, command }: Attempt): void {
    const look = () => {
      if (!told || tracker.legsOf(command.call).length === 0) outcome.resolve(undefined);
    };
    this.#lookers.add(look);
    void outcome.promise.then(() => this.#lookers.delete(look));
    look();
  }

  #progress(attempt: Attempt, status: number): void {
    const { command: { call, desk } } = attempt;
    // RFC 3515, section 2.4.5: a 2xx is the number's own answer. But FreeSWITCH sends it as soon as it has taken the REFER, and Asterisk at
    // the first sound, its own ringback (res_pjsip_refer.c): it counts only where the administrator vouches for it.
    const isAnswer = status >= 200 && this.#options.config.referTellsAnswer;
    if (status >= 180 && status < 300) this.#options.far(desk, call, isAnswer ? "answered" : "called");
    if (status >= 200) attempt.outcome.resolve(status);
  }

  /** The phone is let go, and its leg is said to have ended for this reason: its dialog would not tell it. */
  async #fail(attempt: Attempt, failure: Failure): Promise<void> {
    const { tracker, command: { call, desk } } = attempt;
    attempt.ends.settle(failure);
    for (const leg of tracker.legsOf(call)) this.#options.tell({ type: "leg", facts: { desk, leg, ended: failure } });
    await this.#bye(attempt);
  }

  async #bye(attempt: Attempt): Promise<void> {
    const { dialog } = attempt;
    attempt.dialog = undefined;
    if (dialog === undefined) return;
    const { stack, account: { credentials }, config } = this.#options;
    await ask(stack, requestIn(dialog, "BYE", {}), {
      withinMs: config.answerSeconds * 1000,
      ...(credentials ? { credentials } : {}),
    });
  }

  async #leave(attempt: Attempt, answer: Asked): Promise<void> {
    if (answer.status > 299) return;
    answer.ack();
    attempt.dialog = answer.dialog;
    await this.#bye(attempt);
  }

  /** REFER outside of any dialog: the phone dials on its own. `done` when its own dialog is there. */
  async #tell(attempt: Attempt): Promise<CommandResult> {
    const { stack, account, config } = this.#options;
    const { desk, number } = attempt.command;
    const { credentials } = account;
    const answer = await ask(stack, requestTo(account, "REFER", desk, referHeaders(account, number)), {
      withinMs: config.answerSeconds * 1000,
      onSent: (sent) => attempt.callId = sent.header("call-id"),
      ...(credentials ? { credentials } : {}),
    });
    if (answer.status === 405 || answer.status === 501) {
      const why = `Phone ${desk} does not accept a REFER (${answer.status}): ask the administrator to change line.dialMethod.`;
      return { outcome: "failed", cause: `REFER ${answer.status}`, why };
    }
    if (answer.status < 200 || answer.status > 299) return { outcome: "failed", ...this.#refusal(answer, desk) };
    const refused = attempt.outcome.promise.then((status) =>
      status !== undefined && status >= 300 ? status : new Promise<never>(() => {})
    );
    const status = await Promise.race([this.#isShown(attempt, config.ringSeconds * 1000), refused]);
    if (status === true) {
      void this.#outcome(attempt).then((status) => this.#settle(attempt, status)).finally(() => this.#over(attempt));
      return { outcome: "done" };
    }
    if (status !== false) return { outcome: "failed", ...farAnswer(status) };
    return { outcome: "failed", cause: "NO_ANSWER", why: `Phone ${desk} accepted the REFER, but did not dial.` };
  }

  #over(attempt: Attempt): void {
    setTimeout(() => {
      this.#attempts.delete(attempt);
      this.#track(attempt, { type: "dial-over", call: attempt.command.call });
    }, lingers);
  }

  #track({ tracker }: Attempt, input: TrackerInput): void {
    tracker.take(input, this.#options.timers.now());
  }

  #sdp(): string {
    return holdSdp(hostOf(this.#options.stack.listeners), Date.now());
  }
}

function reasonOf({ outcome: _, ...failure }: Failure & { readonly outcome: "failed" }): Failure {
  return failure;
}

/** The connection was lost after the request had gone out: nobody knows. Anything else did not go out. */
function failed(error: unknown): CommandResult {
  if (error instanceof StackClosed && error.sent) {
    return { outcome: "unknown", why: `The connection to the phone system was lost (${error.message})` };
  }
  if (error instanceof StackClosed || error instanceof NotSent) {
    return { outcome: "failed", cause: "NO_LINK", why: `Cannot dial: ${error.message}.` };
  }
  return { outcome: "unknown", why: `Something unexpected happened (${messageOf(error)})` };
}
