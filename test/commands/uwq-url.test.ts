/** The URL at which UWQ reaches the box: at which of its addresses. */
import { describe, expect, test } from "bun:test";
import { addressTowards, agentsIn, uwqUrls, uwqUrlText } from "../../src/commands/uwq-url.ts";

const own = ["10.1.2.3", "192.168.7.2", "169.254.3.4", "fd00::2", "fe80::1"];

/** A box with these addresses, and routes to 10.1.0.0/16 and 192.168.7.0/24. */
const network = (...addresses: string[]) => ({
  addresses: () => addresses.map((address) => ({ address })),
  addressTowards: (peer: string) =>
    Promise.resolve(peer.startsWith("10.1.") ? "10.1.2.3" : peer.startsWith("192.168.7.") ? "192.168.7.2" : undefined),
});

const urls = (host: string, peers: readonly string[], ...addresses: string[]) =>
  uwqUrls({ host, port: 8090, prefix: "/k3y", peers }, network(...addresses));

describe("the address in UWQ's URL", () => {
  test("is the one that the daemon listens on", async () => {
    expect(await urls("192.168.7.2", ["10.1.0.5"], ...own)).toEqual(["http://192.168.7.2:8090/k3y/"]);
    expect(await urls("::1", [], ...own)).toEqual(["http://[::1]:8090/k3y/"]);
  });

  test("or the one in the network of the first peer that can be reached", async () => {
    expect(await urls("0.0.0.0", ["192.168.7.9", "10.1.0.5"], ...own)).toEqual(["http://192.168.7.2:8090/k3y/"]);
    expect(await urls("0.0.0.0", ["127.0.0.1", "pbx.example", "10.1.0.5"], ...own)).toEqual(["http://10.1.2.3:8090/k3y/"]);
  });

  test("otherwise each address but the link-local ones; IPv6 only if the daemon listens on it", async () => {
    expect(await urls("0.0.0.0", ["pbx.example"], ...own)).toEqual(["http://10.1.2.3:8090/k3y/", "http://192.168.7.2:8090/k3y/"]);
    expect(await urls("::", [], "10.1.2.3", "fd00::2")).toEqual(["http://10.1.2.3:8090/k3y/", "http://[fd00::2]:8090/k3y/"]);
  });

  test("or loopback on a box without a network; without a prefix the URL ends with the port", async () => {
    expect(await uwqUrls({ host: "0.0.0.0", port: 8090, peers: [] }, network())).toEqual(["http://127.0.0.1:8090/"]);
  });
});

test("the sentence names one URL, or the choice", () => {
  expect(uwqUrlText(["http://a/"])).toBe("Give UWQ this URL: http://a/");
  expect(uwqUrlText(["http://a/", "http://b/"])).toBe("Give UWQ this URL: http://a/ or http://b/");
});

test("the addresses of the agents' PCs, without their ports", () => {
  const at = (at?: string) => at === undefined ? {} : { registered: { agent: "7", at } };
  expect(agentsIn([at("10.1.0.7:5555"), at(), at("fd00::7:5555")])).toEqual(["10.1.0.7", "fd00::7"]);
});

test("the route to an address gives the box's own; a name or a wrong address gives none", async () => {
  expect(await addressTowards("127.0.0.2")).toMatch(/^127\./);
  expect([await addressTowards("pbx.example"), await addressTowards("10.1")]).toEqual([undefined, undefined]);
});
