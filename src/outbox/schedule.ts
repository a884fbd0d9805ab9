/**
 * When an event is sent, and when it is too old to be sent. Pure. The events of one call are sent in order, calls do not wait for
 * each other; a ScreenPop is useful for two minutes, the other events for a day.
 */
import { count } from "../core/count.ts";
import type { OutboxEvent } from "./record.ts";

/** How long events are useful, and how often they are tried. */
export interface DeliveryRules {
  /** How long a ScreenPop is useful, in ms. */
  readonly screenPopFor: number;
  /** How long the other events are useful, in ms. */
  readonly othersFor: number;
  /** The number of refusals (3xx, 4xx) after which an event is discarded. */
  readonly refusals: number;
  /** How many events may wait. */
  readonly maxEvents: number;
}

/** The defaults. */
export const deliveryRules: DeliveryRules = { screenPopFor: 120_000, othersFor: 24 * 3_600_000, refusals: 3, maxEvents: 10_000 };

/** What to do with the first event of a call. Times in ms. */
export type Due =
  /** Send it; from `until` on it is too old. */
  | { readonly type: "send"; readonly until: number }
  /** Check again at `until`. */
  | { readonly type: "wait"; readonly until: number }
  /** Discard it. */
  | { readonly type: "discard"; readonly why: string };

/**
 * Decides what to do with the first event of a call that is not on the way.
 * @param why why nothing can be sent at all, unless an attempt has failed.
 */
export function whatIsDue(first: OutboxEvent, now: number, rules: DeliveryRules, why?: string): Due {
  const old = tooOld(first, now, rules, why);
  if (old !== undefined) return { type: "discard", why: old };
  const end = expiry(first, rules);
  return first.next <= now ? { type: "send", until: end } : { type: "wait", until: Math.min(first.next, end) };
}

/** An event whose agent has a new address, where it is tried at once, as if for the first time. */
export function readdressed(event: OutboxEvent): OutboxEvent {
  return { ...event, elsewhere: event.attempts, refusals: 0, next: 0 };
}

/** The key of an event's call. The desk is a part of it, although calls of different desks have different ids. */
export function callKey({ desk, event }: { readonly desk: string; readonly event: { readonly call: string } }): string {
  return `${desk}/${event.call}`;
}

/** The pause before the next attempt, in ms: doubling, with jitter; short while a ScreenPop may still be useful. */
export function pauseAfter(attempts: number, age: number, random: number): number {
  const maxPause = age < 120_000 ? 5_000 : 60_000;
  return Math.min(maxPause, 250 * 2 ** Math.min(attempts, 20)) * (0.5 + random / 2);
}

function expiry({ event, created }: OutboxEvent, rules: DeliveryRules): number {
  return created + (event.name === "ScreenPop" ? rules.screenPopFor : rules.othersFor);
}

function tooOld(event: OutboxEvent, now: number, rules: DeliveryRules, why: string | undefined): string | undefined {
  if (event.refusals >= rules.refusals) {
    return `the CRM refused it ${count(event.refusals, "time")}: ${event.why ?? "no reason given"}`;
  }
  if (now < expiry(event, rules)) return undefined;
  const lived = event.event.name === "ScreenPop" ? rules.screenPopFor : rules.othersFor;
  return `too old after ${lived / 1000} s; last attempt: ${why ?? event.why ?? "no attempt was possible"}`;
}
