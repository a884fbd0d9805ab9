/** Time and randomness as inputs, so that tests can run without waiting. */

/** A clock, timers and a source of random numbers. */
export interface Timers {
  /** Steady time in ms, from an arbitrary origin: only differences are meaningful. */
  now(): number;
  /**
   * Calls `run` once, after at least `ms`. A pending timer keeps the process alive.
   * @returns a function that cancels the timer; it does nothing afterwards.
   */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

/** The clock, timers and random numbers of the machine. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Waits, at most until the signal is aborted. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
