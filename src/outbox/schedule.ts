/**
 * When what is sent, and what is too old to be sent. Pure. The rules: the events of one call go in order, calls do not wait
 * for each other; a ScreenPop is useful for two minutes, the rest for a day.
 */
import type { CrmEvent } from "../core/crm.ts";

/** An event that the CRM has not confirmed. Times in ms of the daemon's steady clock. */
export interface OutboxEvent {
  readonly id: number;
  readonly desk: string;
  readonly agent: string;
  readonly event: CrmEvent;
  readonly created: number;
  readonly attempts: number;
  /** How many attempts the CRM has refused (3xx, 4xx). */
  readonly refusals: number;
  /** An attempt may have reached the CRM: a timeout, or a crash in the middle. */
  readonly reached: boolean;
  /** Not before. */
  readonly next: number;
  /** Why the last attempt failed. */
  readonly why?: string;
}

/** How long events live and how they are tried again. */
export interface DeliveryRules {
  /** How long a ScreenPop is useful, in ms. */
  readonly screenPopFor: number;
  /** How long the other events are, in ms. */
  readonly othersFor: number;
  /** How many refusals (3xx, 4xx) end an event. */
  readonly refusals: number;
  /** How many events may wait. */
  readonly atMost: number;
}

/** Two minutes, a day, three, ten thousand. */
export const deliveryRules: DeliveryRules = { screenPopFor: 120_000, othersFor: 24 * 3_600_000, refusals: 3, atMost: 10_000 };

/** What is to be done with the waiting events. */
export interface Due {
  /** To be sent now: the first of each call that has none on the way. */
  readonly send: readonly OutboxEvent[];
  /** To be retired, each with its reason. */
  readonly retire: readonly { readonly event: OutboxEvent; readonly why: string }[];
  /** When to look again, in ms; absent when nothing waits for time. */
  readonly lookAt?: number;
}

/**
 * Looks at all waiting events.
 * @param waiting in the order in which they came.
 * @param busy calls that have an event on the way.
 */
export function whatIsDue(waiting: readonly OutboxEvent[], busy: ReadonlySet<string>, now: number, rules: DeliveryRules): Due {
  const send: OutboxEvent[] = [];
  const retire: { event: OutboxEvent; why: string }[] = [];
  let lookAt = Infinity;
  for (const events of byCall(waiting).values()) {
    const [first] = events;
    if (!first || busy.has(callKey(first))) continue;
    const old = tooOld(first, now, rules);
    if (old !== undefined) {
      retire.push(
        ...followers(events, first).map((event) => ({
          event,
          why: event === first ? old : `its ScreenPop was not told: ${old}`,
        })),
      );
      // What is left of the call is looked at again at once.
      if (!(first.event.name === "ScreenPop" && !first.reached)) lookAt = now;
    } else if (first.next <= now) send.push(first);
    else lookAt = Math.min(lookAt, first.next, expiry(first, rules));
  }
  return { send, retire, ...(lookAt === Infinity ? {} : { lookAt }) };
}

/** The key of an event's call; ids of different desks' calls never meet, but a desk makes it certain. */
export function callKey({ desk, event }: Pick<OutboxEvent, "desk" | "event">): string {
  return `${desk}/${event.call}`;
}

/** The pause before the next attempt, in ms: doubling, jittered; short while a screen pop may still be of use. */
export function pauseAfter(attempts: number, age: number, random: number): number {
  const longest = age < 120_000 ? 5_000 : 60_000;
  return Math.min(longest, 250 * 2 ** Math.min(attempts, 20)) * (0.5 + random / 2);
}

function byCall(waiting: readonly OutboxEvent[]): Map<string, OutboxEvent[]> {
  const calls = new Map<string, OutboxEvent[]>();
  for (const event of waiting) {
    const key = callKey(event);
    const events = calls.get(key);
    if (events) events.push(event);
    else calls.set(key, [event]);
  }
  return calls;
}

function expiry({ event, created }: OutboxEvent, rules: DeliveryRules): number {
  return created + (event.name === "ScreenPop" ? rules.screenPopFor : rules.othersFor);
}

function tooOld(event: OutboxEvent, now: number, rules: DeliveryRules): string | undefined {
  if (event.refusals >= rules.refusals) return `the CRM refused it ${event.refusals} times: ${event.why ?? "no reason given"}`;
  if (now < expiry(event, rules)) return undefined;
  const lived = event.event.name === "ScreenPop" ? rules.screenPopFor : rules.othersFor;
  return `too old after ${lived / 1000} s; last attempt: ${event.why ?? "none was possible"}`;
}

/** A ScreenPop that cannot have reached the CRM takes the rest of its call with it: nobody would know what they are about. */
function followers(events: readonly OutboxEvent[], first: OutboxEvent): readonly OutboxEvent[] {
  return first.event.name === "ScreenPop" && !first.reached ? events : [first];
}
