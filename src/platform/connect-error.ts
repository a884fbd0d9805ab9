/**
 * The real cause of a failed connection. Bun 1.4.5 reports ECONNREFUSED for every failure, including machines that are off
 * and networks without a route. For IPv4 the kernel's tables distinguish these: route, arp and fib_trie (proc_net(5)).
 * There is no table of IPv6 neighbours, and netlink is not available to the service.
 */
import { readFileSync } from "node:fs";
import { connect, isIPv4 } from "node:net";

/** The tables, as text; empty if unreadable. */
export interface Tables {
  readonly arp: string;
  readonly route: string;
  /** Contains the machine's own addresses, which need no route. */
  readonly trie: string;
}

/**
 * The corrected code of the error: EHOSTUNREACH if no machine answers at the address or its gateway; ENETUNREACH if there is no
 * route.
 */
export function connectErrorCode(
  error: NodeJS.ErrnoException & { readonly address?: string },
  tables?: Tables,
): string | undefined {
  const { code, address } = error;
  if (code !== "ECONNREFUSED" || address === undefined) return code;
  return unreached(address, tables ?? kernelTables()) ?? code;
}

/** Through /proc/self, because the unit's ProcSubset=pid hides the rest. */
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
  // Even an empty table has a header line: without one it could not be read, and the cause is unknown.
  if (!isIPv4(address) || address.startsWith("127.") || route === "" || trie === "") return undefined;
  if (new RegExp(`\\|-- ${address.replaceAll(".", "\\.")}\\s+/32 host LOCAL`).test(trie)) return undefined;
  const next = nextHop(address, route);
  if (next === undefined) return "ENETUNREACH";
  return isSilent(next, arp) ? "EHOSTUNREACH" : undefined;
}

/** RTF_REJECT (linux/route.h): a route that rejects its destination. */
const reject = 0x200;

/** The next hop for an address: itself, or the gateway of the most specific route. */
function nextHop(address: string, route: string): string | undefined {
  const destination = numberOf(address);
  const [, ...rows] = rowsOf(route);
  // Destination, gateway, flags and mask are columns 1, 2, 3 and 7, in the machine's byte order: little endian.
  const matching = rows.map((row) => ({ to: swapped(row[1]), by: swapped(row[2]), flags: hex(row[3]), mask: swapped(row[7]) }))
    .filter(({ to, mask }) => (destination & mask) >>> 0 === to).sort((a, b) => b.mask - a.mask);
  const [best] = matching;
  if (best === undefined || (best.flags & reject) !== 0) return undefined;
  return best.by === 0 ? address : [24, 16, 8, 0].map((shift) => (best.by >>> shift) & 255).join(".");
}

/** Whether a neighbour has not answered ARP requests (flags 0x0). */
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

/** Opens a connection and closes it. @returns the error's code when that fails, ETIMEDOUT after `ms`. */
export function tryToConnect(host: string, port: number, ms: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  return new Promise((resolve) => {
    const end = (code: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(() => end("ETIMEDOUT"), ms);
    socket.once("connect", () => end(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => end(connectErrorCode(error) ?? error.message));
  });
}
