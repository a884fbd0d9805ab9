/**
 * Dialling from a desk's phone (RFC 3515): the box rings the phone; once it is answered, the box transfers the call to the
 * number with a REFER inside the dialog, and leaves. Or (`dialMethod` = `refer`) it makes the phone dial on its own. Each
 * command is carried out once. `step.ts` makes the decisions; here its effects become SIP, and SIP becomes its inputs.
 */
import type { CommandResult, DialCommand, LineEvent } from "../../../src/core/line.ts";
import { messageOf } from "../../../src/platform/text.ts";
import type { TrackerInput } from "../dialogs/step.ts";
import type { DialogTracker } from "../dialogs/tracker.ts";
import { reasonCause, sipfragStatus, word } from "../wire/headers.ts";
import { NotSent, type Sent, type SipIncoming, type SipRequest, StackClosed } from "../wire/message.ts";
import { type Connection, inviteHeaders, referHeaders, requestIn, requestTo } from "../wire/request.ts";
import { holdSdp, hostOf } from "../wire/sdp.ts";
import { type FinalResponse, type RequestOptions, sendRequest } from "../wire/transaction.ts";
import type { Attempt, AttemptStep, DialEffect, DialInput } from "./attempt.ts";
import { occupied } from "./causes.ts";
import type { FarSign } from "../dialogs/own-dials.ts";
import { startDial, step } from "./step.ts";

/** What dialling needs. */
export interface DiallingOptions extends Connection {
  /** A dial has learned something about its far end. */
  readonly far: (desk: string, call: string, sign: FarSign) => void;
  readonly report: (event: LineEvent) => void;
  /** The switch has said that a desk's phone is not registered. */
  readonly unregistered: (desk: string) => void;
}

/** A dial, with its SIP. */
interface Dial {
  readonly command: DialCommand;
  readonly tracker: DialogTracker;
  attempt: Attempt;
  /** The session id of its SDP: the same in all offers and answers. */
  readonly sessionId: number;
  callId: string | undefined;
  sent: Sent | undefined;
  cancelWake: () => void;
}

/** The dials on one connection. */
export class Dialling {
  readonly #options: DiallingOptions;
  readonly #dials = new Set<Dial>();

  constructor(options: DiallingOptions) {
    this.#options = options;
    void options.stack.closed.then((why) => this.#lost(why));
  }

  /** Carries out a dial, once, and reports its result. `tracker`: that of the desk. */
  dial(command: DialCommand, tracker: DialogTracker): void {
    const { timers, config, report } = this.#options;
    const { desk, call, number } = command;
    const busy = tracker.occupied();
    if (busy) return report({ type: "result", command, result: { outcome: "failed", ...occupied(desk, busy) } });
    const { attempt, ...made } = startDial({
      desk,
      call,
      number,
      isDirect: config.dialMethod === "refer",
      ringMs: config.ringSeconds * 1000,
      answerMs: config.answerSeconds * 1000,
      reportsAnswer: config.referTellsAnswer,
    }, timers.now());
    const sessionId = Math.floor(timers.random() * 2 ** 31);
    const dial: Dial = { command, tracker, attempt, sessionId, callId: undefined, sent: undefined, cancelWake: () => {} };
    this.#dials.add(dial);
    this.#track(dial, { type: "dial", dial: { call, number } });
    this.#follow(dial, { attempt, ...made });
  }

  /** Takes the end of a dial's leg, to report it with the switch's reason for the dial; false for any other event. */
  keepsBack(event: LineEvent): boolean {
    if (event.type !== "leg" || !event.facts.ended) return false;
    const { facts } = event;
    const dial = [...this.#dials].find(({ command: { call } }) => call === facts.call);
    if (dial) this.#take(dial, { type: "leg-ended", facts });
    return dial !== undefined;
  }

  /** The dialogs of a phone have changed. */
  look(): void {
    for (const dial of [...this.#dials]) {
      const { tracker, command: { call } } = dial;
      this.#take(dial, { type: "dialogs", legs: tracker.legsOf(call), occupied: tracker.occupied() });
    }
  }

  /** The connection is lost: every dial without a result gets one. */
  #lost(why: string): void {
    for (const dial of [...this.#dials]) this.#take(dial, { type: "lost", why });
  }

  /** Handles the NOTIFY of one of our REFERs; false for any other. */
  notify(request: SipIncoming): boolean {
    const dial = this.#of(request);
    if (!dial || word(request.header("event")) !== "refer") return false;
    request.answer(200);
    const isLast = word(request.header("subscription-state")) === "terminated";
    this.#take(dial, { type: "notify", status: sipfragStatus(request.body), isLast });
    return true;
  }

  /** Handles any other request inside one of our calls; false if there is no such call. */
  onRequest(request: SipIncoming): boolean {
    const dial = this.#of(request);
    if (!dial) return false;
    switch (request.method) {
      case "ACK":
        return true;
      case "BYE":
        request.answer(200);
        this.#take(dial, { type: "bye" });
        return true;
      case "INVITE":
      case "UPDATE":
        // We stay on hold, whatever is offered; a switch may only be checking whether we are alive (RFC 4028).
        request.answer(
          200,
          { Contact: this.#options.account.contact },
          request.method === "INVITE" || request.body !== "" ? this.#sdp(dial) : undefined,
        );
        return true;
      default:
        request.answer(["INFO", "OPTIONS", "MESSAGE", "NOTIFY"].includes(request.method) ? 200 : 501);
        return true;
    }
  }

  #of(request: SipIncoming): Dial | undefined {
    const id = request.header("call-id");
    return [...this.#dials].find(({ callId }) => callId !== undefined && callId === id);
  }

  #take(dial: Dial, input: DialInput): void {
    this.#follow(dial, step(dial.attempt, input, this.#options.timers.now()));
  }

  #follow(dial: Dial, { attempt, effects, wakeAt }: AttemptStep): void {
    const { timers } = this.#options;
    dial.attempt = attempt;
    dial.cancelWake();
    dial.cancelWake = wakeAt === undefined
      ? () => {}
      : timers.after(Math.max(0, wakeAt - timers.now()), () => this.#take(dial, { type: "time" }));
    for (const effect of effects) this.#do(dial, effect);
  }

  #do(dial: Dial, effect: DialEffect): void {
    const { account, config, log, far, report, unregistered } = this.#options;
    const { command, command: { desk, call, number } } = dial;
    switch (effect.type) {
      case "invite":
        return this.#request(
          dial,
          requestTo(account, "INVITE", desk, inviteHeaders(account, config.phoneMake), this.#sdp(dial)),
          {
            onProvisional: () => this.#take(dial, { type: "provisional" }),
          },
        );
      case "refer": {
        const headers = referHeaders(account, number);
        const request = effect.dialog === undefined
          ? requestTo(account, "REFER", desk, headers)
          : requestIn(effect.dialog, "REFER", headers);
        return this.#request(dial, request, { withinMs: config.answerSeconds * 1000 });
      }
      case "cancel":
        return dial.sent?.cancel();
      case "bye":
        return void this.#send(requestIn(effect.dialog, "BYE", {}), { withinMs: config.answerSeconds * 1000 }).catch(() => {});
      case "result":
        return report({ type: "result", command, result: effect.result });
      case "far":
        return far(desk, call, effect.sign);
      case "leg":
        return report({ type: "leg", facts: effect.facts });
      case "unregistered":
        return unregistered(desk);
      case "log":
        return log[effect.level](effect.text, effect.fields);
      case "over":
        this.#dials.delete(dial);
        return this.#track(dial, { type: "dial-over", call });
    }
  }

  /** Sends the INVITE or the REFER of a dial; the response is an input. */
  #request(dial: Dial, request: SipRequest, options: RequestOptions): void {
    const onSent = (sent: Sent) => {
      if (request.dialog !== undefined) return;
      dial.sent = sent;
      dial.callId = sent.header("call-id");
      const { command: { call }, callId } = dial;
      if (callId !== undefined && request.method === "INVITE") this.#track(dial, { type: "invite", call, callId });
      this.#take(dial, { type: "sent" });
    };
    const onResponse = (response: FinalResponse) => {
      const { status, reason, own, dialog } = response;
      if (request.method === "INVITE" && status >= 200 && status <= 299) response.ack();
      const cause = reasonCause(response.header("reason"));
      this.#take(dial, { type: "response", response: { status, reason, own, dialog, cause } });
    };
    const onError = (error: unknown) => this.#take(dial, { type: "failed", result: resultOf(error), why: messageOf(error) });
    void this.#send(request, { ...options, onSent }).then(onResponse).catch(onError);
  }

  #send(request: SipRequest, options: RequestOptions): Promise<FinalResponse> {
    const { stack, account: { credentials } } = this.#options;
    return sendRequest(stack, request, { ...options, credentials });
  }

  #track({ tracker }: Dial, input: TrackerInput): void {
    tracker.take(input, this.#options.timers.now());
  }

  #sdp(dial: Dial): string {
    return holdSdp(hostOf(this.#options.stack.listeners), dial.sessionId);
  }
}

/** Lost after the request had been sent: the outcome is unknown. Anything else was not sent. */
function resultOf(error: unknown): CommandResult {
  if (error instanceof StackClosed && error.sent) {
    return { outcome: "unknown", why: `The connection to the phone system was lost (${error.message})` };
  }
  if (error instanceof StackClosed || error instanceof NotSent) {
    return { outcome: "failed", cause: "NO_LINK", why: `Cannot dial: ${error.message}.` };
  }
  return { outcome: "unknown", why: `Internal error in telesetd (${messageOf(error)})` };
}
