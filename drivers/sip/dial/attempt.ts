/** A dial from its first message to its last, and the ends of its legs that wait for a reason. */
import type { DialCommand, Failure, LegFacts } from "../../../src/core/line.ts";
import type { Sent } from "../wire/message.ts";
import type { DialogTracker } from "../dialogs/tracker.ts";

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
  /** A NOTIFY of the REFER has come. */
  told: boolean;
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
    told: false,
    outcome: Promise.withResolvers(),
  };
}

/** How long the end of a leg waits for its reason, in ms. */
const reasonWithin = 1000;

/**
 * The ends of a dial's legs, told with the reason that the switch gives for the dial itself: the phone's dialog may be over, without
 * a word, before the answer that says why (FreeSWITCH) or after it (Kamailio, by chance).
 */
export class Ends {
  readonly #tell: (facts: LegFacts) => void;
  readonly #waiting: LegFacts[] = [];
  #open = true;
  #reason: Failure | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (facts: LegFacts) => void) {
    this.#tell = tell;
  }

  /** Takes the end of a leg, to tell it with its reason as soon as that is known; false when there is none to come. */
  keep(facts: LegFacts): boolean {
    if (!this.#open && !this.#reason) return false;
    this.#waiting.push(facts);
    if (this.#open) this.#timer ??= setTimeout(() => this.#let(), reasonWithin);
    else this.#let();
    return true;
  }

  /** What came of the dial is known, once: nothing is kept back any more, and a failure is the reason of every end. */
  settle(reason?: Failure): void {
    if (this.#open) this.#reason = reason;
    this.#open = false;
    this.#let();
  }

  #let(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const reason = this.#reason;
    for (const facts of this.#waiting.splice(0)) this.#tell(reason ? { ...facts, ended: reason } : facts);
  }
}
