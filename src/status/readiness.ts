/** Readiness of the box, with the same sentences as `telesetd status` if it is not ready. */
import { type Status, troubles } from "./status.ts";

/** The content of `/readyz`. */
export interface Readiness {
  /** Whether every desk's line is up, every phone is registered and the store works. */
  readonly ready: boolean;
  /** What is wrong, one sentence each; empty if the box is ready. */
  readonly troubles: readonly string[];
  /** Registered desks out of all desks. The box is ready even without registered agents. */
  readonly uwq: { readonly desks: number; readonly registered: number };
  /** Events that the CRM has not confirmed yet; the box is ready nevertheless. */
  readonly waiting: number;
}

/** Derives the readiness from the status. */
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

/** The readiness as text for people. */
export function readyText({ ready, troubles, uwq }: Readiness): string {
  const registrations = `UWQ: registered at ${uwq.registered} of ${uwq.desks} ${uwq.desks === 1 ? "desk" : "desks"}`;
  return `${[ready ? "ready" : "not ready", ...troubles, registrations].join("\n")}\n`;
}
