/**
 * The sections of the configuration that only the image obeys: network, ntp and update. On other machines the
 * administrator sets these up with the tools of the distribution.
 */
import * as v from "valibot";
import { hostAddressProblem, normaliseAddress, parseRanges } from "../platform/address.ts";
import { listOr, matching, obeying, optional, required, ruled, setting, whole } from "./setting.ts";
import { Secrets } from "./secrets.ts";
import { checking, problemsOf } from "./problems.ts";
import { looseJson, type Problem } from "./text.ts";

const ipAddress = (what: string) =>
  v.pipe(v.string(), v.check((text) => normaliseAddress(text) !== undefined, `expected ${what}`));

const hostAddress = v.pipe(
  v.string(),
  obeying(hostAddressProblem),
);

const oneOrMore = (item: v.GenericSchema<string>) => listOr(v.pipe(v.array(item), v.nonEmpty()), (text) => [text]);

const wifi = v.strictObject({
  ssid: required(
    "name of the Wi-Fi network",
    v.pipe(v.string(), v.nonEmpty(), v.check((text) => Buffer.byteLength(text) <= 32, "expected at most 32 bytes")),
  ),
  // IEEE 802.11i, annex H.4: 8 to 63 printable ASCII characters, or the key itself.
  password: required(
    "password of the Wi-Fi network (WPA2 or WPA3)",
    matching(/^(?:[\x20-\x7e]{8,63}|[0-9A-Fa-f]{64})$/, "expected 8 to 63 ASCII characters, or the key as 64 hexadecimal digits"),
    { secret: true },
  ),
  country: optional(
    "country, which decides the channels that Wi-Fi may use",
    matching(/^[A-Z]{2}$/, "expected two capital letters, such as US"),
  ),
});

const network = v.pipe(
  v.strictObject({
    address: optional(
      "address of the box with its prefix length, 192.0.2.10/24; absent: the box asks a DHCP server",
      hostAddress,
    ),
    gateway: optional("address of the router", ipAddress("an address such as 192.0.2.1")),
    dns: optional(
      "addresses of the name servers; absent: those that the DHCP server names",
      oneOrMore(ipAddress("an address such as 192.0.2.53")),
    ),
    vlan: optional("number of the tagged VLAN that the box is in", whole(1, 4094)),
    interface: optional(
      "interface that these settings apply to; absent: every Ethernet interface, or the Wi-Fi interface with network.wifi",
      matching(/^[A-Za-z][\w.-]{0,14}$/, "expected the name of an interface, such as eth0"),
    ),
    wifi: optional("Wi-Fi network to join; Ethernet is then configured by DHCP", wifi),
  }),
  ruled(({ address, gateway, vlan, wifi }, report) => {
    if (wifi && vlan !== undefined) report("expected no VLAN with network.wifi", { at: "vlan", input: vlan });
    if (gateway === undefined || normaliseAddress(gateway) === undefined) return;
    const message = address === undefined
      ? "expected network.address too: with DHCP the server names the router"
      : hostAddressProblem(address) === undefined
      ? gatewayProblem(address, gateway)
      : undefined;
    if (message !== undefined) report(message, { at: "gateway", input: gateway });
  }),
);

/** Why no packet from this address could reach the gateway; undefined if it can. */
function gatewayProblem(address: string, gateway: string): string | undefined {
  if (normaliseAddress(gateway) === normaliseAddress(address.split("/")[0] ?? "")) {
    return "expected another address than the box's";
  }
  const isReachable = parseRanges(address.includes(":") ? [address, "fe80::/10"] : [address]);
  return isReachable(gateway) ? undefined : `expected an address in the network of network.address, ${address}`;
}

const ntp = oneOrMore(
  matching(/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|[0-9A-Fa-f:.]+)$/, "expected a host name or an address"),
);

const update = v.strictObject({
  url: required(
    "folder of an HTTP server with the channels of updates",
    v.pipe(v.string(), v.check(isServerUrl, "expected a URL such as http://updates.example.com/telesetd, without user, ? or #")),
  ),
  channel: setting(
    "folder below url with the updates of this box, such as stable or canary",
    matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected the name of a folder, such as stable"),
    "stable",
  ),
  at: setting(
    "time of day at which the box looks for an update, in UTC or in the zone that follows: 02:00 America/New_York",
    v.pipe(v.string(), v.check(isTimeOfDay, "expected a time such as 02:00, or with its zone 02:00 Europe/Berlin")),
    "02:00",
  ),
  randomDelayMinutes: setting(
    "longest random delay after that time, in minutes, so that boxes do not update all at once",
    whole(0, 1439),
    120,
  ),
});

function isServerUrl(text: string): boolean {
  return /^https?:\/\/[!$-;=A-Z_a-z~[\]-]+$/.test(text) && !text.includes("@") && URL.canParse(text);
}

function isTimeOfDay(text: string): boolean {
  const [, zone] = /^(?:[01]\d|2[0-3]):[0-5]\d(?: (\S+))?$/.exec(text) ?? [undefined, ""];
  if (zone === undefined) return true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    // An offset such as +02:00 is a zone to JavaScript and not to systemd.
    return /^[A-Za-z]/.test(zone);
  } catch {
    return false;
  }
}

/** The sections, as keys of the whole schema. */
export const imageSections = {
  network: optional("network of the box (only on the image); absent: DHCP", network),
  ntp: optional("time servers (only on the image); absent: those that the DHCP server names, otherwise Debian's", ntp),
  update: optional("updates of the image; absent: none", update),
};

const sections = v.object(imageSections);

/** What the image obeys; absent sections keep the defaults of the image. */
export type ImageSettings = v.InferOutput<typeof sections>;

/**
 * Reads these sections only, each on its own, so that a box whose configuration has an error elsewhere can still be reached. A
 * section with an error counts as absent.
 * @param text JSON, which may have errors.
 */
export function parseImageSections(
  text: string,
  environment: Record<string, string | undefined>,
): { readonly settings: ImageSettings; readonly problems: readonly string[] } {
  const raw = looseJson(text);
  const given = typeof raw === "object" && raw !== null ? raw as Record<string, unknown> : {};
  const problems: string[] = [];
  const settings = Object.fromEntries(
    Object.keys(imageSections).filter((key) => given[key] !== undefined).flatMap((key) => {
      const secrets = new Secrets(sections, environment);
      const filled = secrets.filledIn({ [key]: given[key] });
      const result = v.safeParse(sections, filled, checking);
      const found: Problem[] = [...secrets.problems.values()];
      if (!result.success && found.length === 0) {
        found.push(...problemsOf(result.issues, filled, sections));
      }
      problems.push(...found.map(({ text }) => text));
      return result.success && found.length === 0 ? Object.entries(result.output) : [];
    }),
  );
  return { settings, problems };
}
