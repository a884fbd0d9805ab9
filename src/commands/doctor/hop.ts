/** A hop as the doctor shows it, and how one is tried. */
import type { Hop } from "../../../drivers/registry.ts";

/** A hop with what else is worth reading, a line each. */
export interface ShownHop extends Hop {
  readonly details?: readonly string[];
}

/** What trying a hop has come to; its name and time are added around it. */
export type Found = Omit<ShownHop, "name" | "ms">;

/** Tries a hop. What nobody has foreseen is a failure of that hop, not of the whole run. */
export async function tried(name: string, work: () => Found | Promise<Found>): Promise<ShownHop> {
  const since = performance.now();
  let found: Found;
  try {
    found = await work();
  } catch (error) {
    const says = `Cannot look: ${error instanceof Error ? error.message : String(error)}.`;
    found = { verdict: "failed", says, next: "Run it as root; if that does not help, report it with this line." };
  }
  return { name, ...found, ms: Math.round((performance.now() - since) * 10) / 10 };
}

/** A finding with further details below it. */
export function withDetails(found: Found, details: readonly string[]): Found {
  return details.length === 0 ? found : { ...found, details: [...found.details ?? [], ...details] };
}

/** A hop that cannot be tried because of another. */
export function skipped(name: string, why: string): ShownHop {
  return { name, ms: 0, ...notTried(why) };
}

/** What comes of a hop that cannot be tried. */
export function notTried(why: string): Found {
  return { verdict: "skipped", says: `Not tried: ${why}`, next: "Mend what is said above first." };
}

/** A time that has passed, as people say it: `3 minutes`. */
export function ago(ms: number): string {
  const units: [number, string][] = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"]];
  const [size, unit] = units.find(([size]) => Math.abs(ms) >= size * 2) ?? [1000, "second"];
  const count = Math.max(0, Math.round(Math.abs(ms) / size));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
