/** The phone whose registration an event of mod_sofia reports (sofia_reg.c). */
import { type Frame, text } from "./wire/event.ts";

/** A desk whose phone has registered or unregistered. */
export interface Registrant {
  readonly desk: string;
  /** Registered in a domain of the desk's; otherwise only the switch knows whether it serves that domain as ours. */
  readonly isSure: boolean;
}

/**
 * The desk of an event; undefined if it is not one of ours. Another tenant's 1001 passes the filter, perhaps with our realm or on
 * our profile: `from-host` (`host` of sofia::expire) is the domain of the registration. If only the other fields name us, the
 * switch must be asked whether it serves that domain as ours.
 * @param deskOf the desk with this presence id, in lower case.
 */
export function registrantOf(frame: Frame, deskOf: (presence: string) => string | undefined): Registrant | undefined {
  const user = ["from-user", "user", "to-user"].map((name) => text(frame, name)).find((value) => value !== "");
  const deskAt = (host: string) => deskOf(`${user}@${host.trim()}`.toLowerCase());
  const registeredIn = text(frame, "from-host") || text(frame, "host");
  const sure = deskAt(registeredIn || text(frame, "to-host") || text(frame, "realm"));
  if (sure !== undefined) return { desk: sure, isSure: true };
  const places = ["from-host", "host", "to-host", "realm", "domain_name", "presence-hosts"];
  const others = places.flatMap((name) => text(frame, name).split(","));
  const desk = others.flatMap((host) => [host, plainHost(host)]).map(deskAt).find((match) => match !== undefined);
  return desk === undefined ? undefined : { desk, isSure: false };
}

/** A host without a port, and without the dot that ends an absolute name. */
function plainHost(host: string): string {
  return host.trim().replace(/^(\[.*\]|[^:]*?)\.?(:\d+)?$/, "$1");
}
