/** Plays the steps of a recording at their times. */
import { setTimeout as sleep } from "node:timers/promises";

/** How a recording is played. */
export interface PlaybackOptions {
  /** 1 (the default): as recorded; 8: eight times faster; Infinity: no waiting. */
  readonly speed?: number;
  /** Called at each mark; the replay is paused until it is done. */
  readonly onMark?: (n: number, note: string) => void | Promise<void>;
}

/** Plays the steps, `t` in ms, until the signal is aborted. The time that a step takes delays those that follow. */
export async function playSteps<Step extends { readonly t: number }>(
  steps: readonly Step[],
  { speed = 1 }: PlaybackOptions,
  signal: AbortSignal,
  perform: (step: Step) => void | Promise<void>,
): Promise<void> {
  let zero = performance.now() - (steps[0]?.t ?? 0) / speed;
  for (const step of steps) {
    const ms = zero + step.t / speed - performance.now();
    if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const before = performance.now();
    await perform(step);
    zero += performance.now() - before;
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
