/**
 * One subscription to an extension's dialogs, from its SUBSCRIBE to its end (RFC 6665, event package of RFC 4235). It is
 * renewed in time and never begins again: that is for `watch.ts`.
 */
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { type FinalResponse, sendRequest } from "../wire/transaction.ts";
import type { SipConfig } from "../config.ts";
import { type About, type End, endOfAnswer, endOfState, isNoAnswer } from "./subscription-end.ts";
import { parameter, secondsIn, word } from "../wire/headers.ts";
import { NotSent, type Sent, type SipIncoming, StackClosed } from "../wire/message.ts";
import { type Account, requestIn, requestTo } from "../wire/request.ts";
import type { Stack } from "../wire/stack.ts";
import type { Envelope } from "../dialogs/step.ts";
import { present } from "../../../src/core/present.ts";

/** What a subscription is made of. */
export interface SubscriptionOptions {
  readonly stack: Stack;
  readonly config: SipConfig;
  readonly account: Account;
  readonly about: About;
  readonly log: Log;
  /** For how long it is asked, in s. */
  readonly expires: number;
  /** A document of the phone's dialogs, or "" when the switch says that it has none. */
  readonly onDocument: (body: string, came: Envelope) => Reading;
  /** It waits for somebody at the switch to allow it. */
  readonly onPending: () => void;
}

/** What came of a document: it says what the phone does; it cannot be read; it is not about the phone. */
export type Reading = "read" | "unreadable" | "dropped";

/** Answers to a renewal that end the subscription; after any other it still stands (RFC 6665, section 4.1.2.2). */
const ending = new Set([401, 403, 404, 405, 407, 410, 416, 480, 482, 483, 484, 485, 489, 501, 604]);

/**
 * How long the first NOTIFY may take before it is asked for again, in ms: a switch that has just been started may take a SUBSCRIBE before
 * it is able to tell anything (FreeSWITCH), and does not make up for it.
 */
const firstWithin = 2000;

/** How long giving back may take when the daemon stops, in ms. */
const giveBackWithin = 500;

/** A subscription at work. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #ended = Promise.withResolvers<End>();
  #callId: string | undefined;
  /** The notifier's tag: another one is a fork. */
  #remoteTag: string | undefined;
  /** drachtio-server's name for the dialog, once the subscription stands. */
  #dialog: string | undefined;
  /** When it runs out, and when it is renewed at the latest, in ms. */
  #until = Infinity;
  #due = Infinity;
  /** When it runs out by the last NOTIFY since the SUBSCRIBE, which may come before the answer to that. */
  #shorter = Infinity;
  #cancelRenewal: () => void = () => {};
  /** Cancels the deadline of the first document. */
  #cancelWait: () => void = () => {};
  #begun: Promise<void> = Promise.resolve();
  #renewing = false;
  /** The whole state was asked for while a renewal was under way. */
  #wanted = false;
  #over = false;
  #stood = false;
  /** A NOTIFY has come. */
  #notified = false;
  /** A document about the phone has come, even if it cannot be read. */
  #heard = false;
  #least: number | undefined;
  /** How many renewals in a row have not been answered. */
  #silent = 0;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    // A fault before anybody waits for the end is seen by who does later.
    this.#ended.promise.catch(() => {});
  }

  get #timers(): Timers {
    return this.#options.stack.timers;
  }

  /** Resolves with the reason when it is over; rejects with the fault when `fail` has ended it. */
  get ended(): Promise<End> {
    return this.#ended.promise;
  }

  /** A document has been read: the phone was watched. */
  get stood(): boolean {
    return this.#stood;
  }

  /** The shortest time that the switch accepts, in s, when it was asked for less. */
  get least(): number | undefined {
    return this.#least;
  }

  /** Subscribes. What comes of it is told by `ended`; a document may come before the answer. */
  begin(): Promise<void> {
    return this.#begun = this.#begin();
  }

  async #begin(): Promise<void> {
    const { about, expires, config } = this.#options;
    const answer = await this.#asked(this.#subscribe(expires));
    if (!answer) return;
    if (good(answer)) this.#dialog = answer.dialog;
    if (this.#over) return;
    if (!good(answer)) return this.#end(this.#refused(answer));
    this.#remoteTag ??= parameter(answer.header("to"), "tag");
    this.#agreed(secondsIn(answer.header("expires")) ?? expires);
    if (this.#over || this.#heard) return;
    const why = `${about.at} accepted the subscription to phone ${about.extension}, but sends no NOTIFY`;
    this.#wait(config.answerSeconds * 1000, { why, again: "soon" });
  }

  /** Takes a NOTIFY; false when it belongs to another subscription. */
  notify(request: SipIncoming): boolean {
    if (this.#callId === undefined || request.header("call-id") !== this.#callId || this.#over) return false;
    // RFC 6665, section 4.1.3: another package's news says nothing about this subscription.
    if (word(request.header("event") ?? "dialog") !== "dialog") {
      request.answer(489);
      return true;
    }
    const tag = parameter(request.header("from"), "tag") ?? "";
    if (this.#stood && tag !== this.#remoteTag) {
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

  /** Asks for the whole state, because what was told does not add up: every renewal brings it (RFC 6665, section 4.2.1.2). */
  wantWhole(): void {
    // A document may come before the answer to the renewal that brought it: what it leaves open needs another.
    if (this.#renewing) this.#wanted = true;
    else if (this.#dialog !== undefined) this.#renew();
  }

  /** Ends it from our side, and tells nobody. */
  end(): void {
    this.#end({ why: "given up", again: "now" });
  }

  /** Ends it because of a fault in telesetd, with which `ended` rejects. */
  fail(fault: unknown): void {
    this.#ended.reject(fault);
    this.end();
  }

  /** Ends it from our side; the switch is told, which takes half a second at most. */
  async giveBack(): Promise<void> {
    this.end();
    // One that is just being asked for would stand for nobody.
    const late = Promise.withResolvers<void>();
    const cancel = this.#timers.after(giveBackWithin, late.resolve);
    await Promise.race([this.#begun, late.promise]).finally(cancel);
    const dialog = this.#dialog;
    if (dialog === undefined) return;
    const { stack, account } = this.#options;
    const { credentials } = account;
    const request = requestIn(dialog, "SUBSCRIBE", { ...headersOf(account), Expires: "0" });
    await sendRequest(stack, request, { withinMs: giveBackWithin, ...(credentials ? { credentials } : {}) }).catch(expected);
  }

  #subscribe(expires: number): Promise<FinalResponse> {
    const { stack, account, about, config } = this.#options;
    const { credentials } = account;
    this.#shorter = Infinity;
    const headers = { ...headersOf(account), Expires: String(expires) };
    const request = this.#dialog === undefined
      ? requestTo(account, "SUBSCRIBE", about.extension, headers)
      : requestIn(this.#dialog, "SUBSCRIBE", headers);
    return sendRequest(stack, request, {
      withinMs: config.answerSeconds * 1000,
      onSent: (sent: Sent) => this.#callId = sent.header("call-id") ?? this.#callId,
      ...(credentials ? { credentials } : {}),
    });
  }

  /** The answer; nothing when there can be none, which ends the subscription. */
  async #asked(asking: Promise<FinalResponse>): Promise<FinalResponse | undefined> {
    try {
      return await asking;
    } catch (error) {
      expected(error);
      // A dialog that drachtio-server does not know any more is one that the switch cannot speak to us in.
      const forgotten = error instanceof NotSent && this.#dialog !== undefined;
      this.#end({ why: (error as Error).message, again: forgotten ? "now" : "soon" });
      return undefined;
    }
  }

  #take(request: SipIncoming): void {
    if (!this.#notified) {
      this.#notified = true;
      this.#schedule();
    }
    const header = request.header("subscription-state");
    const state = word(header);
    if (state === "pending" && !this.#stood) {
      this.#cancelWait();
      this.#options.onPending();
    } else {
      const reading = this.#read(request, state);
      this.#stood ||= reading === "read";
      this.#heard ||= reading !== "dropped";
      if (this.#heard) this.#cancelWait();
    }
    if (state === "terminated") return this.#end(endOfState(header, this.#options.about));
    const left = secondsIn(parameter(header, "expires"));
    // What is active for 0 s is a notifier's mistake: what was agreed counts.
    if (left !== undefined && left > 0) this.#shortened(left);
  }

  #read(request: SipIncoming, state: string): Reading {
    const { log, about, onDocument } = this.#options;
    const userAgent = request.header("user-agent") ?? request.header("server");
    const came = {
      ...present({ userAgent, subscription: this.#callId }),
    };
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

  async #renewed(): Promise<void> {
    if (this.#renewing || this.#over) return;
    this.#renewing = true;
    this.#cancelRenewal();
    const answer = await this.#asked(this.#subscribe(this.#least ?? this.#options.expires));
    this.#renewing = false;
    if (!answer || this.#over) return;
    if (this.#wanted) {
      this.#wanted = false;
      return this.#renew();
    }
    if (good(answer)) return this.#agreed(secondsIn(answer.header("expires")) ?? this.#options.expires);
    const { about } = this.#options;
    if (answer.status === 481) {
      return this.#end({ why: `${about.at} has forgotten the subscription to phone ${about.extension}`, again: "now" });
    }
    if (answer.status === 423 || ending.has(answer.status)) return this.#end(this.#refused(answer));
    // Twice no answer at all: the switch is gone, however long the subscription would still stand.
    this.#silent = isNoAnswer(answer) ? this.#silent + 1 : 0;
    const left = this.#silent > 1 ? 0 : this.#until - this.#timers.now();
    const next = (secondsIn(answer.header("retry-after")) ?? this.#options.config.answerSeconds) * 1000;
    if (next >= left) return this.#end(endOfAnswer(answer, about));
    this.#renewIn(next);
  }

  #refused(answer: FinalResponse): End {
    const { about, expires } = this.#options;
    const least = answer.status === 423 ? secondsIn(answer.header("min-expires")) : undefined;
    if (least === undefined || least <= expires || least > 86400) return endOfAnswer(answer, about);
    this.#least = least;
    return { why: `${about.at} requires subscriptions of at least ${least} s`, again: "now" };
  }

  /** For so long it stands: what we asked, or less. */
  #agreed(seconds: number): void {
    const { about } = this.#options;
    if (seconds === 0) {
      return this.#end({
        why: `${about.at} ends the subscription to phone ${about.extension} as soon as it takes it`,
        again: "soon",
      });
    }
    this.#silent = 0;
    this.#until = Math.min(this.#timers.now() + seconds * 1000, this.#shorter);
    // Not all desks of all boxes at once.
    this.#due = this.#timers.now() + this.#options.config.refreshSeconds * 1000 * (1 - this.#timers.random() / 4);
    this.#schedule();
  }

  /** The notifier may shorten what was agreed, at any time; a second is rounding. */
  #shortened(seconds: number): void {
    const until = this.#timers.now() + seconds * 1000;
    this.#shorter = until;
    if (until > this.#until - 1500) return;
    this.#until = until;
    this.#schedule();
  }

  #schedule(): void {
    const now = this.#timers.now();
    const left = this.#until - now;
    const early = left > 20_000 ? left - 10_000 : left / 2;
    this.#renewIn(Math.max(200, Math.min(early, this.#due - now, this.#notified ? Infinity : firstWithin)));
  }

  #renewIn(ms: number): void {
    this.#cancelRenewal();
    if (this.#dialog !== undefined) this.#cancelRenewal = this.#timers.after(ms, () => this.#renew());
  }

  #wait(ms: number, end: End): void {
    this.#cancelWait();
    this.#cancelWait = this.#timers.after(ms, () => this.#end(end));
  }

  #end(end: End): void {
    this.#over = true;
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

/** What is no lost connection and no refusal of drachtio-server is a fault of ours, and must be seen. */
function expected(error: unknown): void {
  if (!(error instanceof StackClosed) && !(error instanceof NotSent)) throw error;
}
