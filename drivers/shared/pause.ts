/** How long a driver waits between two tries. */

/** The shortest and the longest pause before the next try to connect, in ms. */
export const shortestPause = 500;
export const longestPause = 30_000;

/** The pause before try number `attempt` (from 0): full jitter, so that a hundred boxes do not knock at once. */
export function pauseBefore(attempt: number, random: number): number {
  const longest = Math.min(longestPause, shortestPause * 2 ** (attempt + 1));
  return shortestPause + random * (longest - shortestPause);
}

/** Waits so many ms, or until the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
