/** How long to wait between two attempts to connect. */

/** The shortest pause before the next attempt, and the usual longest one, in ms. */
export const shortestPause = 500;
export const longestPause = 30_000;

/** The pause before attempt number `attempt` (from 0), in ms: full jitter, so that a hundred boxes do not connect at once. */
export function pauseBefore(attempt: number, random: number, longest = longestPause): number {
  return shortestPause + random * (Math.min(longest, shortestPause * 2 ** (attempt + 1)) - shortestPause);
}
