/** Calls whose ScreenPop was discarded and cannot have arrived: nobody would know what the rest of such a call is about. */
import { callKey } from "./schedule.ts";
import type { OutboxEvent } from "./record.ts";

/** How many are remembered; the CallReleased of a call makes it forgotten sooner. */
const maxSuppressedCalls = 1000;

/** The calls of which nothing more is delivered. */
export class SuppressedCalls {
  readonly #keys = new Set<string>();

  /** @param calls those that are known from before. */
  constructor(calls: Iterable<{ readonly desk: string; readonly call: string }>) {
    for (const { desk, call } of calls) this.#keys.add(callKey({ desk, event: { call } }));
  }

  /** Whether this event's call is one of them. */
  has(event: CallOf): boolean {
    return this.#keys.has(callKey(event));
  }

  /** An event will not be delivered. `mayHaveArrived`: an attempt may have reached the CRM. */
  note(event: Pick<OutboxEvent, "desk" | "event">, mayHaveArrived: boolean): void {
    const { name } = event.event;
    if (name === "CallReleased") this.delete(event);
    if (name !== "ScreenPop" || mayHaveArrived) return;
    this.#keys.add(callKey(event));
    const [oldest] = this.#keys;
    if (this.#keys.size > maxSuppressedCalls && oldest !== undefined) this.#keys.delete(oldest);
  }

  /** What follows may be delivered again. */
  delete(event: CallOf): void {
    this.#keys.delete(callKey(event));
  }
}

/** As much of an event as says which call it is about. */
type CallOf = { readonly desk: string; readonly event: { readonly call: string } };
