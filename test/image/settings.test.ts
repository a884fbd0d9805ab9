/** The files by which the system obeys network, ntp and update, byte for byte. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { parseImageSections } from "../../src/config/image.ts";
import { filesFor, managedPaths } from "../../src/image/settings.ts";

setDefaultTimeout(60_000);

const transfers = [{ name: "10-root.transfer", text: "[Source]\nPath=@URL@/@CHANNEL@/%a/\n" }];

/** The files by name, without the folders. */
function written(sections: object): Record<string, string> {
  const { settings, problems } = parseImageSections(JSON.stringify(sections), {});
  expect(problems).toEqual([]);
  return Object.fromEntries(filesFor(settings, transfers).map(({ path, text }) => [path.replace(/^.*\//, ""), text]));
}

test("without the sections there are no files", () => expect(written({ desks: [] })).toEqual({}));

describe("network:", () => {
  test("a fixed address", () => {
    const network = { address: "192.0.2.10/24", gateway: "192.0.2.1", dns: ["192.0.2.53", "2001:db8::53"] };
    expect(written({ network })).toEqual({
      "10-telesetd.network": `[Match]
Type=ether
Kind=!*

[Network]
DHCP=no
Address=192.0.2.10/24
Gateway=192.0.2.1
DNS=192.0.2.53 2001:db8::53

[DHCPv6]
UseDNS=no

[IPv6AcceptRA]
UseDNS=no
`,
    });
  });

  test("DHCP, with an interface and a name server", () => {
    expect(written({ network: { interface: "enp1s0", dns: "192.0.2.53" } })).toEqual({
      "10-telesetd.network": `[Match]
Name=enp1s0

[Network]
DHCP=yes
DNS=192.0.2.53

[DHCPv4]
ClientIdentifier=mac
UseDomains=yes
UseDNS=no

[DHCPv6]
UseDNS=no

[IPv6AcceptRA]
UseDNS=no
`,
    });
  });

  test("a VLAN: the interface below it has no address", () => {
    expect(written({ network: { vlan: 120 } })).toEqual({
      "10-telesetd.netdev": "[NetDev]\nName=vlan120\nKind=vlan\n\n[VLAN]\nId=120\n",
      "10-telesetd-parent.network":
        "[Match]\nType=ether\nKind=!*\n\n[Network]\nVLAN=vlan120\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
      "10-telesetd.network": "[Match]\nName=vlan120\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=yes\n",
    });
  });

  test("Wi-Fi: the key of the password for WPA2 (the first test vector of IEEE 802.11i, annex H.4), the password for WPA3", () => {
    expect(written({ network: { wifi: { ssid: "IEEE", password: "password", country: "DE" } } })).toEqual({
      "10-telesetd.network": "[Match]\nType=wlan\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=yes\n",
      "wpa_supplicant.conf": `country=DE
network={
\tssid=49454545
\tscan_ssid=1
\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE
\tieee80211w=1
\tpsk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e
\tsae_password=70617373776f7264
}
`,
    });
  });

  test("Wi-Fi: wpa_supplicant would take a # after quotation marks for a comment", () => {
    const wifi = { ssid: "Büro 1", password: 'a"b"c#d e' };
    expect(written({ network: { wifi } })["wpa_supplicant.conf"]).toMatch(/^[^"#]*\tsae_password=612262226323642065\n\}\n$/);
  });

  test("Wi-Fi by the key: WPA2 only", () => {
    const key = "0123456789abcdef".repeat(4);
    const text = written({ network: { wifi: { ssid: "x", password: key } } })["wpa_supplicant.conf"];
    expect(text).toBe(
      `network={\n\tssid=78\n\tscan_ssid=1\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tieee80211w=1\n\tpsk=${key}\n}\n`,
    );
  });

  test("only the file with the password is closed to others", () => {
    const sections = {
      network: { vlan: undefined, wifi: { ssid: "x", password: "12345678" } },
      ntp: "a",
      update: { url: "http://x" },
    };
    const { settings } = parseImageSections(JSON.stringify(sections), {});
    const modes = filesFor(settings, transfers).map(({ path, mode }) => [path, mode]);
    expect(modes.filter(([, mode]) => mode !== 0o644)).toEqual([["run/telesetd-image/wpa_supplicant.conf", 0o600]]);
    expect(modes).toHaveLength(5);
  });
});

test("ntp: these servers only", () => {
  expect(written({ ntp: ["ntp.example.com", "192.0.2.123"] })).toEqual({
    "telesetd.conf": "[Time]\nNTP=ntp.example.com 192.0.2.123\n",
    "10-telesetd.network":
      "[Match]\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\n\n[DHCPv4]\nClientIdentifier=mac\nUseDomains=yes\nUseNTP=no\n\n[DHCPv6]\nUseNTP=no\n",
  });
});

test("update: the transfers get the folder of the channel, the timer its time", () => {
  const update = {
    url: "http://updates.example.com/a%20b//",
    channel: "canary",
    at: "23:30 Europe/Berlin",
    randomDelayMinutes: 0,
  };
  expect(written({ update })).toEqual({
    "10-root.transfer": "[Source]\nPath=http://updates.example.com/a%%20b/canary/%a/\n",
    "50-settings.conf": "[Timer]\nOnCalendar=\nOnCalendar=*-*-* 23:30:00 Europe/Berlin\nRandomizedDelaySec=0min\n",
  });
  expect(written({ update: { url: "http://x" } })["50-settings.conf"]).toContain("OnCalendar=*-*-* 02:00:00 UTC\n");
});

test("any valid settings: each file is managed, and no value starts another line", () => {
  const printable = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
  const network = fc.record({
    address: fc.constantFrom("192.0.2.10/24", "2001:db8::10/64"),
    vlan: fc.integer({ min: 1, max: 4094 }),
    interface: printable,
    wifi: fc.record({ ssid: printable, password: fc.string({ minLength: 8, maxLength: 20 }) }),
  }, { requiredKeys: [] });
  fc.assert(fc.property(network, fc.array(printable), printable, (network, ntp, url) => {
    const text = JSON.stringify({ network, ntp, update: { url: `http://${url}` } });
    const files = filesFor(parseImageSections(text, {}).settings, transfers);
    const managed = managedPaths(transfers);
    const line = /^(?:\[\w+\]|\w+=.*|network=\{|\t\w+=.*|\}|)$/u;
    for (const { path, text } of files) {
      expect(managed).toContain(path);
      expect(text.split("\n").filter((row) => !line.test(row))).toEqual([]);
      expect(text).not.toMatch(/[^\n\t\x20-\x7e]/);
    }
  }));
});
