/**
 * One subscription to an extension's dialogs, from its SUBSCRIBE to its end (RFC 6665, event package of RFC 4235). It is
 * renewed in time; a new one is started by `watch.ts`.
 */
import { type FinalResponse, sendRequest } from "../wire/transaction.ts";
import { type About, endOfAnswer, endOfState, isNoAnswer, type SubscriptionEnd } from "./subscription-end.ts";
import { parameter, secondsIn, word } from "../wire/headers.ts";
import { NotSent, type Sent, type SipIncoming, StackClosed } from "../wire/message.ts";
import { type Account, type Connection, requestIn, requestTo } from "../wire/request.ts";
import type { Envelope } from "../dialogs/step.ts";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";

/** What a subscription needs. */
export interface SubscriptionOptions extends Connection {
  readonly about: About;
  /** The requested duration, in s. */
  readonly expires: number;
  /** A document about the phone's dialogs has arrived; "" if the switch reports no dialogs. */
  readonly onDocument: (body: string, came: Envelope) => Reading;
  /** The switch waits for a person to allow the subscription. */
  readonly onPending: () => void;
}

/** The result of reading a document; `dropped`: it is not about the phone, or is not a document at all. */
export type Reading = "read" | "unreadable" | "dropped";

/** Responses to a renewal that end the subscription; after any other it stays valid (RFC 6665, section 4.1.2.2). */
const ending = new Set([401, 403, 404, 405, 407, 410, 416, 480, 482, 483, 484, 485, 489, 501, 604]);

/**
 * How long the first NOTIFY may take before it is requested again, in ms: a switch that has just been started may accept a
 * SUBSCRIBE before it is able to send a NOTIFY, and never send it (FreeSWITCH).
 */
const firstNotifyWithin = 2000;

/** How long unsubscribing may take when the daemon stops, in ms. */
const giveBackWithin = 500;

/** One subscription. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #timers;
  readonly #ended = Promise.withResolvers<SubscriptionEnd>();
  #callId: string | undefined;
  /** The notifier's tag: another one is a fork. */
  #remoteTag: string | undefined;
  /** drachtio-server's name for the dialog, once the subscription is established. */
  #dialog: string | undefined;
  /** When it expires, and when it is renewed at the latest, in ms. */
  #expiresAt = Infinity;
  #renewBy = Infinity;
  /** When it expires according to the last NOTIFY since the SUBSCRIBE, which may arrive before the response to the SUBSCRIBE. */
  #shortenedTo = Infinity;
  #cancelRenewal: () => void = () => {};
  /** Cancels the deadline of the first document. */
  #cancelWait: () => void = () => {};
  #begun: Promise<void> = Promise.resolve();
  #isRenewing = false;
  /** The full state was requested while a renewal, or the first SUBSCRIBE, was in progress. */
  #mustRenewAgain = false;
  #isOver = false;
  #hasStood = false;
  /** A NOTIFY has arrived. */
  #isNotified = false;
  /** A document about the phone has arrived, even if it cannot be read. */
  #hasDocument = false;
  #minExpires: number | undefined;
  /** The number of renewals in a row that were not answered. */
  #unanswered = 0;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#timers = options.timers;
    // A fault before anyone awaits `ended` must not become an unhandled rejection.
    this.#ended.promise.catch(() => {});
  }

  /** Resolves with the reason when the subscription has ended; rejects with the fault when `fail` has ended it. */
  get ended(): Promise<SubscriptionEnd> {
    return this.#ended.promise;
  }

  /** A document has been read, so that the phone was watched. */
  get hasStood(): boolean {
    return this.#hasStood;
  }

  /** The shortest duration that the switch accepts, in s, if less was requested. */
  get minExpires(): number | undefined {
    return this.#minExpires;
  }

  /** Subscribes. The outcome is `ended`; a document may arrive before the response. */
  begin(): Promise<void> {
    return this.#begun = this.#begin();
  }

  async #begin(): Promise<void> {
    const { about, expires, config } = this.#options;
    const answer = await this.#responseTo(this.#subscribe(expires));
    if (!answer) return;
    if (good(answer)) this.#dialog = answer.dialog;
    if (this.#isOver) return;
    if (!good(answer)) return this.#end(this.#refused(answer));
    this.#remoteTag ??= parameter(answer.header("to"), "tag");
    this.#agreed(secondsIn(answer.header("expires")) ?? expires);
    if (this.#mustRenewAgain) this.#renewAgain();
    if (this.#isOver || this.#hasDocument) return;
    const why = `${about.at} accepted the subscription to phone ${about.extension}, but sends no NOTIFY`;
    this.#cancelWait = this.#timers.after(config.answerSeconds * 1000, () => this.#end({ why, again: "soon" }));
  }

  /** Takes a NOTIFY; false if it belongs to another subscription. */
  notify(request: SipIncoming): boolean {
    if (this.#callId === undefined || request.header("call-id") !== this.#callId || this.#isOver) return false;
    // RFC 6665, section 4.1.3: a NOTIFY of another event package is not about this subscription.
    if (word(request.header("event") ?? "dialog") !== "dialog") {
      request.answer(489);
      return true;
    }
    const tag = parameter(request.header("from"), "tag") ?? "";
    if (this.#hasStood && tag !== this.#remoteTag) {
      const desk = this.#options.about.extension;
      this.#options.log.rarely(`second ${desk}`).warning("A second phone answers the subscription: only the first is watched", {
        desk,
      });
      request.answer(481);
      return true;
    }
    this.#remoteTag = tag;
    request.answer(200);
    this.#take(request);
    return true;
  }

  /** Requests the full state: every renewal brings it (RFC 6665, section 4.2.1.2). */
  askForFullState(): void {
    // The document of this renewal may already have arrived, and be the doubtful one.
    if (this.#isRenewing || this.#dialog === undefined) this.#mustRenewAgain = true;
    else this.#renew();
  }

  /** Ends it without unsubscribing. */
  end(): void {
    this.#end({ why: "given up", again: "now" });
  }

  /** Ends it because of a fault in telesetd, with which `ended` rejects. */
  fail(fault: unknown): void {
    this.#ended.reject(fault);
    this.end();
  }

  /** Unsubscribes, within half a second at most. */
  async giveBack(): Promise<void> {
    this.end();
    // A subscription that is being accepted at this moment must not be left behind.
    const late = Promise.withResolvers<void>();
    const cancel = this.#timers.after(giveBackWithin, late.resolve);
    await Promise.race([this.#begun, late.promise]).finally(cancel);
    const dialog = this.#dialog;
    if (dialog === undefined) return;
    const { stack, account } = this.#options;
    const request = requestIn(dialog, "SUBSCRIBE", { ...headersOf(account), Expires: "0" });
    await sendRequest(stack, request, { withinMs: giveBackWithin, credentials: account.credentials }).catch(expected);
  }

  #subscribe(expires: number): Promise<FinalResponse> {
    const { stack, account, about, config } = this.#options;
    this.#shortenedTo = Infinity;
    const headers = { ...headersOf(account), Expires: String(expires) };
    const request = this.#dialog === undefined
      ? requestTo(account, "SUBSCRIBE", about.extension, headers)
      : requestIn(this.#dialog, "SUBSCRIBE", headers);
    return sendRequest(stack, request, {
      withinMs: config.answerSeconds * 1000,
      onSent: (sent: Sent) => this.#callId = sent.header("call-id") ?? this.#callId,
      credentials: account.credentials,
    });
  }

  /** The final response; undefined if there cannot be one, which ends the subscription. */
  async #responseTo(sending: Promise<FinalResponse>): Promise<FinalResponse | undefined> {
    try {
      return await sending;
    } catch (error) {
      expected(error);
      // In a dialog that drachtio-server has forgotten, the switch cannot reach us either.
      const forgotten = error instanceof NotSent && this.#dialog !== undefined;
      this.#end({ why: (error as Error).message, again: forgotten ? "now" : "soon" });
      return undefined;
    }
  }

  #take(request: SipIncoming): void {
    if (!this.#isNotified) {
      this.#isNotified = true;
      this.#schedule();
    }
    const header = request.header("subscription-state");
    const state = word(header);
    if (state === "pending" && !this.#hasStood) {
      this.#cancelWait();
      this.#options.onPending();
    } else {
      const reading = this.#read(request, state);
      this.#hasStood ||= reading === "read";
      this.#hasDocument ||= reading !== "dropped";
      if (this.#hasDocument) this.#cancelWait();
    }
    if (state === "terminated") return this.#end(endOfState(header, this.#options.about));
    const left = secondsIn(parameter(header, "expires"));
    // Active for 0 s is a notifier's mistake: the agreed duration counts.
    if (left !== undefined && left > 0) this.#shortened(left);
  }

  #read(request: SipIncoming, state: string): Reading {
    const { log, about, onDocument } = this.#options;
    const userAgent = request.header("user-agent") ?? request.header("server");
    const came = omitUndefined({ userAgent, subscription: this.#callId });
    if (request.body.trim() === "") return state === "active" ? onDocument("", came) : "dropped";
    const type = word(request.header("content-type"));
    if (type === "application/dialog-info+xml") return onDocument(request.body, came);
    const desk = about.extension;
    log.rarely(`language ${desk}`).warning("The switch reports the state of the phone in a format that is not dialog-info", {
      desk,
      type: type.slice(0, 60),
    });
    return "dropped";
  }

  #renew(): void {
    this.#renewed().catch((error: unknown) => this.fail(error));
  }

  #renewAgain(): void {
    this.#mustRenewAgain = false;
    this.#renew();
  }

  async #renewed(): Promise<void> {
    if (this.#isRenewing || this.#isOver) return;
    this.#isRenewing = true;
    this.#cancelRenewal();
    const answer = await this.#responseTo(this.#subscribe(this.#minExpires ?? this.#options.expires));
    this.#isRenewing = false;
    if (!answer || this.#isOver) return;
    if (this.#mustRenewAgain) return this.#renewAgain();
    if (good(answer)) return this.#agreed(secondsIn(answer.header("expires")) ?? this.#options.expires);
    const { about } = this.#options;
    if (answer.status === 481) {
      return this.#end({ why: `${about.at} has forgotten the subscription to phone ${about.extension}`, again: "now" });
    }
    if (answer.status === 423 || ending.has(answer.status)) return this.#end(this.#refused(answer));
    // Twice no response at all: the switch is gone, even if the subscription has not expired.
    this.#unanswered = isNoAnswer(answer) ? this.#unanswered + 1 : 0;
    const left = this.#unanswered > 1 ? 0 : this.#expiresAt - this.#timers.now();
    const next = (secondsIn(answer.header("retry-after")) ?? this.#options.config.answerSeconds) * 1000;
    if (next >= left) return this.#end(endOfAnswer(answer, about));
    this.#renewIn(next);
  }

  #refused(answer: FinalResponse): SubscriptionEnd {
    const { about, expires } = this.#options;
    const least = answer.status === 423 ? secondsIn(answer.header("min-expires")) : undefined;
    if (least === undefined || least <= expires || least > 86400) return endOfAnswer(answer, about);
    this.#minExpires = least;
    return { why: `${about.at} requires subscriptions of at least ${least} s`, again: "now" };
  }

  /** The switch grants this many seconds. */
  #agreed(seconds: number): void {
    const { about } = this.#options;
    if (seconds === 0) {
      return this.#end({
        why: `${about.at} ends the subscription to phone ${about.extension} as soon as it accepts it`,
        again: "soon",
      });
    }
    this.#unanswered = 0;
    this.#expiresAt = Math.min(this.#timers.now() + seconds * 1000, this.#shortenedTo);
    // Jitter, so that the desks of many boxes do not renew at once.
    this.#renewBy = this.#timers.now() + this.#options.config.refreshSeconds * 1000 * (1 - this.#timers.random() / 4);
    this.#schedule();
  }

  /** The notifier may shorten the duration at any time; a difference of a second is rounding. */
  #shortened(seconds: number): void {
    const until = this.#timers.now() + seconds * 1000;
    this.#shortenedTo = until;
    if (until > this.#expiresAt - 1500) return;
    this.#expiresAt = until;
    this.#schedule();
  }

  #schedule(): void {
    const now = this.#timers.now();
    const left = this.#expiresAt - now;
    const early = left > 20_000 ? left - 10_000 : left / 2;
    this.#renewIn(Math.max(200, Math.min(early, this.#renewBy - now, this.#isNotified ? Infinity : firstNotifyWithin)));
  }

  #renewIn(ms: number): void {
    this.#cancelRenewal();
    if (this.#dialog !== undefined) this.#cancelRenewal = this.#timers.after(ms, () => this.#renew());
  }

  #end(end: SubscriptionEnd): void {
    this.#isOver = true;
    this.#cancelRenewal();
    this.#cancelWait();
    this.#ended.resolve(end);
  }
}

function good({ status }: FinalResponse): boolean {
  return status >= 200 && status <= 299;
}

function headersOf({ contact }: Account): Record<string, string> {
  return { Contact: contact, Event: "dialog", Accept: "application/dialog-info+xml" };
}

/** Rethrows unless the connection is lost or drachtio-server refused: anything else is a fault in telesetd. */
function expected(error: unknown): void {
  if (!(error instanceof StackClosed) && !(error instanceof NotSent)) throw error;
}
