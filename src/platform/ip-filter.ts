/**
 * The addresses for systemd's IP filter (systemd.resource-control(5): IPAddressAllow). The filter is a second line of defence
 * behind `http.allow` and must not prevent calls: without the addresses of the switch there is none.
 */
import { normaliseRange } from "./address.ts";

/** The peers of the service, from the configuration. */
export interface Peers {
  /** Addresses or names of the switch; undefined if the driver does not know them. */
  readonly switches: readonly string[] | undefined;
  /** Addresses and ranges in the configuration: senders of callouts, receivers of events, monitors. */
  readonly ranges: readonly string[];
}

/**
 * The ranges to allow, loopback included; undefined if a switch is known by name only, because its address may change.
 */
export function addressesToAllow({ switches, ranges }: Peers): readonly string[] | undefined {
  const hosts = switches?.map((host) => normaliseRange(host));
  if (hosts === undefined || hosts.includes(undefined)) return undefined;
  const known = [...hosts, ...ranges.map((range) => normaliseRange(range))].filter((range) => range !== undefined);
  return [...new Set(["127.0.0.0/8", "::1/128", ...known])];
}
