/**
 * Rules for systemd's IP filter (systemd.resource-control(5): IPAddressAllow): the addresses of the switch, the senders of
 * callouts, the receivers of events, the monitors, and the name servers if the switch is configured by name. The filter is a
 * second line of defence behind `http.allow`: if something is unknown, it allows everything.
 */
import { normaliseRange } from "./address.ts";

/** The peers of the service, from the configuration. */
export interface Peers {
  /** Addresses or names of the switch; undefined if the driver does not know them. */
  readonly switches: readonly string[] | undefined;
  /** Addresses and ranges in the configuration: senders of callouts, receivers of events, monitors. */
  readonly ranges: readonly string[];
}

/** Results of name lookups. */
export interface Names {
  /** The addresses of each name; a missing name could not be looked up. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** The name servers of the box. */
  readonly servers: readonly string[];
}

/** The rules. */
export interface AddressRules {
  /** Values of IPAddressAllow: ranges, or only `any` if the switch's addresses are unknown. */
  readonly allow: readonly string[];
  /** Names that could not be looked up, because of which everything is allowed. */
  readonly unknown: readonly string[];
}

/** Returns the names among the switches, which must be looked up. */
export function namesIn({ switches }: Peers): string[] {
  return [...new Set((switches ?? []).filter((host) => normaliseRange(host) === undefined))];
}

/** Makes the rules. Loopback is always allowed, for `telesetd status`. */
export function addressRules(peers: Peers, { addresses, servers }: Names): AddressRules {
  const names = namesIn(peers);
  const unknown = names.filter((name) => (addresses.get(name) ?? []).length === 0);
  if (unknown.length > 0 || peers.switches === undefined) return { allow: ["any"], unknown };
  const switches = peers.switches.flatMap((host) => addresses.get(host) ?? [host]);
  const all = [...switches, ...peers.ranges, ...(names.length > 0 ? servers : [])];
  const ranges = all.map((range) => normaliseRange(range)).filter((range) => range !== undefined);
  return { allow: [...new Set(["127.0.0.0/8", "::1/128", ...ranges])], unknown: [] };
}

/** The rules as a drop-in file of the service, for people to read. */
export function dropIn({ allow }: AddressRules): string {
  return `[Service]\nIPAddressDeny=any\nIPAddressAllow=\n${allow.map((range) => `IPAddressAllow=${range}\n`).join("")}`;
}

/** The name servers in the text of resolv.conf(5). */
export function nameServers(text: string): string[] {
  return text.split("\n").flatMap((line) => /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1] ?? []);
}
