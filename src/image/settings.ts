/**
 * The files below /run with which systemd-networkd, systemd-timesyncd, wpa_supplicant, systemd-sysupdate and the timer of updates
 * obey the configuration. Without a section there is no file, and the defaults of the image apply.
 */
import { pbkdf2Sync } from "node:crypto";
import type { ImageSettings } from "../config/image.ts";

/** A file to write. */
export interface SettingsFile {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  /** Others may read it, unless it contains a secret. */
  readonly mode: 0o644 | 0o600;
}

/** A transfer of the image for systemd-sysupdate (sysupdate.d(5)), in which @URL@ and @CHANNEL@ stand for the settings. */
export interface TransferTemplate {
  /** `10-root.transfer` */
  readonly name: string;
  readonly text: string;
}

const networks = "run/systemd/network";
const timeServers = "run/systemd/timesyncd.conf.d/telesetd.conf";
const updateTimer = "run/systemd/system/telesetd-update.timer.d/50-settings.conf";
const wifiFile = "run/telesetd-image/wpa_supplicant.conf";
const transferFolder = "run/sysupdate.d";

/** All files that the settings may need, with those of these transfers: what is not written is removed. */
export function managedPaths(transfers: readonly TransferTemplate[]): readonly string[] {
  const ofNetwork = ["telesetd.network", "telesetd-parent.network", "telesetd.netdev"].map((name) => `${networks}/10-${name}`);
  return [...ofNetwork, timeServers, updateTimer, wifiFile, ...transfers.map(({ name }) => `${transferFolder}/${name}`)];
}

/** The files for these settings. */
export function filesFor(settings: ImageSettings, transfers: readonly TransferTemplate[]): readonly SettingsFile[] {
  const { network, ntp, update } = settings;
  return [
    ...(network || ntp ? networkFiles(network ?? {}, ntp !== undefined) : []),
    ...(ntp ? [open(timeServers, section("Time", { NTP: ntp.join(" ") }))] : []),
    ...(update ? updateFiles(update, transfers) : []),
  ];
}

function updateFiles(update: NonNullable<ImageSettings["update"]>, transfers: readonly TransferTemplate[]): SettingsFile[] {
  const { at, randomDelayMinutes } = update;
  // sysupdate.d(5): a % begins a specifier.
  const url = update.url.replace(/\/+$/, "").replaceAll("%", "%%");
  const [time = "", zone = "UTC"] = at.split(" ");
  return [
    ...transfers.map(({ name, text }) =>
      open(`${transferFolder}/${name}`, text.replaceAll("@URL@", () => url).replaceAll("@CHANNEL@", update.channel))
    ),
    // An empty value first, because systemd adds to the list.
    open(updateTimer, `[Timer]\nOnCalendar=\nOnCalendar=*-*-* ${time}:00 ${zone}\nRandomizedDelaySec=${randomDelayMinutes}min\n`),
  ];
}

type Network = NonNullable<ImageSettings["network"]>;

/** systemd.network(5). The first file that matches an interface applies. */
function networkFiles(network: Network, hasTimeServers: boolean): SettingsFile[] {
  const { vlan, wifi } = network;
  const settings = addressing(network, hasTimeServers);
  if (vlan !== undefined) {
    const name = `vlan${vlan}`;
    return [
      open(
        `${networks}/10-telesetd.netdev`,
        section("NetDev", { Name: name, Kind: "vlan" }) + "\n" + section("VLAN", { Id: vlan }),
      ),
      open(
        `${networks}/10-telesetd-parent.network`,
        `${section("Match", matching(network))}\n${
          section("Network", { VLAN: name, DHCP: "no", LinkLocalAddressing: "no", IPv6AcceptRA: "no" })
        }`,
      ),
      open(`${networks}/10-telesetd.network`, `${section("Match", { Name: name })}\n${settings}`),
    ];
  }
  const main = open(`${networks}/10-telesetd.network`, `${section("Match", matching(network))}\n${settings}`);
  return wifi ? [main, { path: wifiFile, text: wifiText(wifi), mode: 0o600 }] : [main];
}

/** The interfaces that the settings apply to: real ones, no bridges or VLANs. */
function matching({ interface: name, wifi }: Network): Record<string, string> {
  return name !== undefined ? { Name: name } : wifi ? { Type: "wlan" } : { Type: "ether", Kind: "!*" };
}

function addressing({ address, gateway, dns = [] }: Network, hasTimeServers: boolean): string {
  const ownNames = dns.length > 0 ? { UseDNS: "no" } : {};
  const ownTime = hasTimeServers ? { UseNTP: "no" } : {};
  const parts = [
    section("Network", {
      DHCP: address === undefined ? "yes" : "no",
      ...(address === undefined ? {} : { Address: address }),
      ...(gateway === undefined ? {} : { Gateway: gateway }),
      ...(dns.length > 0 ? { DNS: dns.join(" ") } : {}),
    }),
    // The machine id is new if the data partition was lost; the address should stay the same.
    ...(address === undefined
      ? [section("DHCPv4", { ClientIdentifier: "mac", UseDomains: "yes", ...ownNames, ...ownTime })]
      : []),
    ...(dns.length > 0 || hasTimeServers ? [section("DHCPv6", { ...ownNames, ...ownTime })] : []),
    ...(dns.length > 0 ? [section("IPv6AcceptRA", ownNames)] : []),
  ];
  return parts.join("\n");
}

/**
 * wpa_supplicant.conf(5). All texts are in hexadecimal: it takes a # after two quotation marks for a comment. WPA2 needs the key
 * that follows from password and name (IEEE 802.11i, annex H.4), WPA3 (SAE) the password itself.
 */
function wifiText({ ssid, password, country }: NonNullable<Network["wifi"]>): string {
  const isKey = /^[0-9A-Fa-f]{64}$/.test(password);
  const key = isKey ? password : pbkdf2Sync(password, ssid, 4096, 32, "sha1").toString("hex");
  return [
    ...(country === undefined ? [] : [`country=${country}`]),
    "network={",
    `\tssid=${Buffer.from(ssid).toString("hex")}`,
    // Finds networks that hide their name.
    "\tscan_ssid=1",
    `\tkey_mgmt=WPA-PSK WPA-PSK-SHA256${isKey ? "" : " SAE"}`,
    "\tieee80211w=1",
    `\tpsk=${key}`,
    ...(isKey ? [] : [`\tsae_password=${Buffer.from(password).toString("hex")}`]),
    "}",
    "",
  ].join("\n");
}

function section(name: string, values: Readonly<Record<string, string | number>>): string {
  return `[${name}]\n${Object.entries(values).map(([key, value]) => `${key}=${value}\n`).join("")}`;
}

function open(path: string, text: string): SettingsFile {
  return { path, text, mode: 0o644 };
}
