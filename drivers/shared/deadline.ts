/** Deadlines on what a peer sends. */
import type { Timers } from "../../src/platform/timers.ts";

/** How long a process that has stood still may take to read what came meanwhile, in ms: one more turn of the event loop. */
const graceMs = 1;

/**
 * Calls `late` after `ms`. A process that was suspended (a sleeping box, a disk that hangs) finds its timers due before it has
 * read what arrived meanwhile, so the event loop turns once more first.
 * @returns a function that cancels it.
 */
export function deadline(timers: Timers, ms: number, late: () => void): () => void {
  let cancel = timers.after(ms, () => cancel = timers.after(graceMs, late));
  return () => cancel();
}
