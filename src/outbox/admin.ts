/** The outbox for `telesetd outbox`: list events with their reasons, retry them, drop them. */
import { addressText } from "../core/crm.ts";
import { shortTime } from "../platform/local-time.ts";
import type { Courier } from "./courier.ts";
import type { Registrations } from "./registrations.ts";
import type { OutboxEvent, Recorded, Store } from "./record.ts";

/** An event as it is shown. Times in ISO 8601. */
export interface ShownEvent {
  readonly id: number;
  readonly state: "waiting" | "delivered" | "discarded";
  readonly event: string;
  readonly call: string;
  readonly desk: string;
  readonly agent: string;
  /** Where it is sent; absent while its agent has no address. */
  readonly to?: string;
  readonly created: string;
  readonly attempts: number;
  /** The earlier event of its call that must be delivered first. */
  readonly waitsFor?: number;
  /** Why the last attempt failed, or why the event was discarded. */
  readonly why?: string;
  readonly next?: string;
  readonly ended?: string;
}

/** How many events are read from the store in one turn of the event loop, and how many are retried. */
const pageSize = 25;
const retriesInTurn = 20;

/** The result of a command about one event: the event as it is now, or a sentence. */
export type Outcome = { readonly event: ShownEvent } | { readonly status: 404 | 409; readonly why: string };

/** The result of `retry --all`. */
export interface RetriedAll {
  /** The number of events that are retried. */
  readonly retried: number;
  /** True if the outbox had no room for more discarded events. */
  readonly full: boolean;
}

/** What it needs. */
export interface OutboxDeskOptions {
  readonly store: Pick<Store, "list" | "discarded" | "get" | "retry">;
  readonly courier: Courier;
  readonly now: () => number;
  readonly registrations: Pick<Registrations, "addressFor">;
}

/** Serves `telesetd outbox`. */
export class OutboxDesk {
  readonly #options: OutboxDeskOptions;

  constructor(options: OutboxDeskOptions) {
    this.#options = options;
  }

  /** The waiting events, or, with `all`, also the settled ones: page by page, the newest first. */
  *pages(all: boolean): Generator<ShownEvent[]> {
    const { store } = this.#options;
    for (let page = store.list(all, pageSize); page.length > 0; page = store.list(all, pageSize, page.at(-1)?.id)) {
      yield page.map((event) => this.#shown(event));
    }
  }

  /** One event with its data; undefined if it does not exist. */
  show(id: number): (ShownEvent & { readonly data: unknown }) | undefined {
    const { store, courier } = this.#options;
    const event = courier.get(id) ?? store.get(id);
    return event && { ...this.#shown(event), data: event.event };
  }

  /** Retries an event at once, whether it is waiting or was discarded. */
  retry(id: number): Outcome {
    const { store, courier } = this.#options;
    const waiting = courier.get(id);
    const event = waiting ? { ...waiting, next: 0 } : this.#retryDiscarded(store.get(id));
    if (!event) return this.#refusal(id, "retry");
    courier.requeue([event]);
    return { event: shown(event) };
  }

  #retryDiscarded(event: Recorded | undefined): OutboxEvent | undefined {
    const { store, now, registrations } = this.#options;
    return event && store.retry(event.id, now(), registrations.addressFor(event));
  }

  /**
   * Retries all waiting and discarded events, the oldest first, so that calls keep their order; some in each turn of the
   * event loop, and no more than the outbox holds: the rest would push out waiting events.
   */
  async retryAll(): Promise<RetriedAll> {
    const { store, courier, now } = this.#options;
    let retried = courier.status().waiting;
    courier.retryNow();
    const began = now();
    for (let after = 0;;) {
      const page = store.discarded(after, Math.min(retriesInTurn, Math.max(1, courier.room())));
      const last = page.at(-1);
      if (!last) return { retried, full: false };
      if (courier.room() === 0) return { retried, full: true };
      after = last.id;
      // An event that is discarded meanwhile is not retried twice.
      const events = page.filter(({ ended = 0 }) => ended <= began).flatMap((event) => this.#retryDiscarded(event) ?? []);
      retried += events.length;
      courier.requeue(events);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Discards a waiting event. */
  drop(id: number): Outcome {
    const { courier } = this.#options;
    const event = courier.get(id);
    if (!event || !courier.drop(id)) return this.#refusal(id, "drop");
    return { event: { ...shown(event), state: "discarded", why: "dropped by the administrator" } };
  }

  #shown(event: Recorded): ShownEvent {
    const first = event.settlement === undefined ? this.#options.courier.firstOfCall(event) : undefined;
    return { ...shown(event), ...(first === undefined || first >= event.id ? {} : { waitsFor: first }) };
  }

  /** Why there is nothing to retry or drop. */
  #refusal(id: number, what: "retry" | "drop"): Outcome {
    const event = this.#options.store.get(id);
    if (!event || event.ended === undefined) return { status: 404, why: noSuchEvent };
    const ended = `${event.settlement === "delivered" ? "delivered" : "discarded"} at ${shortTime(new Date(event.ended))}`;
    return { status: 409, why: `Event ${id} was ${ended}: nothing to ${what}.` };
  }
}

/** The answer about an event that is not on record. */
export const noSuchEvent = "There is no such event in the outbox: see telesetd outbox list --all";

function shown(event: Recorded): ShownEvent {
  const { id, desk, agent, to, created, attempts, why, settlement, ended, next } = event;
  return {
    id,
    state: settlement ?? "waiting",
    event: event.event.name,
    call: event.event.call,
    desk,
    agent,
    ...(to ? { to: addressText(to) } : {}),
    created: new Date(created).toISOString(),
    attempts,
    ...(why === undefined || why === "" ? {} : { why }),
    ...(settlement === undefined && next > created ? { next: new Date(next).toISOString() } : {}),
    ...(ended === undefined ? {} : { ended: new Date(ended).toISOString() }),
  };
}
