/** Which agent is registered at which desk, at which address: the loop notes it; the loop and the outbox read it. */
import type { Address, Registration } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import { addressOf, isSameAddress } from "../core/destination.ts";
import type { OutboxEvent } from "./record.ts";

/** The registrations of all desks, including desks that are no longer served. */
export class Registrations {
  readonly #desks = new Map<string, { readonly registration: Registration; readonly at: number }>();

  /** Notes the registration of a desk. */
  note({ extension, registration, registeredAt = 0 }: Pick<Desk, "extension" | "registration" | "registeredAt">): void {
    if (registration) this.#desks.set(extension, { registration, at: registeredAt });
    else this.#desks.delete(extension);
  }

  /** Forgets a desk. */
  forget(extension: string): void {
    this.#desks.delete(extension);
  }

  /** The registration at a desk; undefined if no agent is registered. */
  at(extension: string): Registration | undefined {
    return this.#desks.get(extension)?.registration;
  }

  /**
   * The address of a discarded event that is sent again: that of its agent, registered at its desk or else at the desk of the
   * latest Register; else the old address, unless another agent has that now. Undefined while the address is unknown.
   */
  addressFor({ desk, agent, to }: Pick<OutboxEvent, "desk" | "agent" | "to">): Address | undefined {
    const all = [...this.#desks].map(([extension, { registration, at }]) => ({
      registration,
      at: extension === desk ? Infinity : at,
    }));
    const own = all.filter(({ registration }) => registration.agent === agent).sort((a, b) => b.at - a.at)[0];
    if (own) return addressOf(own.registration);
    return all.some(({ registration }) => isSameAddress(registration, to)) ? undefined : to;
  }
}
