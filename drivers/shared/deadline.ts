/** Deadlines on what a peer sends. */

/**
 * Calls `late` after `ms`. A process that has stood still (a suspended box, a disk that hangs) finds its timers due before it
 * has read what came meanwhile, so the loop turns once more first.
 * @returns what cancels it.
 */
export function deadline(ms: number, late: () => void): () => void {
  let timer = setTimeout(() => {
    timer = setTimeout(late, 1);
  }, ms);
  return () => clearTimeout(timer);
}
