/**
 * The outbox as the loop sees it: it takes a change of a desk, decides which of its events are sent at once, writes all of it in
 * one transaction, and sends. The loop reads nothing from it before the commit, and is not called back.
 */
import type { Desk } from "../core/desk.ts";
import type { Arrival } from "../core/destination.ts";
import type { Effect } from "../core/input.ts";
import type { Log } from "../log/log.ts";
import type { Courier } from "./courier.ts";
import type { NewEvent, Store } from "./record.ts";

/** What it needs. */
export interface OutboxOptions {
  readonly store: Pick<Store, "commit">;
  readonly courier: Courier;
  /** Steady ms. */
  readonly now: () => number;
  readonly log: Log;
}

/** One step's change of a desk. */
export interface DeskChange {
  readonly desk: Desk;
  /** Only `send`, `discard` and `record` are carried out here. */
  readonly effects: readonly Effect[];
  /** The Register that caused the step. */
  readonly arrival?: Arrival;
}

/** Takes the changes of desks. */
export class Outbox {
  readonly #options: OutboxOptions;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Writes a change and sends its events. */
  commit({ desk, effects, arrival }: DeskChange): void {
    const { store, courier, now, log } = this.#options;
    const { extension } = desk;
    const send = this.#newEvents(extension, effects.filter((effect) => effect.type === "send"));
    const discard = effects.filter((effect) => effect.type === "discard");
    for (const { agent, why } of discard) {
      courier.withdrawAll(extension, agent);
      log.info("Discarded the pending events of an agent", { desk: extension, agent, why });
    }
    const calls = effects.flatMap((effect) => effect.type === "record" ? [effect.call] : []);
    const moved = arrival ? courier.arrived(extension, arrival) : [];
    const added = store.commit({ desk, send, discard, calls, moved }, now());
    if (added.length > 0) courier.add(added);
    else if (arrival) courier.sendDue();
  }

  /** The first event of a call that has none waiting starts at once: its first attempt is noted in the same write. */
  #newEvents(desk: string, effects: readonly Extract<Effect, { type: "send" }>[]): NewEvent[] {
    const { courier, log } = this.#options;
    const calls = new Set<string>();
    return effects.map(({ type: _, ...sent }): NewEvent => {
      const event = { ...sent, desk };
      const { undeliverable: why, event: { name, call } } = event;
      if (why !== undefined) {
        courier.discardNew(event);
        log.warning("Discarded an event that cannot be delivered", { desk, event: name, call, why });
        return event;
      }
      const startNow = !calls.has(call) && courier.canSendNow(event);
      calls.add(call);
      return { ...event, startNow };
    });
  }

  /** Whether an event of this desk waits. */
  holds(desk: string): boolean {
    return this.#options.courier.holds(desk);
  }

  /** See `Courier.withdraw`. */
  withdraw(desk: string, agent: string, why: string): Promise<void> | undefined {
    return this.#options.courier.withdraw(desk, agent, why);
  }
}
