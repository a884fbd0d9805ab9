/** Whether the box can do its work now, and if not, why: the same sentences as `telesetd status`. */
import { type Status, troubles } from "./status.ts";

/** What `/readyz` says. */
export interface Readiness {
  /** Every desk's line is up, every phone registered, the store fine. */
  readonly ready: boolean;
  /** What is not, in words; empty when the box is ready. */
  readonly troubles: readonly string[];
  /**
   * Where agents have logged in to UWQ: of so many desks, so many. A box where nobody has is ready all the same: nobody can
   * be told of calls before the agent is there.
   */
  readonly uwq: { readonly desks: number; readonly registered: number };
  /** Events that the CRM has not confirmed yet. They wait for the CRM, and are no reason not to be ready. */
  readonly waiting: number;
}

/** Reads it off the status. */
export function readiness(status: Status): Readiness {
  const wrong = troubles(status);
  const registered = status.desks.filter((desk) => desk.registered !== undefined).length;
  return {
    ready: wrong.length === 0,
    troubles: wrong,
    uwq: { desks: status.desks.length, registered },
    waiting: status.outbox.waiting,
  };
}

/** The same for people. */
export function readyText({ ready, troubles, uwq }: Readiness): string {
  const who = `UWQ: registered at ${uwq.registered} of ${uwq.desks} ${uwq.desks === 1 ? "desk" : "desks"}`;
  return `${[ready ? "ready" : "not ready", ...troubles, who].join("\n")}\n`;
}
