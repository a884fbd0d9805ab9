/** A dial from its first message to its last, and the ends of its legs that wait for a reason. */
import type { DialCommand, Failure, LegFacts } from "../../src/core/line.ts";
import type { Sent } from "./message.ts";
import type { DialogTracker } from "./translate.ts";

/** A dial from its first message to its last. */
export interface Attempt {
  readonly command: DialCommand;
  readonly tracker: DialogTracker;
  readonly ends: Ends;
  callId: string | undefined;
  sent: Sent | undefined;
  /** drachtio-server's name for the dialog with the phone; nothing before the handset is lifted and after it is over. */
  dialog: string | undefined;
  /** The phone rings, or the switch has said anything at all. */
  heard: boolean;
  /** When the REFER was accepted, in ms of `performance.now`. */
  referred: number | undefined;
  /** A NOTIFY of the REFER has come. */
  told: boolean;
  /** The far end was said to ring: a 200 that follows is its own. */
  progress: boolean;
  /** Resolves with what the NOTIFYs of the REFER say in the end; nothing when they say nothing. */
  readonly outcome: PromiseWithResolvers<number | undefined>;
}

/** A dial of which nothing has been sent yet. */
export function newAttempt(command: DialCommand, tracker: DialogTracker, ends: Ends): Attempt {
  return {
    command,
    tracker,
    ends,
    callId: undefined,
    sent: undefined,
    dialog: undefined,
    heard: false,
    referred: undefined,
    told: false,
    progress: false,
    outcome: Promise.withResolvers(),
  };
}

/** How long the end of a leg waits for its reason, in ms. */
export const reasonWithin = 1000;

/**
 * The ends of a dial's legs until the switch has said what came of it: the phone's dialog may be over, without a word, before the
 * answer that says why (FreeSWITCH always, Kamailio at times).
 */
export class Ends {
  readonly #tell: (facts: LegFacts) => void;
  readonly #waiting: LegFacts[] = [];
  #open = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (facts: LegFacts) => void) {
    this.#tell = tell;
  }

  /** Takes the end of a leg, to tell it later; false when nothing more is to come that would say why. */
  keep(facts: LegFacts): boolean {
    if (!this.#open) return false;
    this.#waiting.push(facts);
    this.#timer ??= setTimeout(() => this.#let(undefined), reasonWithin);
    return true;
  }

  /** What came of it is known: nothing is kept back any more, and what was is told with the reason, if there is one. */
  settle(reason?: Failure): void {
    this.#open = false;
    this.#let(reason);
  }

  #let(reason: Failure | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const facts of this.#waiting.splice(0)) this.#tell(reason ? { ...facts, ended: reason } : facts);
  }
}
