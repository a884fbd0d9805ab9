/** Time that passes on command of a test, and random numbers that it chooses. */
import { afterEach, beforeEach, jest } from "bun:test";
import { systemTimers, type Timers } from "../../src/platform/timers.ts";

/** The machine's time, which passes this many times faster: for what shares real sockets. */
export function fasterTimers(speed: number): Timers {
  return {
    now: () => systemTimers.now() * speed,
    after: (ms, run) => systemTimers.after(ms / speed, run),
    random: () => systemTimers.random(),
  };
}

/** In this file or `describe`, setTimeout and Date stand still until a test advances them with `jest`. */
export function standStill(): void {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Starts at 0 ms and stands still until `advance`. */
export class FakeTimers implements Timers {
  /** What `random` returns: in the middle, unless a test sets it. */
  chance = 0.5;
  #now = 0;
  /** In the order in which they are due; of those due together, the oldest first. */
  #waiting: Timer[] = [];
  /** Called once, when a timer is started or cancelled. */
  readonly #lookers: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), run };
    const next = this.#waiting.findIndex(({ at }) => at > timer.at);
    this.#waiting.splice(next < 0 ? this.#waiting.length : next, 0, timer);
    this.#look();
    return () => {
      this.#waiting = this.#waiting.filter((waiting) => waiting !== timer);
      this.#look();
    };
  }

  random(): number {
    return this.chance;
  }

  /** In how many ms each waiting timer is due, the next first. */
  get pending(): readonly number[] {
    return this.#waiting.map(({ at }) => at - this.#now);
  }

  /** Waits until something is due in exactly this many ms. */
  async due(ms: number): Promise<void> {
    while (!this.pending.includes(ms)) await new Promise<void>((resolve) => this.#lookers.push(resolve));
  }

  /**
   * Waits until what is due next is due in exactly this many ms, also when everything in progress in this turn of the event
   * loop is done; then lets them pass.
   */
  async pass(ms: number): Promise<void> {
    await turn();
    while (this.pending[0] !== ms) {
      await new Promise<void>((resolve) => this.#lookers.push(resolve));
      await turn();
    }
    this.advance(ms);
  }

  /** From now on, lets this many ms pass whenever what is due next is due in exactly as many. Never resolves. */
  async passEach(ms: number): Promise<never> {
    for (;;) await this.pass(ms);
  }

  /** Lets this many ms pass: runs what becomes due in its order, each at its own time, with what that starts in turn. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let [next] = this.#waiting; next && next.at <= end; [next] = this.#waiting) {
      this.#waiting.shift();
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  /** The process stands still for this many ms: then what has become due runs, once, before anything that has arrived. */
  stall(ms: number): void {
    this.#now += ms;
    for (const { run } of this.#waiting.splice(0, this.#waiting.findLastIndex(({ at }) => at <= this.#now) + 1)) run();
  }

  #look(): void {
    for (const look of this.#lookers.splice(0)) look();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
