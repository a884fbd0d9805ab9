/** The outbox as an administrator handles it: what waits and what was given up, why, and trying it once more. */
import type { Address } from "../core/crm.ts";
import type { Recorded, Store } from "../store.ts";
import type { Courier } from "./courier.ts";
import type { OutboxEvent } from "./schedule.ts";

/** An event as it is shown. Times in ISO 8601. */
export interface ShownEvent {
  readonly id: number;
  readonly state: "waiting" | "told" | "retired";
  readonly event: string;
  readonly call: string;
  readonly desk: string;
  readonly agent: string;
  /** Where it goes; absent while its agent has no address. */
  readonly to?: string;
  readonly created: string;
  readonly attempts: number;
  /** Why the last attempt failed, or why it was given up. */
  readonly why?: string;
  readonly next?: string;
  readonly ended?: string;
}

/** The most rows that a list shows. */
const longestList = 500;

/** What it works with. */
export interface OutboxDeskOptions {
  readonly store: Pick<Store, "list" | "get" | "retry">;
  readonly courier: Courier;
  readonly now: () => number;
  /** Where a discarded event goes when it is sent again. */
  readonly addressFor: (event: Pick<OutboxEvent, "desk" | "agent" | "to">) => Address | undefined;
}

/** What `telesetd outbox` speaks to. */
export class OutboxDesk {
  readonly #options: OutboxDeskOptions;
  readonly #store: OutboxDeskOptions["store"];
  readonly #courier: Courier;

  constructor(options: OutboxDeskOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#courier = options.courier;
  }

  /** What waits, or, with `all`, also what has ended; the newest first, at most 500. */
  list(all: boolean): ShownEvent[] {
    return this.#store.list(all, longestList).map(shown);
  }

  /** One event with its data; nothing when there is none. */
  show(id: number): (ShownEvent & { readonly data: unknown }) | undefined {
    const event = this.#courier.get(id) ?? this.#store.get(id);
    return event && { ...shown(event), data: event.event };
  }

  /** Sends an event once more, at once: one that waits, or one that was given up. Nothing when it was told, or is not there. */
  retry(id: number): ShownEvent | undefined {
    const waiting = this.#courier.get(id);
    const event = waiting ? { ...waiting, next: 0 } : this.#retryDiscarded(id);
    if (event) this.#courier.again(event);
    return event && shown(event);
  }

  #retryDiscarded(id: number): OutboxEvent | undefined {
    const event = this.#store.get(id);
    return event && this.#store.retry(id, this.#options.now(), this.#options.addressFor(event));
  }

  /** Sends all that waits or was given up once more; returns how many. Oldest first, so that calls keep their order. */
  retryAll(): number {
    const given = this.#store.list(true, longestList).filter(({ ending }) => ending !== "told").reverse();
    return given.filter(({ id }) => this.retry(id) !== undefined).length;
  }

  /** Gives an event up; nothing when it does not wait. */
  drop(id: number): ShownEvent | undefined {
    const event = this.#courier.get(id);
    return event && this.#courier.drop(id)
      ? { ...shown(event), state: "retired", why: "dropped by the administrator" }
      : undefined;
  }
}

function shown(event: Recorded): ShownEvent {
  const { id, desk, agent, to, created, attempts, why, ending, ended, next } = event;
  return {
    id,
    state: ending ?? "waiting",
    event: event.event.name,
    call: event.event.call,
    desk,
    agent,
    ...(to ? { to: placeOf(to) } : {}),
    created: new Date(created).toISOString(),
    attempts,
    ...(why === undefined || why === "" ? {} : { why }),
    ...(ending === undefined && next > created ? { next: new Date(next).toISOString() } : {}),
    ...(ended === undefined ? {} : { ended: new Date(ended).toISOString() }),
  };
}

function placeOf({ address, port }: Address): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
