/** Whom the service may speak with, and how systemd is told. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressRules, dropIn, nameServers, namesIn } from "../../src/platform/ip-filter.ts";
import { type AddressWorld, showAddressRules } from "../../src/commands/install/address-rules.ts";

const folder = mkdtempSync(join(tmpdir(), "telesetd-rules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const noNames = { addresses: new Map<string, readonly string[]>(), servers: ["10.0.0.53"] };
const loopback = ["127.0.0.0/8", "::1/128"];

describe("the rules", () => {
  test("the switch, those in the lists, and loopback; each once, in one spelling", () => {
    const spoken = {
      switches: ["10.1.0.5", "::ffff:10.1.0.5", "fe80::1%eth0"],
      ranges: ["192.168.7.0/24", "FD00::/8", "10.1.0.5"],
    };
    expect(addressRules(spoken, noNames)).toEqual({
      allow: [...loopback, "10.1.0.5/32", "fe80::1/128", "192.168.7.0/24", "fd00::/8"],
      unknown: [],
    });
  });

  test("name servers only when the switch is given by name", () => {
    const named = {
      addresses: new Map([["pbx.example.com", ["203.0.113.9", "2001:db8::9"]]]),
      servers: ["10.0.0.53", "127.0.0.53"],
    };
    const spoken = { switches: ["pbx.example.com"], ranges: [] };
    expect(namesIn(spoken)).toEqual(["pbx.example.com"]);
    expect(addressRules(spoken, named).allow).toEqual([
      ...loopback,
      "203.0.113.9/32",
      "2001:db8::9/128",
      "10.0.0.53/32",
      "127.0.0.53/32",
    ]);
  });

  test("a name that is not known lets all through: the box shall find its switch when the name server is back", () => {
    expect(addressRules({ switches: ["pbx.example.com"], ranges: ["10.0.0.0/8"] }, noNames)).toEqual({
      allow: ["any"],
      unknown: ["pbx.example.com"],
    });
    expect(addressRules({ switches: undefined, ranges: [] }, noNames).allow).toEqual(["any"]);
  });

  test("what is no range is left out: the parser of the configuration says so", () =>
    expect(addressRules({ switches: [], ranges: ["10.0.0.0/33", "1.2.3.4"] }, noNames).allow).toEqual([
      ...loopback,
      "1.2.3.4/32",
    ]));

  test("as a drop-in", () =>
    expect(dropIn({ allow: ["10.1.0.5/32"], unknown: [] })).toBe(
      "[Service]\nIPAddressDeny=any\nIPAddressAllow=\nIPAddressAllow=10.1.0.5/32\n",
    ));

  test("name servers from resolv.conf", () =>
    expect(nameServers("# nameserver 9.9.9.9\nnameserver 10.0.0.53\n\tnameserver fe80::1%eth0\nsearch example.com\n")).toEqual([
      "10.0.0.53",
      "fe80::1",
    ]));
});

/** A configuration whose switch is `host`, and a systemd in this state; what it was told. */
async function apply(host: string, state: string, options: { code?: number; show?: boolean } = {}) {
  const file = join(folder, "config.json");
  const line = { driver: "freeswitch", host, password: "x", domain: "d" };
  const http = { allow: ["10.2.0.0/16"], monitorAllow: ["10.3.0.1"] };
  writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line, http, crm: { registerAllow: ["10.4.0.1"] } }));
  const told: string[] = [];
  const world: AddressWorld = {
    lookUp: (name) => name === "pbx.example.com" ? Promise.resolve(["10.1.0.6"]) : Promise.reject(new Error("ENOTFOUND")),
    resolvConf: () => "nameserver 10.0.0.53\n",
    systemctl: (...args) => {
      told.push(args.join(" "));
      return Promise.resolve(args[0] === "show" ? { code: 0, said: `${state}\n` } : { code: options.code ?? 0, said: "denied" });
    },
  };
  let out = "";
  let err = "";
  const io = { out: (text: string) => out += text, err: (text: string) => err += text, terminal: false, environment: {} };
  const code = await showAddressRules(file, !options.show, io, world);
  return { code, out, err, told: told.slice(1) };
}

const lists = "10.2.0.0/16 10.3.0.1/32 10.4.0.1/32";

describe("address-rules", () => {
  test("shows them and tells nobody", async () => {
    const { code, out, told } = await apply("10.1.0.5", "inactive", { show: true });
    expect([code, told]).toEqual([0, []]);
    expect(out).toContain("IPAddressAllow=10.1.0.5/32\n");
  });

  test("before the service starts: exactly these", async () => {
    const { code, told } = await apply("10.1.0.5", "inactive");
    expect(code).toBe(0);
    expect(told).toEqual([
      `set-property --runtime telesetd.service IPAddressAllow= IPAddressAllow=127.0.0.0/8 ::1/128 10.1.0.5/32 ${lists}`,
      "--no-block stop telesetd-addresses.timer",
    ]);
  });

  test.each(["active", "reloading"])(
    "while it is %s: these too, so that it can go back to its old configuration",
    async (state) => {
      const { told } = await apply("10.1.0.5", state);
      expect(told[0]).toBe(`set-property --runtime telesetd.service IPAddressAllow=127.0.0.0/8 ::1/128 10.1.0.5/32 ${lists}`);
    },
  );

  test("by name: its addresses and the name servers, looked up again from time to time", async () => {
    const { told } = await apply("pbx.example.com", "inactive");
    expect(told[0]).toEndWith(` 10.1.0.6/32 ${lists} 10.0.0.53/32`);
    expect(told[1]).toBe("--no-block start telesetd-addresses.timer");
  });

  test("by a name that is not known: everybody, and it is said", async () => {
    const { code, told, err } = await apply("nowhere.example.com", "inactive");
    expect(code).toBe(0);
    expect(told[0]).toEndWith("IPAddressAllow=any");
    expect(err).toContain("Cannot look up nowhere.example.com");
  });

  test("systemd does not take them: 1, with its words", async () => {
    expect(await apply("10.1.0.5", "inactive", { code: 1 })).toMatchObject({ code: 1, err: expect.stringContaining("denied") });
  });
});
