/** How long a driver waits between two attempts. */

/** The shortest and the longest pause before the next attempt to connect, in ms. */
export const shortestPause = 500;
export const longestPause = 30_000;

/** The pause before attempt number `attempt` (from 0), in ms: full jitter, so that a hundred boxes do not connect at once. */
export function pauseBefore(attempt: number, random: number, longest = longestPause): number {
  return shortestPause + random * (Math.min(longest, shortestPause * 2 ** (attempt + 1)) - shortestPause);
}
