/**
 * Why a connection did not come about. Bun 1.4.5 says ECONNREFUSED of every address that cannot be connected to, also of a
 * machine that is switched off, or of a network that there is no way to. For IPv4 the kernel's own tables tell these apart:
 * route, arp and fib_trie (proc_net(5)). Of neighbours by IPv6 there is no table. Netlink, which has them all, is not for the service.
 */
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";

/** The tables, as text; empty where one cannot be read. */
export interface Tables {
  readonly arp: string;
  readonly route: string;
  /** It has the machine's own addresses, which need no route. */
  readonly trie: string;
}

/**
 * The error's code, put right: EHOSTUNREACH when no machine answers at the address, or at the gateway to it; ENETUNREACH when
 * there is no route.
 */
export function connectErrorCode(
  error: NodeJS.ErrnoException & { readonly address?: string },
  tables?: Tables,
): string | undefined {
  const { code, address } = error;
  if (code !== "ECONNREFUSED" || address === undefined) return code;
  return unreached(address, tables ?? kernelTables()) ?? code;
}

/** By /proc/self: the unit's ProcSubset=pid leaves nothing else. */
function kernelTables(): Tables {
  return { arp: read("/proc/self/net/arp"), route: read("/proc/self/net/route"), trie: read("/proc/self/net/fib_trie") };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function unreached(address: string, { arp, route, trie }: Tables): "EHOSTUNREACH" | "ENETUNREACH" | undefined {
  // An empty table has its head all the same: without one it could not be read, and nothing is claimed.
  if (!isIPv4(address) || address.startsWith("127.") || route === "" || trie === "") return undefined;
  if (new RegExp(`\\|-- ${address.replaceAll(".", "\\.")}\\s+/32 host LOCAL`).test(trie)) return undefined;
  const next = nextHop(address, route);
  if (next === undefined) return "ENETUNREACH";
  return isSilent(next, arp) ? "EHOSTUNREACH" : undefined;
}

/** RTF_REJECT (linux/route.h): a route that says that there is none. */
const reject = 0x200;

/** The neighbour that packets to this address go to: itself, or the gateway of the narrowest route. */
function nextHop(address: string, route: string): string | undefined {
  const wanted = numberOf(address);
  const [, ...rows] = rowsOf(route);
  // Destination, gateway, flags and mask are columns 1, 2, 3 and 7, in the order of the machine: little endian.
  const fitting = rows.map((row) => ({ to: swapped(row[1]), by: swapped(row[2]), flags: hex(row[3]), mask: swapped(row[7]) }))
    .filter(({ to, mask }) => (wanted & mask) >>> 0 === to).sort((one, other) => other.mask - one.mask);
  const [best] = fitting;
  if (best === undefined || (best.flags & reject) !== 0) return undefined;
  return best.by === 0 ? address : [24, 16, 8, 0].map((shift) => (best.by >>> shift) & 255).join(".");
}

/** Flags 0x0: it has been asked for, and has not answered. */
function isSilent(neighbour: string, arp: string): boolean {
  const known = rowsOf(arp).filter(([address]) => address === neighbour);
  return known.length > 0 && known.every((row) => hex(row[2]) === 0);
}

function rowsOf(table: string): string[][] {
  return table.split("\n").map((line) => line.trim().split(/\s+/)).filter((row) => row.length > 1);
}

function hex(text = ""): number {
  return Number.parseInt(text, 16) || 0;
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function swapped(text = ""): number {
  return hex(text.padStart(8, "0").match(/../g)?.reverse().join(""));
}
