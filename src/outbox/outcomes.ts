/**
 * The outcome of an event: it is delivered, waits for another attempt, or is discarded; on record, in the counters and in the
 * log.
 */
import { type Address, addressText, type Delivery } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import type { EventResult, Metrics } from "../metrics/metrics.ts";
import type { Posts } from "./posts.ts";
import { pauseAfter, readdressed } from "./schedule.ts";
import type { SuppressedCalls } from "./suppressed.ts";
import type { Waiting, WaitingCall } from "./waiting.ts";
import type { OutboxEvent, Store } from "./record.ts";

/** Where outcomes are noted, and what that needs. */
export interface OutcomeOptions {
  readonly store: Pick<Store, "update" | "settle">;
  /** Steady ms. */
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** The courier's own parts that an outcome changes. */
interface Parts {
  readonly waiting: Waiting;
  readonly posts: Posts;
  readonly suppressedCalls: SuppressedCalls;
}

/** Notes the outcomes. */
export class Outcomes {
  readonly #options: OutcomeOptions & Parts;

  constructor(options: OutcomeOptions & Parts) {
    this.#options = options;
  }

  /** The CRM has confirmed an event; `note`: what it answered if that was an error. */
  delivered(event: OutboxEvent, note: string | undefined): void {
    const { now, store, metrics, waiting } = this.#options;
    waiting.delete(event);
    store.settle(event.id, "delivered", note ?? "", now());
    metrics?.confirmed(event.event.name, (now() - event.created) / 1000, note !== undefined);
    const { log } = this.#options;
    const fields = { ...nameOf(event), attempt: event.attempts };
    // The end of the call has just been logged: only a late CallReleased is news.
    const isRoutine = event.event.name === "CallReleased" && event.attempts === 1;
    if (note === undefined) log[isRoutine ? "debug" : "info"]("Delivered to the CRM", fields);
    else log.warning("Delivered to the CRM, which answered with an error", { ...fields, answer: note });
  }

  /** An attempt has failed. `moved`: it was aborted because the agent has a new address. */
  failed(event: OutboxEvent, delivery: Exclude<Delivery, { outcome: "done" }>, to: Address, moved: boolean): void {
    const { now, random, store, log, waiting } = this.#options;
    const place = addressText(to);
    // Every event fails for the same reason, at every attempt: one line, with a count.
    log.rarely(`${place} ${delivery.why}`).warning("Cannot deliver to the CRM yet", {
      ...nameOf(event),
      to: place,
      attempt: event.attempts,
      why: delivery.why,
    });
    // Discarded during the attempt (the agent has unregistered): it stays discarded.
    if (!waiting.get(event.id)) return;
    const tried = { ...event, reached: event.reached || delivery.reached, why: delivery.why };
    const tries = event.attempts - (event.elsewhere ?? 0);
    const later = moved ? readdressed(tried) : {
      ...tried,
      refusals: event.refusals + (delivery.outcome === "refused" ? 1 : 0),
      next: now() + pauseAfter(tries, now() - event.created, random()),
    };
    waiting.put(later);
    store.update(later, false);
  }

  /** Discards a waiting event. */
  discard(event: OutboxEvent, call: WaitingCall, why: string, result: EventResult = "discarded"): void {
    this.forget(event, call, result);
    this.#options.store.settle(event.id, "discarded", why, this.#options.now());
    // Thousands may be discarded for the same reason: all of them are on record.
    this.#options.log.rarely(`discarded: ${why}`, 20).warning("Gave up delivering an event", { ...nameOf(event), why });
  }

  /** Forgets an event that the store has discarded, or will. */
  forget(event: OutboxEvent, call: WaitingCall, result: EventResult): void {
    this.count(event, result);
    this.#options.suppressedCalls.note(event, event.reached || call.busy);
    this.#options.waiting.delete(event);
  }

  /** Counts a result; while a POST of the event is on the way, only if that fails too. */
  count(event: OutboxEvent, result: EventResult): void {
    const post = this.#options.posts.get(event.id);
    if (post) post.result = result;
    else this.#options.metrics?.events.add(event.event.name, result);
  }
}

function nameOf(
  { desk, event: { call, name } }: OutboxEvent,
): { readonly desk: string; readonly call: string; readonly event: string } {
  return { desk, call, event: name };
}
