/** The sections for the image: network, ntp and update. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";
import { withoutSecrets } from "../../src/config/hidden.ts";
import { parseImageSections } from "../../src/config/image.ts";
import { ConfigError, parseConfig, settingsOf } from "../../src/config/schema.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const minimal = {
  desks: [{ extension: "1001" }],
  line: { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1" },
};

function parse(sections: object) {
  return parseConfig(JSON.stringify({ ...minimal, ...sections }), lineSchemas, {});
}

function problems(sections: object): readonly string[] {
  try {
    parse(sections);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

test("absent sections stay absent: the image's own defaults apply", () => {
  const { network, ntp, update } = parse({});
  expect([network, ntp, update]).toEqual([undefined, undefined, undefined]);
});

test("the defaults of update", () => {
  expect(parse({ update: { url: "http://updates.example.com/telesetd/" } }).update).toEqual({
    url: "http://updates.example.com/telesetd/",
    channel: "stable",
    at: "02:00",
    randomDelayMinutes: 120,
  });
});

describe("valid:", () => {
  test.each<[string, object]>([
    ["everything about a wired network", {
      network: {
        address: "192.0.2.10/24",
        gateway: "192.0.2.1",
        dns: ["192.0.2.53", "2001:db8::53"],
        vlan: 120,
        interface: "eth0",
      },
    }],
    ["one name server instead of a list", { network: { dns: "192.0.2.53" } }],
    ["an address without a gateway", { network: { address: "192.0.2.10/24" } }],
    ["a network of two addresses", { network: { address: "192.0.2.10/31", gateway: "192.0.2.11" } }],
    ["IPv6 with a link-local gateway", { network: { address: "2001:db8::10/64", gateway: "fe80::1" } }],
    ["a VLAN with DHCP", { network: { vlan: 4094 } }],
    ["Wi-Fi", { network: { wifi: { ssid: "Büro", password: 'a"b\\c#d e', country: "DE" } } }],
    ["Wi-Fi with the key itself", { network: { wifi: { ssid: "x", password: "0123456789abcdef".repeat(4) } } }],
    ["time servers", { ntp: ["ntp.example.com", "192.0.2.123", "2001:db8::123"] }],
    ["an update at a local time", { update: { url: "https://updates.example.com:8443/a_b/~c", at: "23:59 America/New_York" } }],
  ])("%s", (_, sections) => expect(problems(sections)).toEqual([]));
});

describe("an error says which value, and what was expected:", () => {
  const prefixed = "expected an address with its prefix length, such as 192.0.2.10/24";
  const url = "expected a URL such as http://updates.example.com/telesetd, without user, ? or #";
  test.each<[object, readonly string[]]>([
    [{ network: { address: "192.0.2.10" } }, [`network.address is "192.0.2.10": ${prefixed}`]],
    [{ network: { address: "192.0.2.10/33" } }, [`network.address is "192.0.2.10/33": ${prefixed}`]],
    [{ network: { address: "192.0.2.0/24" } }, [
      'network.address is "192.0.2.0/24": expected the address of a machine: this one is the network\'s own',
    ]],
    [{ network: { address: "192.0.2.255/24" } }, [
      'network.address is "192.0.2.255/24": expected the address of a machine: this one is the network\'s own',
    ]],
    [{ network: { address: "127.0.0.1/8" } }, ['network.address is "127.0.0.1/8": expected an address that a machine can have']],
    [{ network: { address: "192.0.2.10/24", gateway: "192.0.3.1" } }, [
      'network.gateway is "192.0.3.1": expected an address in the network of network.address, 192.0.2.10/24',
    ]],
    [{ network: { address: "192.0.2.10/24", gateway: "192.0.2.10" } }, [
      'network.gateway is "192.0.2.10": expected another address than the box\'s',
    ]],
    [{ network: { address: "192.0.2.10/24", gateway: "fe80::1" } }, [
      'network.gateway is "fe80::1": expected an address in the network of network.address, 192.0.2.10/24',
    ]],
    [{ network: { gateway: "192.0.2.1" } }, [
      'network.gateway is "192.0.2.1": expected network.address too: with DHCP the server names the router',
    ]],
    [{ network: { dns: ["ns.example.com"] } }, ['network.dns[0] is "ns.example.com": expected an address such as 192.0.2.53']],
    [{ network: { vlan: 0 } }, ["network.vlan is 0: expected at least 1"]],
    [{ network: { interface: "eth0 eth1" } }, [
      'network.interface is "eth0 eth1": expected the name of an interface, such as eth0',
    ]],
    [{ network: { vlan: 5, wifi: { ssid: "x", password: "12345678" } } }, [
      "network.vlan is 5: expected no VLAN with network.wifi",
    ]],
    [{ network: { adress: "192.0.2.10/24" } }, ["network.adress is not a key: did you mean address?"]],
    [{ network: { wifi: { ssid: "x".repeat(33), password: "geheim" } } }, [
      `network.wifi.ssid is "${"x".repeat(33)}": expected at most 32 bytes`,
      "network.wifi.password: expected 8 to 63 ASCII characters, or the key as 64 hexadecimal digits",
    ]],
    [{ network: { wifi: { ssid: "x", password: "12345678\nkey_mgmt=NONE" } } }, [
      "network.wifi.password: expected 8 to 63 ASCII characters, or the key as 64 hexadecimal digits",
    ]],
    [{ ntp: "two words" }, ['ntp[0] is "two words": expected a host name or an address']],
    [{ ntp: [] }, ["ntp: expected at least 1 entry"]],
    [{ update: {} }, ["update.url is missing: expected text"]],
    [{ update: { url: "ftp://updates.example.com" } }, [`update.url is "ftp://updates.example.com": ${url}`]],
    [{ update: { url: "http://u:p@updates.example.com" } }, [`update.url is "http://u:p@updates.example.com": ${url}`]],
    [{ update: { url: "http://updates.example.com/?x" } }, [`update.url is "http://updates.example.com/?x": ${url}`]],
    [{ update: { url: "http://x", channel: "../other" } }, [
      'update.channel is "../other": expected the name of a folder, such as stable',
    ]],
    [{ update: { url: "http://x", at: "24:00" } }, [
      'update.at is "24:00": expected a time such as 02:00, or with its zone 02:00 Europe/Berlin',
    ]],
    [{ update: { url: "http://x", at: "02:00 Nowhere/City" } }, [
      'update.at is "02:00 Nowhere/City": expected a time such as 02:00, or with its zone 02:00 Europe/Berlin',
    ]],
  ])("%j", (sections, expected) => expect(problems(sections)).toEqual([...expected]));
});

describe("any network:", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const ipv4 = fc.tuple(fc.integer({ min: 1, max: 223 }).filter((first) => first !== 127), byte, byte, byte);
  const bitsOf = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0);

  test("the gateway is accepted exactly if it is another address of the same network", () => {
    fc.assert(fc.property(ipv4, ipv4, fc.integer({ min: 1, max: 32 }), fc.boolean(), (own, any, bits, near) => {
      const gateway = near ? [...own.slice(0, 3), any[3]] : any;
      const size = 2 ** (32 - bits);
      const host = bitsOf(own) % size;
      fc.pre(bits >= 31 || (host !== 0 && host !== size - 1));
      const same = Math.floor(bitsOf(own) / size) === Math.floor(bitsOf(gateway) / size);
      const isGood = same && bitsOf(own) !== bitsOf(gateway);
      const found = problems({ network: { address: `${own.join(".")}/${bits}`, gateway: gateway.join(".") } });
      expect(found.length === 0).toBe(isGood);
    }));
  });

  test("arbitrary values give sentences with their paths, never an exception", () => {
    const value = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.integer(), fc.constant(null), fc.array(fc.string()));
    const keys = ["address", "gateway", "dns", "vlan", "interface", "wifi"];
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), value), (network) => {
      for (const problem of problems({ network })) expect(problem).toStartWith("network");
    }));
  });
});

describe("the Wi-Fi password is a secret:", () => {
  const network = { wifi: { ssid: "desks", password: "correct horse" } };
  test("no setting shows it", () => {
    const shown = settingsOf(parse({ network }), lineSchemas).filter(({ path }) => path.startsWith("network"));
    expect(shown.map(({ path, value }) => [path, value])).toEqual([
      ["network.wifi.ssid", "desks"],
      ["network.wifi.password", undefined],
    ]);
  });
  test("a support bundle hides it", () => {
    const { config, secrets } = withoutSecrets(JSON.stringify({ ...minimal, network }), lineSchemas, {});
    expect(config).toMatchObject({ network: { wifi: { ssid: "desks", password: "[secret]" } } });
    expect(secrets).toContain("correct horse");
  });
  test("it may be a credential", () => {
    const folder = ownFolder();
    writeFileSync(join(folder, "wifi"), "correct horse\n");
    const text = JSON.stringify({ network: { wifi: { ssid: "desks", password: { credential: "wifi" } } } });
    expect(parseImageSections(text, { CREDENTIALS_DIRECTORY: folder })).toEqual({ settings: { network }, problems: [] });
  });
});

describe("read on their own:", () => {
  test("an error elsewhere does not matter, an error in one section leaves the others", () => {
    const text = JSON.stringify({ desks: 5, network: { address: "192.0.2.10/24" }, ntp: [5], update: { url: "http://x" } });
    expect(parseImageSections(text, {})).toEqual({
      settings: {
        network: { address: "192.0.2.10/24" },
        update: { url: "http://x", channel: "stable", at: "02:00", randomDelayMinutes: 120 },
      },
      problems: ["ntp[0] is 5: expected text"],
    });
  });
  test.each(["", "[]", "null", "{", '{"network": {"address": "192.0.2.10/24"}', "\u0000"])("%j never throws", (text) => {
    expect(() => parseImageSections(text, {})).not.toThrow();
  });
  test("a missing credential is reported once, by its path", () => {
    const text = JSON.stringify({ network: { wifi: { ssid: "x", password: { credential: "wifi" } } } });
    const { settings, problems } = parseImageSections(text, {});
    expect(settings).toEqual({});
    expect(problems).toEqual([
      "network.wifi.password asks for the credential wifi: expected the file /etc/telesetd/secrets/wifi, and there is no such folder",
    ]);
  });
});
