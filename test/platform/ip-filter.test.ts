/** The rules for systemd's IP filter, and their installation. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressRules, dropIn, nameServers, namesIn } from "../../src/platform/ip-filter.ts";
import { type AddressWorld, showAddressRules } from "../../src/commands/install/address-rules.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
const noNames = { addresses: new Map<string, readonly string[]>(), servers: ["10.0.0.53"] };
const loopback = ["127.0.0.0/8", "::1/128"];

describe("the rules", () => {
  test("the switch, the lists and loopback; each once, normalised", () => {
    const peers = {
      switches: ["10.1.0.5", "::ffff:10.1.0.5", "fe80::1%eth0"],
      ranges: ["192.168.7.0/24", "FD00::/8", "10.1.0.5"],
    };
    expect(addressRules(peers, noNames)).toEqual({
      allow: [...loopback, "10.1.0.5/32", "fe80::1/128", "192.168.7.0/24", "fd00::/8"],
      unknown: [],
    });
  });

  test("name servers only if the switch is configured by name", () => {
    const named = {
      addresses: new Map([["pbx.example.com", ["203.0.113.9", "2001:db8::9"]]]),
      servers: ["10.0.0.53", "127.0.0.53"],
    };
    const peers = { switches: ["pbx.example.com"], ranges: [] };
    expect(namesIn(peers)).toEqual(["pbx.example.com"]);
    expect(addressRules(peers, named).allow).toEqual([
      ...loopback,
      "203.0.113.9/32",
      "2001:db8::9/128",
      "10.0.0.53/32",
      "127.0.0.53/32",
    ]);
  });

  test("an unknown name allows everything, so that the box finds its switch once the name server is back", () => {
    expect(addressRules({ switches: ["pbx.example.com"], ranges: ["10.0.0.0/8"] }, noNames)).toEqual({
      allow: ["any"],
      unknown: ["pbx.example.com"],
    });
    expect(addressRules({ switches: undefined, ranges: [] }, noNames).allow).toEqual(["any"]);
  });

  test("invalid ranges are omitted: the configuration's parser reports them", () =>
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

/** Runs the command with a configuration whose switch is `host` and a fake systemd in this state; returns its commands. */
async function apply(host: string, state: string, options: { code?: number; show?: boolean } = {}) {
  const file = join(folder, "config.json");
  const line = { driver: "freeswitch", host, password: "x", domain: "d" };
  const http = { allow: ["10.2.0.0/16"], monitorAllow: ["10.3.0.1"] };
  writeFileSync(file, JSON.stringify({ desks: [{ extension: "1001" }], line, http, crm: { registerAllow: ["10.4.0.1"] } }));
  const sent: string[] = [];
  const world: AddressWorld = {
    lookUp: (name) => name === "pbx.example.com" ? Promise.resolve(["10.1.0.6"]) : Promise.reject(new Error("ENOTFOUND")),
    resolvConf: () => "nameserver 10.0.0.53\n",
    systemctl: (...args) => {
      sent.push(args.join(" "));
      return Promise.resolve(
        args[0] === "show" ? { code: 0, output: `${state}\n` } : { code: options.code ?? 0, output: "denied" },
      );
    },
  };
  let out = "";
  let err = "";
  const io = { out: (text: string) => out += text, err: (text: string) => err += text, terminal: false, environment: {} };
  const code = await showAddressRules(file, !options.show, io, world);
  return { code, out, err, sent: sent.slice(1) };
}

const lists = "10.2.0.0/16 10.3.0.1/32 10.4.0.1/32";

describe("address-rules", () => {
  test("shows them without applying them", async () => {
    const { code, out, sent } = await apply("10.1.0.5", "inactive", { show: true });
    expect([code, sent]).toEqual([0, []]);
    expect(out).toContain("IPAddressAllow=10.1.0.5/32\n");
  });

  test("before the service starts: exactly these", async () => {
    const { code, sent } = await apply("10.1.0.5", "inactive");
    expect(code).toBe(0);
    expect(sent).toEqual([
      `set-property --runtime telesetd.service IPAddressAllow= IPAddressAllow=127.0.0.0/8 ::1/128 10.1.0.5/32 ${lists}`,
      "--no-block stop telesetd-addresses.timer",
    ]);
  });

  test.each(["active", "reloading"])(
    "while it is %s: the old rules are kept as well, so that it can return to its old configuration",
    async (state) => {
      const { sent } = await apply("10.1.0.5", state);
      expect(sent[0]).toBe(`set-property --runtime telesetd.service IPAddressAllow=127.0.0.0/8 ::1/128 10.1.0.5/32 ${lists}`);
    },
  );

  test("a switch by name: its addresses and the name servers, looked up regularly", async () => {
    const { sent } = await apply("pbx.example.com", "inactive");
    expect(sent[0]).toEndWith(` 10.1.0.6/32 ${lists} 10.0.0.53/32`);
    expect(sent[1]).toBe("--no-block start telesetd-addresses.timer");
  });

  test("a switch by an unknown name: any address, with a warning", async () => {
    const { code, sent, err } = await apply("nowhere.example.com", "inactive");
    expect(code).toBe(0);
    expect(sent[0]).toEndWith("IPAddressAllow=any");
    expect(err).toContain("Cannot look up nowhere.example.com");
  });

  test("systemd refuses them: exit code 1, with its message", async () => {
    expect(await apply("10.1.0.5", "inactive", { code: 1 })).toMatchObject({ code: 1, err: expect.stringContaining("denied") });
  });
});
