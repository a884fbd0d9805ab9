/** The URL at which UWQ reaches this box: the one thing that the administrator of Oracle needs. */
import { createSocket } from "node:dgram";
import type { DeskStatus } from "../status/status.ts";
import { isLoopback, normaliseAddress } from "../platform/address.ts";

/** Where callouts are served, and who is at the other end of the network. */
export interface Served {
  readonly host: string;
  readonly port: number;
  readonly prefix?: string | undefined;
  /** The addresses or names of the agents' PCs and of the switch; the first one in the network decides. */
  readonly peers: readonly string[];
}

/** What is needed of the machine. */
export interface Network {
  addresses(): readonly { readonly address: string }[];
  /** The box's own address on the route to another; undefined if there is none. Nothing is sent. */
  addressTowards(peer: string): Promise<string | undefined>;
}

/**
 * The URLs of the box: one if it listens on one address, or has a route to a peer; otherwise one for each address.
 * `http://192.0.2.2:8090/k3y/`
 */
export async function uwqUrls({ host, port, prefix = "", peers }: Served, network: Network): Promise<readonly string[]> {
  const urls = (addresses: readonly string[]) =>
    addresses.map((address) => `http://${address.includes(":") ? `[${address}]` : address}:${port}${prefix}/`);
  if (host !== "0.0.0.0" && host !== "::") return urls([host]);
  const reachable = network.addresses().map(({ address }) => address)
    .filter((address) => !/^(169\.254\.|fe80:)/i.test(address) && (host === "::" || !address.includes(":")));
  for (const peer of peers) {
    const own = isLoopback(peer) ? undefined : await network.addressTowards(peer);
    if (own !== undefined && reachable.includes(own)) return urls([own]);
  }
  return urls(reachable.length === 0 ? ["127.0.0.1"] : reachable);
}

/** The addresses of the registered agents' PCs. */
export function agentsIn(desks: readonly Pick<DeskStatus, "registered">[]): string[] {
  return desks.flatMap(({ registered }) => registered === undefined ? [] : [registered.at.replace(/:\d+$/, "")]);
}

/** The sentence for the administrator. */
export function uwqUrlText(urls: readonly string[]): string {
  return `Give UWQ this URL: ${urls.join(" or ")}`;
}

/** See `Network.addressTowards`. A connected UDP socket has its source address, and sends nothing. */
export function addressTowards(peer: string): Promise<string | undefined> {
  const address = normaliseAddress(peer);
  if (address === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const done = (own: string | undefined) => {
      socket.close();
      resolve(own);
    };
    socket.once("error", () => done(undefined));
    // Port 9 is discard (RFC 863).
    socket.connect(9, address, () => done(socket.address().address));
  });
}
