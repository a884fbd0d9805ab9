/** Who is registered at which desk, and where: the loop notes it, the loop and the outbox read it. */
import type { Address, Registration } from "../core/crm.ts";
import type { Desk } from "../core/desk.ts";
import { addressOf, isSameAddress } from "../core/destination.ts";
import type { OutboxEvent } from "./record.ts";

/** The registrations of all desks, those that are not served any more among them. */
export class Registrations {
  readonly #desks = new Map<string, { readonly registration: Registration; readonly at: number }>();

  /** Notes who is registered at a desk now. */
  note({ extension, registration, registeredAt = 0 }: Pick<Desk, "extension" | "registration" | "registeredAt">): void {
    if (registration) this.#desks.set(extension, { registration, at: registeredAt });
    else this.#desks.delete(extension);
  }

  /** Forgets a desk. */
  forget(extension: string): void {
    this.#desks.delete(extension);
  }

  /** Who is registered at a desk; nothing when nobody is. */
  at(extension: string): Registration | undefined {
    return this.#desks.get(extension)?.registration;
  }

  /**
   * Where a discarded event goes when it is sent again: to where its agent is registered, at its desk or else at the desk of the
   * latest Register; else to its old address, unless another agent has that now. Nowhere while the address is unknown.
   */
  addressFor({ desk, agent, to }: Pick<OutboxEvent, "desk" | "agent" | "to">): Address | undefined {
    const all = [...this.#desks].map(([extension, { registration, at }]) => ({
      registration,
      at: extension === desk ? Infinity : at,
    }));
    const own = all.filter(({ registration }) => registration.agent === agent).sort((one, other) => other.at - one.at)[0];
    if (own) return addressOf(own.registration);
    return all.some(({ registration }) => isSameAddress(registration, to)) ? undefined : to;
  }
}
