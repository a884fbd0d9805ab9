/** The outbox as an administrator handles it: what waits and what was given up, why, and trying it once more. */
import type { Recorded, Store } from "../store.ts";
import type { Courier } from "./courier.ts";

/** An event as it is shown. Times in ISO 8601. */
export interface ShownEvent {
  readonly id: number;
  readonly state: "waiting" | "told" | "retired";
  readonly event: string;
  readonly call: string;
  readonly desk: string;
  readonly agent: string;
  readonly created: string;
  readonly attempts: number;
  /** Why the last attempt failed, or why it was given up. */
  readonly why?: string;
  readonly next?: string;
  readonly ended?: string;
}

/** The most rows that a list shows. */
const longestList = 500;

/** What `telesetd outbox` speaks to. */
export class OutboxDesk {
  readonly #store: Pick<Store, "list" | "get" | "retry">;
  readonly #courier: Courier;
  readonly #now: () => number;

  constructor(
    parts: { readonly store: Pick<Store, "list" | "get" | "retry">; readonly courier: Courier; readonly now: () => number },
  ) {
    this.#store = parts.store;
    this.#courier = parts.courier;
    this.#now = parts.now;
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
    const event = waiting ? { ...waiting, next: 0 } : this.#store.retry(id, this.#now());
    if (event) this.#courier.again(event);
    return event && shown(event);
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
  const { id, desk, agent, created, attempts, why, ending, ended, next } = event;
  return {
    id,
    state: ending ?? "waiting",
    event: event.event.name,
    call: event.event.call,
    desk,
    agent,
    created: new Date(created).toISOString(),
    attempts,
    ...(why === undefined || why === "" ? {} : { why }),
    ...(ending === undefined && next > created ? { next: new Date(next).toISOString() } : {}),
    ...(ended === undefined ? {} : { ended: new Date(ended).toISOString() }),
  };
}
