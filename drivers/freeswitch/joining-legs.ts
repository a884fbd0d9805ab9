/**
 * Legs of a queue from the agent's answer until the caller is connected, some 50 ms. If the agent's status changes from Available
 * meanwhile, mod_callcenter hangs up (ORIGINATOR_CANCEL): its cc_agent_update ends every leg that still has the variable
 * cc_member_pre_answer_uuid. So such a change waits.
 */
import type { LegFacts } from "../../src/core/line.ts";
import type { Timers } from "../../src/platform/timers.ts";

/** How long a change waits at most, in ms. The variable is gone by then, even if an announcement keeps the caller waiting. */
export const maxJoinMs = 1000;

/** A leg that an agent has answered, until it ends. */
interface Answered {
  readonly desk: string;
  /** Settled when it is connected or has ended. */
  readonly joined: PromiseWithResolvers<void>;
}

/** The answered legs of queues on one connection. */
export class JoiningLegs {
  readonly #answered = new Map<string, Answered>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Handles the facts of a leg. */
  note({ leg, desk, queue, answered, farAnswered, ended }: LegFacts): void {
    if (queue && answered && !this.#answered.has(leg)) this.#answered.set(leg, { desk, joined: Promise.withResolvers() });
    if (ended || farAnswered) this.#answered.get(leg)?.joined.resolve();
    if (ended) this.#answered.delete(leg);
  }

  /** Resolves when the answered legs of this desk are connected or have ended, or the link is closed; soon in any case. */
  async joined(desk: string, closed: Promise<unknown>): Promise<void> {
    const legs = [...this.#answered.values()].filter((leg) => leg.desk === desk).map((leg) => leg.joined.promise);
    if (legs.length === 0) return;
    const late = Promise.withResolvers<void>();
    const cancel = this.#timers.after(maxJoinMs, late.resolve);
    await Promise.race([Promise.all(legs), closed, late.promise]).finally(cancel);
  }
}
