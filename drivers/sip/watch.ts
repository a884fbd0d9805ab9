/**
 * Watches one desk's phone for the life of a connection to drachtio-server: keeps a subscription up, begins a new one when one
 * has ended and the reason allows, and passes on what its documents say (translate.ts).
 */
import type { KnownLegs, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log.ts";
import { pause } from "../parts/pause.ts";
import type { SipConfig } from "./config.ts";
import { readDialogInfo } from "./dialog-info.ts";
import { type About, pauseAfter } from "./ends.ts";
import type { SipIncoming } from "./message.ts";
import type { Account } from "./request.ts";
import type { Stack } from "./stack.ts";
import { Subscription } from "./subscription.ts";
import type { DialogTracker, Told } from "./translate.ts";

/** What a watch is made of. */
export interface WatchOptions {
  readonly stack: Stack;
  readonly config: SipConfig;
  readonly account: Account;
  readonly about: About;
  /** What is known of the phone's dialogs; outlives the watch. */
  readonly tracker: DialogTracker;
  readonly known: KnownLegs;
  readonly log: Log;
  /** The desks that link-up and link-down are about; nothing when this one is all. */
  readonly desks?: readonly string[];
  readonly tell: (event: LineEvent) => void;
}

/** How long the whole state may take after it was asked for, in ms. */
export const wholeWithin = 500;

/** How long a phone is said not to be registered after a dial has shown it, in ms: a phone that was plugged in is back by then. */
export const missingFor = 60_000;

/** A subscription that stood less long counts as a try that failed, in ms: its switch ends what it gives. */
const shortLived = 10_000;

/** A phone that is watched. */
export class Watch {
  readonly #options: WatchOptions;
  #subscription: Subscription | undefined;
  #up = false;
  /** Runs while the phone is said not to be registered. */
  #missing: ReturnType<typeof setTimeout> | undefined;
  #why = "";
  #expires: number;
  #asked: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#expires = options.config.expiresSeconds;
  }

  /** The subscription stands, and the phone's dialogs are known. */
  get up(): boolean {
    return this.#up;
  }

  /** Why not, when not. */
  get why(): string {
    return this.#why || "not connected yet";
  }

  /** Keeps the subscription up until the signal; gives it back then, if `giveBack` is the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let failures = 0; !signal.aborted; failures++) {
      const subscription = this.#next();
      const since = performance.now();
      await Promise.race([subscription.begin().then(() => subscription.ended), stopped]);
      clearTimeout(this.#asked);
      if (signal.aborted) {
        this.#forget();
        this.#subscription = undefined;
        return signal.reason === giveBack ? await subscription.giveBack() : subscription.end();
      }
      const end = await subscription.ended;
      if (subscription.stood && performance.now() - since > shortLived) failures = 0;
      this.#expires = subscription.least ?? this.#expires;
      const ms = pauseAfter(end.again, failures, Math.random());
      if (ms > 0) this.#down(end.why, ms);
      await pause(ms, signal);
    }
  }

  /** Takes a NOTIFY; false when it belongs to another subscription. */
  notify(request: SipIncoming): boolean {
    return this.#subscription?.notify(request) ?? false;
  }

  /** Tells what something else than a document has brought about. */
  told({ events, wants, why }: Told): void {
    const { tell, log, about, desks, tracker } = this.#options;
    if (events.length > 0 && !this.#up) {
      this.#up = true;
      this.#why = "";
      log.rarely(`watched ${about.extension}`, 10).info("The phone is watched", { desk: about.extension, at: about.at });
      tell({ type: "link-up", to: about.at, ...(desks ? { desks } : {}) });
      events.forEach(tell);
      // A dialog subscription does not tell registrations: the phone is taken as there until a dial shows that it is not.
      this.#present();
    } else events.forEach(tell);
    if (this.#missing !== undefined && events.some(isSignOfLife)) this.#present();
    if (wants === undefined) {
      if (why === undefined) return;
      const desk = about.extension;
      return log.rarely(`dropped ${desk}`, 5).warning("A document about the state of phones was dropped", { desk, why });
    }
    log.debug("Asking for the whole state of the phone", { desk: about.extension, why });
    this.#subscription?.wantWhole();
    clearTimeout(this.#asked);
    this.#asked = setTimeout(() => this.#read(() => tracker.noAnswer()), wholeWithin);
  }

  /**
   * A dial has shown that the phone is not registered: that holds until it is heard of again, and a minute at most. Nobody tells
   * when it is back.
   */
  unregistered(): void {
    clearTimeout(this.#missing);
    this.#missing = setTimeout(() => this.#present(), missingFor);
    this.#options.tell({ type: "phone", desk: this.#options.about.extension, registered: false });
  }

  #present(): void {
    this.#forget();
    this.#options.tell({ type: "phone", desk: this.#options.about.extension, registered: true });
  }

  #forget(): void {
    clearTimeout(this.#missing);
    this.#missing = undefined;
  }

  #next(): Subscription {
    const { stack, config, account, about, log, tracker, known } = this.#options;
    if (this.#up) tracker.subscribed();
    else tracker.connected(known().flatMap(({ desk, leg }) => (desk === about.extension ? [leg] : [])));
    return this.#subscription = new Subscription({
      stack,
      config,
      account,
      about,
      log,
      expires: this.#expires,
      onDocument: (body, userAgent) => this.#document(body, userAgent),
      onPending: () => this.#down(`${about.at} waits for somebody to allow that phone ${about.extension} is watched`, 0),
    });
  }

  #document(body: string, userAgent: string | undefined): boolean {
    const { tracker } = this.#options;
    const told = this.#read(() =>
      body === "" ? tracker.none() : tracker.notify(readDialogInfo(body), userAgent === undefined ? {} : { userAgent })
    );
    // A document that was dropped does not show that the phone is watched.
    return told !== undefined && (told.wants !== undefined || told.why === undefined);
  }

  /** Tells what can be read; what cannot is said, and skipped. */
  #read(read: () => Told): Told | undefined {
    const { log, about } = this.#options;
    try {
      const told = read();
      this.told(told);
      return told;
    } catch (error) {
      log.rarely(`unread ${about.extension}`, 5).warning("Cannot read what the switch tells of the phone: skipped", {
        desk: about.extension,
        why: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  }

  /** A reason is logged once, not at every try. */
  #down(why: string, ms: number): void {
    const { tell, log, about, desks } = this.#options;
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
    tell({ type: "link-down", why, ...(desks ? { desks } : {}) });
  }
}

/** The end of a call may be that of the phone. */
function isSignOfLife(event: LineEvent): boolean {
  return event.type === "leg" && event.facts.ended === undefined;
}

/** The reason of an abort after which the switch is there, and is told that we go. */
export const giveBack = "give back";
