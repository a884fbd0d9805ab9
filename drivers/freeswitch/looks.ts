/**
 * The looks at the live legs during a connection: a little after the connect, and after each unreadable event. One at a time;
 * requests soon after a look share the next one.
 */
import type { LegFacts } from "../../src/core/line.ts";
import type { Timers } from "../../src/platform/timers.ts";
import type { Translated } from "./translate.ts";

/** The shortest pause between two looks that are asked for, in ms: what strangers send must not keep the switch busy. */
export const minPauseMs = 1000;

/** What `Looks` needs of its session. */
export interface LooksOptions {
  readonly timers: Timers;
  /** Looks at all live legs. */
  readonly legs: () => Promise<readonly LegFacts[]>;
  /** Takes what was seen. */
  readonly seen: (legs: readonly LegFacts[]) => void;
  /** What else is looked at when something could not be read. */
  readonly others: () => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** The looks of one connection. */
export class Looks {
  readonly #options: LooksOptions;
  /** The legs reported during a look, each with its desk, or "" when it is over; undefined at other times. */
  #meanwhile: Map<string, string> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isAsked = false;
  /** Cancels the timers that wait. */
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  /** Notes what is reported meanwhile. */
  note(event: Translated): void {
    if (event.type === "leg-renamed") this.#meanwhile?.set(event.from, "").set(event.to, event.desk);
    if (event.type === "leg") this.#meanwhile?.set(event.facts.leg, event.facts.ended ? "" : event.facts.desk);
  }

  /** Looks after this time, in ms. */
  later(ms: number): void {
    this.#after(ms, () => this.#inTurn(() => this.#look()));
  }

  /** Looks at everything, at once or soon: one look for all requests that come before it starts. */
  repair(): void {
    if (this.#isAsked || this.#isOver) return;
    this.#isAsked = true;
    this.#inTurn(async () => {
      this.#isAsked = false;
      await this.#look();
      await this.#options.others();
      await new Promise<void>((resolve) => this.#after(minPauseMs, resolve));
    });
  }

  /** Looks no more. */
  stop(): void {
    this.#isOver = true;
    for (const cancel of this.#waiting) cancel();
  }

  #after(ms: number, run: () => void): void {
    if (this.#isOver) return;
    const cancel = this.#options.timers.after(ms, () => {
      this.#waiting.delete(cancel);
      run();
    });
    this.#waiting.add(cancel);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(() => this.#isOver ? undefined : work()).catch(this.#options.failed);
  }

  /**
   * What comes meanwhile is reported at once: a leg that begins after the list was made is added to the snapshot, which would end it
   * otherwise; one that ends is removed.
   */
  async #look(): Promise<void> {
    const meanwhile = this.#meanwhile = new Map<string, string>();
    try {
      const legs = await this.#options.legs();
      const ids = new Set(legs.map(({ leg }) => leg));
      const added = [...meanwhile].filter(([leg, desk]) => desk !== "" && !ids.has(leg)).map(([leg, desk]) => ({ desk, leg }));
      this.#options.seen([...legs.filter(({ leg }) => meanwhile.get(leg) !== ""), ...added]);
    } finally {
      this.#meanwhile = undefined;
    }
  }
}
