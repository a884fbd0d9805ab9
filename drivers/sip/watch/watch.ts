/**
 * Watches one desk's phone for the life of a connection to drachtio-server: keeps a subscription up, starts a new one when one
 * has ended and the reason allows, and reports what its documents say (dialogs/step.ts).
 */
import { pause } from "../../../src/platform/timers.ts";
import type { KnownLegs, LineEvent } from "../../../src/core/line.ts";
import type { FarSign } from "../dialogs/own-dials.ts";
import type { DialogInfo } from "../dialogs/dialog-info.ts";
import { type About, pauseAfter, type SubscriptionEnd } from "./subscription-end.ts";
import type { SipIncoming } from "../wire/message.ts";
import { readLeniently } from "../dialogs/repair.ts";
import type { Connection } from "../wire/request.ts";
import { type Reading, Subscription } from "./subscription.ts";
import type { Envelope, TrackerInput, TrackerOutput } from "../dialogs/step.ts";
import type { DialogTracker } from "../dialogs/tracker.ts";
import { messageOf } from "../../../src/platform/text.ts";

/** What a watch needs. */
export interface WatchOptions extends Connection {
  readonly about: About;
  /** What is known about the phone's dialogs; outlives the watch. */
  readonly tracker: DialogTracker;
  readonly known: KnownLegs;
  /** The desks that link-up and link-down are about; absent if there is only this one. */
  readonly desks?: readonly string[];
  readonly report: (event: LineEvent) => void;
}

/** How long a phone counts as not registered after a dial has shown it, in ms: a phone that was plugged in is back by then. */
export const missingFor = 60_000;

/** How long a readable document may take after an unreadable one, in ms. */
export const readableWithin = 2000;

/** The shortest time between two requests for the full state because a document is not well-formed, in ms. */
export const refreshEvery = 10_000;

/** A subscription that lasted for less than this counts as a failed attempt, in ms: its switch ends each one that it accepts. */
const shortLived = 10_000;

/** Watches one phone. */
export class Watch {
  readonly #options: WatchOptions;
  #subscription: Subscription | undefined;
  #up = false;
  /** While the phone counts as not registered: cancels the timer that ends this. */
  #cancelMissing: (() => void) | undefined;
  #why = "";
  #expires: number;
  /** Cancels the timer for the tracker's next step. */
  #cancelWake: () => void = () => {};
  /** While the last document could not be read: cancels the deadline for a readable one. */
  #cancelUnreadable: (() => void) | undefined;
  /** When the full state was last requested because of a document that is not well-formed, in ms. */
  #refreshed = -Infinity;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#expires = options.config.expiresSeconds;
  }

  /** The subscription is active, and the phone's dialogs are known. */
  get up(): boolean {
    return this.#up;
  }

  /** Why the phone is not watched. */
  get why(): string {
    return this.#why || "not connected yet";
  }

  /** Keeps a subscription up until the signal; then unsubscribes if the signal's reason is `giveBack`. */
  async run(signal: AbortSignal): Promise<void> {
    const { timers } = this.#options;
    const stopped = new Promise<undefined>((resolve) =>
      signal.addEventListener("abort", () => resolve(undefined), { once: true })
    );
    for (let failures = 0; !signal.aborted; failures++) {
      const since = timers.now();
      const end = await this.#once(stopped).catch((fault: unknown) => this.#endOfFault(fault));
      this.#step({ type: "unsubscribed" });
      this.#readable();
      const subscription = this.#subscription;
      if (signal.aborted || !end) {
        this.#up = false;
        this.#forget();
        this.#subscription = undefined;
        return signal.reason === giveBack ? await subscription?.giveBack() : subscription?.end();
      }
      if (subscription?.hasStood && timers.now() - since > shortLived) failures = 0;
      this.#expires = subscription?.minExpires ?? this.#expires;
      const ms = pauseAfter(end.again, failures, timers.random());
      if (ms === 0) continue;
      this.#down(end.why, ms);
      await pause(timers, ms, signal);
    }
  }

  /** Runs one subscription to its end; resolves with undefined if it is stopped before. */
  #once(stopped: Promise<undefined>): Promise<SubscriptionEnd | undefined> {
    const watching = async () => {
      const subscription = this.#next();
      const fault = subscription.ended.then(() => new Promise<never>(() => {}));
      return await Promise.race([subscription.begin().then(() => subscription.ended), fault]);
    };
    return Promise.race([watching(), stopped]);
  }

  /**
   * A fault in telesetd is logged and does not end the watch: the believed state of the phone is forgotten, and the next
   * subscription shows the true one.
   */
  #endOfFault(fault: unknown): SubscriptionEnd {
    const { log, about: { extension } } = this.#options;
    this.#subscription?.end();
    log.rarely(`fault ${extension}`, 10).error("Internal error while watching a phone: starting again", {
      desk: extension,
      why: messageOf(fault),
    });
    this.#step({ type: "forgotten" });
    return { why: `internal error in telesetd while watching phone ${extension}`, again: "soon" };
  }

  /** Takes a NOTIFY; false if it belongs to another subscription. */
  notify(request: SipIncoming): boolean {
    return this.#guarded(() => this.#subscription?.notify(request)) ?? false;
  }

  /** A dial from the phone has learned something about its far end. */
  far(call: string, sign: FarSign): void {
    this.#guarded(() => this.#report(this.#step({ type: "far", call, sign })));
  }

  /** Runs something for the subscription; a fault ends the subscription. */
  #guarded<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (fault) {
      this.#subscription?.fail(fault);
      return undefined;
    }
  }

  /** Gives the tracker an input, and another one at the time that it requests. */
  #step(input: TrackerInput): TrackerOutput {
    const { tracker, timers } = this.#options;
    const { output, wakeAt } = tracker.take(input, timers.now());
    this.#cancelWake();
    this.#cancelWake = wakeAt === undefined ? () => {} : timers.after(Math.max(0, wakeAt - timers.now()), () => this.#onTime());
    return output;
  }

  #onTime(): void {
    this.#guarded(() => this.#report(this.#step({ type: "time" })));
  }

  /** Reports what follows from an input, and requests the full state if necessary. */
  #report({ events, asks, dropped }: TrackerOutput): void {
    const { report, log, about: { at, extension }, desks } = this.#options;
    const isFirst = events.length > 0 && !this.#up;
    if (isFirst) {
      this.#up = true;
      this.#why = "";
      log.rarely(`watched ${extension}`, 10).info("The phone is watched", { desk: extension, at });
      report({ type: "link-up", to: at, ...(desks ? { desks } : {}) });
    }
    events.forEach(report);
    // A dialog subscription does not report registrations: the phone counts as registered until a dial shows that it is not.
    if (isFirst || (this.#cancelMissing !== undefined && events.some(isSignOfLife))) this.#present();
    if (dropped !== undefined) {
      log.rarely(`dropped ${extension}`, 5).warning("A document about the state of phones was dropped", {
        desk: extension,
        why: dropped,
      });
    }
    if (asks === undefined) return;
    log.debug("Asking for the full state of the phone", { desk: extension, why: asks });
    this.#subscription?.askForFullState();
  }

  /**
   * A dial has shown that the phone is not registered: this counts until the next news about it, and for at most a minute,
   * because no event reports when it is back. While the phone is not watched it means nothing: it counts as registered when it
   * is watched again.
   */
  unregistered(): void {
    if (!this.#up) return;
    const { timers, report, about } = this.#options;
    this.#cancelMissing?.();
    this.#cancelMissing = timers.after(missingFor, () => this.#present());
    report({ type: "phone", desk: about.extension, registered: false });
  }

  #present(): void {
    this.#forget();
    this.#options.report({ type: "phone", desk: this.#options.about.extension, registered: true });
  }

  #forget(): void {
    this.#cancelMissing?.();
    this.#cancelMissing = undefined;
  }

  #next(): Subscription {
    const { about, known } = this.#options;
    const legs = () => known().flatMap(({ desk, leg }) => (desk === about.extension ? [leg] : []));
    if (!this.#up) this.#step({ type: "connected", known: legs() });
    return this.#subscription = new Subscription({
      ...this.#options,
      expires: this.#expires,
      onDocument: (body, came) => this.#document(body, came),
      onPending: () => this.#down(`${about.at} waits for a person to allow the subscription to phone ${about.extension}`, 0),
    });
  }

  #document(body: string, came: Envelope): Reading {
    const info = body === "" ? undefined : this.#parsed(body);
    if (info === null) return "unreadable";
    const output = this.#step(info ? { type: "document", info, envelope: came } : { type: "no-dialogs" });
    this.#report(output);
    // A document that was dropped does not show that the phone is watched.
    if (output.dropped !== undefined) return "dropped";
    this.#readable();
    return "read";
  }

  /** A document, repaired if necessary; null if it cannot be read. In both cases the full state is requested. */
  #parsed(body: string): DialogInfo | null {
    try {
      const { info, fault } = readLeniently(body);
      if (fault !== undefined) this.#again(fault);
      return info;
    } catch (error) {
      this.#again(error);
      this.#cancelUnreadable ??= this.#options.timers.after(readableWithin, () => this.#unread());
      return null;
    }
  }

  /** Requests the full state, but not too often: the next document may be malformed too. */
  #again(error: unknown): void {
    const { log, timers, about: { extension } } = this.#options;
    const isDue = timers.now() - this.#refreshed > refreshEvery;
    const why = messageOf(error);
    log.rarely(`unread ${extension}`, 5).warning("Cannot read what the switch reports of the phone: asking for the full state", {
      desk: extension,
      why,
    });
    if (!isDue) return;
    this.#refreshed = timers.now();
    this.#subscription?.askForFullState();
  }

  #readable(): void {
    this.#cancelUnreadable?.();
    this.#cancelUnreadable = undefined;
  }

  /** No readable document has arrived since: the calls of the phone are unknown until one does. */
  #unread(): void {
    const { about: { at, extension } } = this.#options;
    this.#cancelUnreadable = undefined;
    this.#down(`${at} sends documents about phone ${extension} that cannot be read (see the log)`, 0);
  }

  /** A reason is logged once, not at every attempt. */
  #down(why: string, ms: number): void {
    const { report, log, about, desks } = this.#options;
    if (why !== this.#why) {
      const again = ms > 20_000 ? { againIn: `${Math.round(ms / 1000)} s` } : {};
      log.rarely(`unwatched ${about.extension} ${why}`, 10).warning("The phone is not watched", {
        desk: about.extension,
        why,
        ...again,
      });
    }
    this.#up = false;
    this.#why = why;
    this.#forget();
    this.#step({ type: "link-lost" });
    report({ type: "link-down", why, ...(desks ? { desks } : {}) });
  }
}

/** The end of a call may mean that the phone is gone; an ended call that is listed again has no direction, and means nothing. */
function isSignOfLife(event: LineEvent): boolean {
  return event.type === "leg" && event.facts.ended === undefined && event.facts.direction !== undefined;
}

/** The reason of an abort after which the switch still answers, so that we unsubscribe. */
export const giveBack = "give back";
