/**
 * How often one address may ask: a token bucket for each, in a map of bounded size. Pure but for its memory.
 */

/** `perSecond`: tokens that come back each second, above 0. `burst`: tokens of a full bucket, at least 1. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How many addresses are remembered; beyond, the one that was quiet longest is forgotten, which gives it a full bucket. */
const remembered = 1024;

/** Returns what takes one token of an address at a time (milliseconds, never going back) and says whether there was one. */
export function rateLimit({ perSecond, burst }: Rate): (address: string, now: number) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (address, now) => {
    const before = buckets.get(address) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, before.tokens + Math.max(0, now - before.at) * perSecond / 1000);
    const granted = tokens >= 1;
    // Deleted first, so that the map's order is the order of last use.
    buckets.delete(address);
    buckets.set(address, { tokens: granted ? tokens - 1 : tokens, at: now });
    const oldest = buckets.size > remembered ? buckets.keys().next() : undefined;
    if (oldest?.done === false) buckets.delete(oldest.value);
    return granted;
  };
}
