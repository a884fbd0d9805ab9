/**
 * Where the events of an agent's calls are sent: to the address that the agent had registered when the call started, or to a
 * newer one of the same agent at any desk of the box. A Register of another agent changes this only if it names the same
 * address.
 */
import type { Address, Registration } from "./crm.ts";

/**
 * Where an event is sent. Null: another agent's UWQ now has the address, so the event waits until its own agent
 * registers again. Undefined: nowhere, because its agent has unregistered.
 */
export type Destination = Address | null | undefined;

/** A call of an agent, or an event that waits for an agent. */
interface ForAgent {
  readonly agent: string | null;
  readonly to?: Destination;
}

/** A Register, as another desk or the outbox of a desk sees it. */
export interface Arrival {
  /** The agent who has registered, at any desk, and the address. */
  readonly registration: Registration;
  /** The registration at the desk in question; null when there is none. */
  readonly atDesk: Registration | null;
}

/** Why an event waits: another agent's UWQ has its address now. */
export function takenBy(agent: string): string {
  return `agent ${agent} has registered at this address; it waits for its own agent's next Register`;
}

/** Why no more events are sent to an agent who was registered at a desk. */
export function unregistered(agent: string, desk: string): string {
  return `agent ${agent} has unregistered from desk ${desk}`;
}

/** The address alone. */
export function addressOf({ address, port }: Address): Address {
  return { address, port };
}

/** Whether two destinations are the same address, or both have none. */
export function isSameAddress(a: Destination, b: Destination): boolean {
  return a?.address === b?.address && a?.port === b?.port;
}

/**
 * The destination after a Register. One that Unregister has cancelled is restored only when the agent registers at the same desk
 * again. An address that another agent registers is that agent's from then on: the agent who is registered at this desk gets the
 * address registered here, which agents of other desks may share; any other agent has no address.
 */
export function destinationAfter({ agent, to }: ForAgent, { registration, atDesk }: Arrival): Destination {
  const isAtDesk = agent === atDesk?.agent;
  if (agent === registration.agent) return to === undefined && !isAtDesk ? undefined : addressOf(registration);
  if (!to || !isSameAddress(to, registration)) return to;
  return isAtDesk ? addressOf(atDesk) : null;
}
