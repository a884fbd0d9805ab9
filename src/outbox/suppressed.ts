/** Calls whose ScreenPop was discarded and cannot have arrived: the CRM would not know the call that their other events name. */
import { callKey } from "./schedule.ts";
import type { OutboxEvent } from "./record.ts";

/** How many are remembered. A call is forgotten with its CallReleased, or when this number is exceeded. */
const maxSuppressedCalls = 1000;

/** The calls whose events are no longer delivered. */
export class SuppressedCalls {
  readonly #keys = new Set<string>();

  /** @param calls the suppressed calls on record. */
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

  /** The following events are delivered again. */
  delete(event: CallOf): void {
    this.#keys.delete(callKey(event));
  }
}

/** The parts of an event that name its call. */
type CallOf = { readonly desk: string; readonly event: { readonly call: string } };
