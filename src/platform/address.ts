/** Normalisation of IP addresses, and lists of ranges. The only file that uses ipaddr.js. */
import ipaddr from "ipaddr.js";
import { remembered } from "./remembered.ts";

type Address = ReturnType<typeof ipaddr.parse>;

/** Parses strictly: `10.1`, `010.0.0.1` and `0x7f.1`, which C libraries accept, are not addresses here. */
const parse = remembered((text: string): Address | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
});

/**
 * Normalises an address: `::ffff:10.0.0.5` (as dual-stack sockets show it, RFC 4291 section 2.5.5.2) becomes `10.0.0.5`,
 * `::0:1` becomes `::1`; a zone (`fe80::1%eth0`) is kept. Undefined if the text is not an IP address.
 */
export function normaliseAddress(text: string): string | undefined {
  return parse(text)?.toString();
}

/** Whether this is the machine itself: 127.0.0.0/8 or ::1, mapped or not. */
export function isLoopback(text: string): boolean {
  return parse(text)?.range() === "loopback";
}

/** The host and port in a URL, as written; undefined if it has none. */
export function authorityOf(url: string): string | undefined {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1];
}

/**
 * Whether the `Host` header is an IP address, `localhost` or one of `names`; any port. This stops web pages whose own name
 * points at the box (DNS rebinding). A missing Host (HTTP/1.0) passes.
 */
export function hostAllowed(host: string | undefined, names: readonly string[]): boolean {
  if (host === undefined || host === "") return true;
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{0,5})?$/.exec(host) ?? [];
  if (bracketed !== undefined) return parse(bracketed) !== undefined;
  const name = plain?.toLowerCase().replace(/\.$/, "");
  if (name === undefined || name === "") return false;
  return name === "localhost" || parse(name) !== undefined || names.some((known) => known.toLowerCase() === name);
}

interface Range {
  readonly base: Address;
  readonly bits: number;
}

/**
 * Reads a list of addresses and ranges (`10.1.0.0/16`, `192.168.1.5`, `fc00::/7`) and returns a function that checks whether
 * an address is in it. Different address families never match; a mapped address counts as IPv4.
 * @throws Error that names the entry that is not a range.
 */
export function parseRanges(list: readonly string[]): (address: string) => boolean {
  const ranges = list.map(parseRange);
  return (address) => {
    const parsed = parse(address);
    return parsed !== undefined && ranges.some((range) => contains(range, parsed));
  };
}

/** Normalises an address or a range, `10.1.0.0/16`; an address is a range of one. Undefined for anything else. */
export function normaliseRange(text: string): string | undefined {
  try {
    const { base, bits } = parseRange(text);
    // A zone is the interface, not part of the address.
    return `${base.toString().replace(/%.*$/, "")}/${bits}`;
  } catch {
    return undefined;
  }
}

function parseRange(text: string): Range {
  const [address = "", length, ...rest] = text.split("/");
  const base = parse(address);
  const widest = base?.kind() === "ipv4" ? 32 : 128;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8: the first 96 bits mark a mapped address.
  const shift = widest === 32 && address.includes(":") ? 96 : 0;
  const bits = length === undefined ? widest : /^\d{1,3}$/.test(length) ? Number(length) - shift : -1;
  if (base === undefined || rest.length > 0 || bits < 0 || bits > widest) {
    throw new Error(`Cannot read the address range ${text}: expected an address such as 10.1.2.3 or a range such as 10.1.0.0/16`);
  }
  return { base, bits };
}

/**
 * Why a machine cannot have this address with its prefix length, `192.0.2.10/24`; undefined if it can. The first and the last
 * IPv4 address of a network are its own and the broadcast address (RFC 1122 section 3.2.1.3; RFC 3021: not with 31 bits).
 */
export function hostAddressProblem(text: string): string | undefined {
  if (!text.includes("/") || normaliseRange(text) === undefined || /%|^::ffff:/i.test(text)) {
    return "expected an address with its prefix length, such as 192.0.2.10/24";
  }
  const { base, bits } = parseRange(text);
  if (["unspecified", "loopback", "multicast", "broadcast"].includes(base.range()) || bits === 0) {
    return "expected an address that a machine can have";
  }
  if (base.kind() !== "ipv4" || bits >= 31) return undefined;
  const edges = [ipaddr.IPv4.networkAddressFromCIDR(text), ipaddr.IPv4.broadcastAddressFromCIDR(text)].map(String);
  return edges.includes(base.toString()) ? "expected the address of a machine: this one is the network's own" : undefined;
}

function contains(range: Range, address: Address): boolean {
  return range.base.kind() === address.kind() && address.match(range.base, range.bits);
}
