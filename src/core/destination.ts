/**
 * Where the events of an agent's calls go: to the address that the agent had registered when the call began, or to a newer
 * one of the same agent at any desk of the box. Another agent who registers changes that only if the address itself changes hands.
 */
import type { Address, Registration } from "./crm.ts";

/**
 * Where an event goes. Null: another agent's UWQ has the address now, so the event waits for its own agent's next Register.
 * Undefined: nowhere, because its agent has unregistered.
 */
export type Destination = Address | null | undefined;

/** What is owed to an agent: a call, or an event that waits. */
interface Owed {
  readonly agent: string | null;
  readonly to?: Destination;
}

/** A Register, as another desk or the outbox of a desk sees it. */
export interface Arrival {
  /** Who has registered where, at whichever desk. */
  readonly registration: Registration;
  /** Who is registered where at the desk that looks; null when there is none. */
  readonly atDesk: Registration | null;
}

/** Why an event waits whose address another agent's UWQ has now. */
export function takenBy(agent: string): string {
  return `agent ${agent} has registered at this address; it waits for its own agent's next Register`;
}

/** Why nothing more goes to an agent who was registered at a desk. */
export function unregistered(agent: string, desk: string): string {
  return `agent ${agent} has unregistered from desk ${desk}`;
}

/** The address alone. */
export function addressOf({ address, port }: Address): Address {
  return { address, port };
}

/** Whether two destinations are the same UWQ's, or neither is any. */
export function isSameAddress(one: Destination, other: Destination): boolean {
  return one?.address === other?.address && one?.port === other?.port;
}

/**
 * Where what is owed goes after a Register. What Unregister has cancelled comes back only when the agent registers at the
 * same desk again. An address that another agent registers is that agent's: the one who is registered at the desk has the
 * address from there, which may be shared with agents of other desks; any other has none.
 */
export function destinationAfter({ agent, to }: Owed, { registration, atDesk }: Arrival): Destination {
  const isAtDesk = agent === atDesk?.agent;
  if (agent === registration.agent) return to === undefined && !isAtDesk ? undefined : addressOf(registration);
  if (!to || !isSameAddress(to, registration)) return to;
  return isAtDesk ? addressOf(atDesk) : null;
}
