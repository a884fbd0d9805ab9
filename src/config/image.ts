/**
 * The sections of the configuration that only the image obeys: network, ntp and update. On other machines the
 * administrator sets these up with the tools of the distribution.
 */
import * as z from "zod";
import { hostAddressProblem, normaliseAddress, parseRanges } from "../platform/address.ts";
import { Secrets } from "./secrets.ts";
import { looseJson, type Problem, sentences } from "./text.ts";

const ipAddress = (what: string) => z.string().refine((text) => normaliseAddress(text) !== undefined, `expected ${what}`);

const hostAddress = z.string().superRefine((text, context) => {
  const problem = hostAddressProblem(text);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem, input: text });
});

const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(item).min(1));

const wifi = z.strictObject({
  ssid: z.string().min(1).refine((text) => Buffer.byteLength(text) <= 32, "expected at most 32 bytes").meta({
    description: "name of the Wi-Fi network",
  }),
  // IEEE 802.11i, annex H.4: 8 to 63 printable ASCII characters, or the key itself.
  password: z.string().regex(
    /^(?:[\x20-\x7e]{8,63}|[0-9A-Fa-f]{64})$/,
    "expected 8 to 63 ASCII characters, or the key as 64 hexadecimal digits",
  ).meta({ description: "password of the Wi-Fi network (WPA2 or WPA3)", secret: true }),
  country: z.string().regex(/^[A-Z]{2}$/, "expected two capital letters, such as US").optional().meta({
    description: "country, which decides the channels that Wi-Fi may use",
  }),
});

const network = z.strictObject({
  address: hostAddress.optional().meta({
    description: "address of the box with its prefix length, 192.0.2.10/24; absent: the box asks a DHCP server",
  }),
  gateway: ipAddress("an address such as 192.0.2.1").optional().meta({ description: "address of the router" }),
  dns: oneOrMore(ipAddress("an address such as 192.0.2.53")).optional().meta({
    description: "addresses of the name servers; absent: those that the DHCP server names",
  }),
  vlan: z.int().min(1).max(4094).optional().meta({ description: "number of the tagged VLAN that the box is in" }),
  interface: z.string().regex(/^[A-Za-z][\w.-]{0,14}$/, "expected the name of an interface, such as eth0").optional().meta({
    description:
      "interface that these settings apply to; absent: every Ethernet interface, or the Wi-Fi interface with network.wifi",
  }),
  wifi: wifi.optional().meta({ description: "Wi-Fi network to join; Ethernet is then configured by DHCP" }),
}).superRefine(({ address, gateway, vlan, wifi }, context) => {
  const issue = (key: string, message: string, input: unknown) =>
    context.addIssue({ code: "custom", path: [key], message, input });
  if (wifi && vlan !== undefined) issue("vlan", "expected no VLAN with network.wifi", vlan);
  if (gateway === undefined || normaliseAddress(gateway) === undefined) return;
  if (address === undefined) issue("gateway", "expected network.address too: with DHCP the server names the router", gateway);
  else if (hostAddressProblem(address) === undefined) {
    const message = gatewayProblem(address, gateway);
    if (message !== undefined) issue("gateway", message, gateway);
  }
});

/** Why no packet from this address could reach the gateway; undefined if it can. */
function gatewayProblem(address: string, gateway: string): string | undefined {
  if (normaliseAddress(gateway) === normaliseAddress(address.split("/")[0] ?? "")) {
    return "expected another address than the box's";
  }
  const isReachable = parseRanges(address.includes(":") ? [address, "fe80::/10"] : [address]);
  return isReachable(gateway) ? undefined : `expected an address in the network of network.address, ${address}`;
}

const ntp = oneOrMore(
  z.string().regex(/^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})|[0-9A-Fa-f:.]+)$/, "expected a host name or an address"),
);

const update = z.strictObject({
  url: z.string().refine(isServerUrl, "expected a URL such as http://updates.example.com/telesetd, without user, ? or #").meta({
    description: "folder of an HTTP server with the channels of updates",
  }),
  channel: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "expected the name of a folder, such as stable").default(
    "stable",
  )
    .meta({ description: "folder below url with the updates of this box, such as stable or canary" }),
  at: z.string().refine(isTimeOfDay, "expected a time such as 02:00, or with its zone 02:00 Europe/Berlin").default("02:00").meta(
    {
      description: "time of day at which the box looks for an update, in UTC or in the zone that follows: 02:00 America/New_York",
    },
  ),
  randomDelayMinutes: z.int().min(0).max(1439).default(120).meta({
    description: "longest random delay after that time, in minutes, so that boxes do not update all at once",
  }),
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
  network: network.optional().meta({ description: "network of the box (only on the image); absent: DHCP" }),
  ntp: ntp.optional().meta({
    description: "time servers (only on the image); absent: those that the DHCP server names, otherwise Debian's",
  }),
  update: update.optional().meta({ description: "updates of the image; absent: none" }),
};

const sections = z.object(imageSections);

/** What the image obeys; absent sections keep the defaults of the image. */
export type ImageSettings = z.infer<typeof sections>;

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
      const result = sections.safeParse(secrets.filledIn({ [key]: given[key] }), { reportInput: true });
      const found: Problem[] = [...secrets.problems.values()];
      if (!result.success && found.length === 0) {
        found.push(...result.error.issues.flatMap((issue) => sentences(issue, sections)));
      }
      problems.push(...found.map(({ text }) => text));
      return result.success && found.length === 0 ? Object.entries(result.data) : [];
    }),
  );
  return { settings, problems };
}
