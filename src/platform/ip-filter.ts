/**
 * The addresses that the service may speak with, in the words of systemd (systemd.resource-control(5): IPAddressAllow): the
 * switch, those who may send callouts, those who get events, those who may look, and the name servers when the switch is
 * given by name. The filter is a second wall behind `http.allow`: where something cannot be known, it lets through.
 */
import { normaliseRange } from "./address.ts";

/** What the rules are made of. */
export interface Spoken {
  /** Addresses of the switch, or its names; absent when the driver does not tell. */
  readonly switches: readonly string[] | undefined;
  /** Addresses and ranges that the configuration lists: who may send callouts, get events, look at metrics. */
  readonly ranges: readonly string[];
}

/** What is known of names at this moment. */
export interface Names {
  /** What each name stands for; a name that is missing here could not be looked up. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** The name servers of the box. */
  readonly servers: readonly string[];
}

/** The rules. */
export interface AddressRules {
  /** Values of IPAddressAllow: ranges, or `any` alone when the switch's addresses are not known. */
  readonly allow: readonly string[];
  /** Names that could not be looked up: because of them everything is let through. */
  readonly unknown: readonly string[];
}

/** Which of these are names, that have to be looked up. */
export function namesIn({ switches }: Spoken): string[] {
  return [...new Set((switches ?? []).filter((one) => normaliseRange(one) === undefined))];
}

/** Makes the rules. Loopback is always in them: `telesetd status` asks there. */
export function addressRules(spoken: Spoken, { addresses, servers }: Names): AddressRules {
  const names = namesIn(spoken);
  const unknown = names.filter((name) => (addresses.get(name) ?? []).length === 0);
  if (unknown.length > 0 || spoken.switches === undefined) return { allow: ["any"], unknown };
  const switches = spoken.switches.flatMap((one) => addresses.get(one) ?? [one]);
  const all = [...switches, ...spoken.ranges, ...(names.length > 0 ? servers : [])];
  const ranges = all.map((one) => normaliseRange(one)).filter((one) => one !== undefined);
  return { allow: [...new Set(["127.0.0.0/8", "::1/128", ...ranges])], unknown: [] };
}

/** The rules as a drop-in of the service, for people to look at. */
export function dropIn({ allow }: AddressRules): string {
  return `[Service]\nIPAddressDeny=any\nIPAddressAllow=\n${allow.map((range) => `IPAddressAllow=${range}\n`).join("")}`;
}

/** The name servers in the text of resolv.conf(5). */
export function nameServers(text: string): string[] {
  return text.split("\n").flatMap((line) => /^\s*nameserver\s+([^\s%]+)/.exec(line)?.[1] ?? []);
}
