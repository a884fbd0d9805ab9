/** Time and chance as inputs: what waits, measures or rolls dice is given these, so that a test can run it without waiting. */

/** A clock to wait by, and a source of chance. */
export interface Timers {
  /** Steady time in ms, from an arbitrary origin: only differences have a meaning. */
  now(): number;
  /**
   * Calls `run` once, after `ms` at the earliest. While it waits, the process stays alive.
   * @returns cancels it; does nothing afterwards.
   */
  after(ms: number, run: () => void): () => void;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

/** The machine's own clock and chance. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
