/**
 * When an event is sent, and when it is too old to be sent. Pure. The rules: the events of one call go in order, calls do not wait
 * for each other; a ScreenPop is useful for two minutes, the rest for a day.
 */
import { count } from "../core/count.ts";
import type { OutboxEvent } from "./record.ts";

/** How long events live and how they are tried again. */
export interface DeliveryRules {
  /** How long a ScreenPop is useful, in ms. */
  readonly screenPopFor: number;
  /** How long the other events are, in ms. */
  readonly othersFor: number;
  /** How many refusals (3xx, 4xx) end an event. */
  readonly refusals: number;
  /** How many events may wait. */
  readonly maxEvents: number;
}

/** Two minutes, a day, three, ten thousand. */
export const deliveryRules: DeliveryRules = { screenPopFor: 120_000, othersFor: 24 * 3_600_000, refusals: 3, maxEvents: 10_000 };

/** What is to be done with a call whose first event is not on the way. Times in ms. */
export type Due =
  /** Send that event; from `until` on it is too old. */
  | { readonly type: "send"; readonly until: number }
  /** Look again then. */
  | { readonly type: "wait"; readonly until: number }
  /** Discard that event. */
  | { readonly type: "discard"; readonly why: string };

/**
 * Looks at the first of a call's events.
 * @param why the reason why nothing can be sent, where that is not the failure of an attempt.
 */
export function whatIsDue(first: OutboxEvent, now: number, rules: DeliveryRules, why?: string): Due {
  const old = tooOld(first, now, rules, why);
  if (old !== undefined) return { type: "discard", why: old };
  const end = expiry(first, rules);
  return first.next <= now ? { type: "send", until: end } : { type: "wait", until: Math.min(first.next, end) };
}

/** An event whose agent has a new address: there it is tried at once, as if for the first time. */
export function readdressed(event: OutboxEvent): OutboxEvent {
  return { ...event, elsewhere: event.attempts, refusals: 0, next: 0 };
}

/** The key of an event's call; ids of different desks' calls never meet, but a desk makes it certain. */
export function callKey({ desk, event }: { readonly desk: string; readonly event: { readonly call: string } }): string {
  return `${desk}/${event.call}`;
}

/** The pause before the next attempt, in ms: doubling, jittered; short while a screen pop may still be of use. */
export function pauseAfter(attempts: number, age: number, random: number): number {
  const longest = age < 120_000 ? 5_000 : 60_000;
  return Math.min(longest, 250 * 2 ** Math.min(attempts, 20)) * (0.5 + random / 2);
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
  return `too old after ${lived / 1000} s; last attempt: ${why ?? event.why ?? "none was possible"}`;
}
