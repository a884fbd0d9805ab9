/**
 * When the live legs are listed again during a connection: a little after the connect, and after each unreadable event. One
 * snapshot at a time; requests soon after a snapshot share the next one.
 */
import type { LegFacts, LineEvent } from "../../src/core/line.ts";
import { pause, type Timers } from "../../src/platform/timers.ts";

/** The shortest pause between two requested snapshots, in ms: what strangers send must not keep the switch busy. */
export const minPauseMs = 1000;

/** What `SnapshotSchedule` needs from its session. */
export interface SnapshotScheduleOptions {
  readonly timers: Timers;
  /** Lists all live legs. */
  readonly legs: () => Promise<readonly LegFacts[]>;
  /** Takes a snapshot. */
  readonly seen: (legs: readonly LegFacts[]) => void;
  /** Requests everything else that may have changed when an event could not be read. */
  readonly others: () => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** The snapshots of one connection. */
export class SnapshotSchedule {
  readonly #options: SnapshotScheduleOptions;
  /** The legs reported during a snapshot, each with its desk, or "" if it has ended; undefined at other times. */
  #meanwhile: Map<string, string> | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isRequested = false;
  readonly #stop = new AbortController();

  constructor(options: SnapshotScheduleOptions) {
    this.#options = options;
  }

  /** Notes an event that arrives during a snapshot. */
  note(event: LineEvent): void {
    if (event.type === "leg-renamed") this.#meanwhile?.set(event.from, "").set(event.to, event.desk);
    if (event.type === "leg") this.#meanwhile?.set(event.facts.leg, event.facts.ended ? "" : event.facts.desk);
  }

  /** Takes a snapshot after this time, in ms. */
  later(ms: number): void {
    void this.#pause(ms).then(() => this.#inTurn(() => this.#takeSnapshot()));
  }

  /** Takes a snapshot and requests the rest, at once or soon: once for all requests that come before it starts. */
  repair(): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#inTurn(async () => {
      this.#isRequested = false;
      try {
        await this.#takeSnapshot();
        await this.#options.others();
      } finally {
        await this.#pause(minPauseMs);
      }
    });
  }

  /** Takes no more snapshots. */
  stop(): void {
    this.#stop.abort();
  }

  #pause(ms: number): Promise<void> {
    return pause(this.#options.timers, ms, this.#stop.signal);
  }

  #inTurn(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(() => this.#stop.signal.aborted ? undefined : work()).catch(this.#options.failed);
  }

  /**
   * Events that arrive meanwhile are reported at once. A leg that started after the list was made is added to the snapshot, which
   * would otherwise end it; a leg that ended is removed.
   */
  async #takeSnapshot(): Promise<void> {
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
