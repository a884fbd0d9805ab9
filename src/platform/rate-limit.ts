/** Rate limit per address: one token bucket each, in a map of bounded size. Pure except for its state. */

/** `perSecond`: tokens added per second, above 0. `burst`: tokens in a full bucket, at least 1. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * The maximum number of addresses remembered; beyond that the least recently used one is forgotten, which gives it a full
 * bucket.
 */
const maxAddresses = 1024;

/** Returns a function that takes a token of an address, at a monotonic time in ms, and returns whether there was one. */
export function rateLimit({ perSecond, burst }: Rate): (address: string, now: number) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (address, now) => {
    const before = buckets.get(address) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + Math.max(0, now - before.at) * perSecond / 1000);
    const granted = tokens >= 1;
    // Deleted first, so that the map is in order of last use.
    buckets.delete(address);
    buckets.set(address, { tokens: granted ? tokens - 1 : tokens, at: now });
    const oldest = buckets.size > maxAddresses ? buckets.keys().next() : undefined;
    if (oldest?.done === false) buckets.delete(oldest.value);
    return granted;
  };
}
