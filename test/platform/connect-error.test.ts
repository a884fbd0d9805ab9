/** A machine that is off and a network without a route are not reported as a closed port; also in real network namespaces. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connectErrorCode, type Tables } from "../../src/platform/connect-error.ts";
import { run } from "../support/run.ts";

setDefaultTimeout(60_000);

const head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
/** 10.1.2.0/24 on eth0, 10.9.0.0/16 rejected, and optionally a default route through 10.1.2.1. */
const lan =
  "eth0\t0002010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n*\t0000090A\t00000000\t0201\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const byGateway = "eth0\t00000000\t0102010A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
const arp = (rows: Readonly<Record<string, string>>) =>
  `IP address       HW type     Flags       HW address            Mask     Device\n${
    Object.entries(rows).map(([address, flags]) => `${address}  0x1  ${flags}  00:00:00:00:00:00  *  eth0\n`).join("")
  }`;
const code = (address: string, tables: Partial<Tables>, given = "ECONNREFUSED") =>
  connectErrorCode(Object.assign(new Error("connect"), { code: given, address }), {
    arp: arp({}),
    route: head + lan + byGateway,
    trie: "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.1.2.3\n        /32 host LOCAL\n",
    ...tables,
  });

describe("Bun's ECONNREFUSED becomes", () => {
  test.each<[string, string, string, Partial<Tables>]>([
    ["refused, for a neighbour that answers", "ECONNREFUSED", "10.1.2.9", { arp: arp({ "10.1.2.9": "0x2" }) }],
    ["refused, for an unknown neighbour", "ECONNREFUSED", "10.1.2.9", {}],
    ["no machine, for a neighbour that does not answer", "EHOSTUNREACH", "10.1.2.9", { arp: arp({ "10.1.2.9": "0x0" }) }],
    ["no machine, if the gateway does not answer", "EHOSTUNREACH", "11.1.1.1", { arp: arp({ "10.1.2.1": "0x0" }) }],
    ["refused, behind a gateway that answers", "ECONNREFUSED", "11.1.1.1", {
      arp: arp({ "10.1.2.1": "0x2", "11.1.1.1": "0x0" }),
    }],
    ["no network, without a route", "ENETUNREACH", "11.1.1.1", { route: head + lan }],
    ["no network, with a reject route", "ENETUNREACH", "10.9.1.1", {}],
    ["refused, for the machine itself", "ECONNREFUSED", "10.1.2.3", { route: head }],
    ["refused, on loopback", "ECONNREFUSED", "127.0.0.1", { route: head }],
    ["refused, if there is no routing table", "ECONNREFUSED", "11.1.1.1", { route: "" }],
    ["refused, if the machine's own addresses are unknown", "ECONNREFUSED", "11.1.1.1", { route: head, trie: "" }],
    ["refused, by IPv6", "ECONNREFUSED", "fd00::9", { route: head }],
  ])("%s", (_, expected, address, tables) => expect(code(address, tables)).toBe(expected));

  test("and no other code is changed", () => expect(code("11.1.1.1", { route: head }, "EACCES")).toBe("EACCES"));
});

const inside = `
  import { tryToConnect } from "${import.meta.dir}/../../src/platform/connect-error.ts";
  for (const host of ["10.9.9.9", "11.9.9.9", "10.9.9.3", "10.8.8.8"]) console.log(host, await tryToConnect(host, 8021, 5000));`;
/** A cable whose other end has no machine. */
const network =
  `ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.9.9.3/24 dev v0 && ip addr add 10.8.8.8/32 dev lo &&
  ip link set v0 up && ip link set v1 up &&
  echo 1 > /proc/sys/net/ipv4/neigh/v0/mcast_solicit && echo 20 > /proc/sys/net/ipv4/neigh/v0/retrans_time_ms`;
const namespaces = Bun.spawnSync(["unshare", "-n", "sh", "-c", network], { stderr: "ignore" }).exitCode === 0;
const skipped = namespaces ? "" : " (skipped: this user may not create network namespaces)";

test.skipIf(!namespaces)(`in a real network: a missing machine, a network without a route, a closed port${skipped}`, async () => {
  // With the restricted /proc of the unit.
  const script = `${network} && mount -t proc -o subset=pid proc /proc && exec "$0" -e "$1"`;
  const { out } = await run(["unshare", "-n", "-m", "-p", "-f", "sh", "-c", script, process.execPath, inside]);
  expect(out).toBe("10.9.9.9 EHOSTUNREACH\n11.9.9.9 ENETUNREACH\n10.9.9.3 ECONNREFUSED\n10.8.8.8 ECONNREFUSED\n");
});
