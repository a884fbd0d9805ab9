/** What the drivers' probes and `telesetd doctor` have in common: the finding of a hop, its timing and its wording. */
import type { Hop, Suspect } from "../driver.ts";

/** The outcome of a hop; its name and its duration are added around it. */
export type Finding = Omit<Hop, "name" | "ms">;

/** The finding that all is well. */
export function good(message: string): Finding {
  return { verdict: "good", message };
}

/** The finding of something that may be a fault. @param advice what to do. */
export function warning(message: string, advice: string): Finding {
  return { verdict: "warning", message, advice };
}

/** The finding of a fault. @param advice what to do. @param suspect the setting that is probably wrong. */
export function failed(message: string, advice: string, suspect?: Suspect): Finding {
  return { verdict: "failed", message, advice, ...suspect === undefined ? {} : { suspect } };
}

/** A finding, and what it means for the hops after it. */
export interface Outcome extends Finding {
  /** Why they cannot be checked. */
  readonly lost?: string;
}

/** The outcome of a hop for which no time was left. */
export const outOfTime: Outcome = {
  ...failed(
    "The switch is too slow: not all checks were done in time.",
    "Check its load, and the round-trip time to it: ping it.",
  ),
  lost: "no time was left.",
};

/** Starts now. @returns the time since then, in ms with one decimal. */
export function stopwatch(clock: { now(): number }): () => number {
  const since = clock.now();
  return () => Math.round((clock.now() - since) * 10) / 10;
}

/** A hop that was not tried because of another. @param why a clause that ends with a full stop. */
export function skipped(name: string, why: string): Hop {
  return { name, ms: 0, ...notTried(why) };
}

/** The finding of a hop that was not tried. @param why see `skipped`. */
export function notTried(why: string): Finding {
  return { verdict: "skipped", message: `Not tried: ${why}`, advice: "Fix the failure above first." };
}

/** The hops with these names; the probe is stopped after the last of them. */
export async function* only(hops: AsyncIterable<Hop>, names: readonly string[]): AsyncGenerator<Hop> {
  let left = names.length;
  for await (const hop of hops) {
    if (!names.includes(hop.name)) continue;
    yield hop;
    if (--left === 0) return;
  }
}

/** The message of an error, which is a clause, as a sentence. The name of a host or program in front keeps its spelling. */
export function sentence(text: string): string {
  const first = /^(?:nothing|no|not|the|a|an|it|stopped)\b/.test(text) ? text.charAt(0).toUpperCase() : text.charAt(0);
  return `${first}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}
