/** Numbers and durations in sentences. */

/** `1,204`. Intl would load its tables for it: 5 MB of a daemon's memory. */
export function thousands(n: number): string {
  return String(n).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 event`, `1,204 events`, `2 boxes`. */
export function count(n: number, what: string): string {
  const plural = what.endsWith("x") ? `${what}es` : `${what}s`;
  return `${thousands(n)} ${n === 1 ? what : plural}`;
}

/** A duration in the largest unit that fits twice: `3 minutes`. */
export function ago(ms: number): string {
  const units: [number, string][] = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"]];
  const [size, unit] = units.find(([size]) => Math.abs(ms) >= size * 2) ?? [1000, "second"];
  return count(Math.round(Math.abs(ms) / size), unit);
}
