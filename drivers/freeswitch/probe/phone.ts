/** What the switch knows about a phone: its domain, registration, make and address; or why it is not registered. */
import { phoneMakes } from "../../shared/auto-answer.ts";
import { failed, type Finding, good, warning } from "../../shared/probing.ts";
import type { FreeswitchConfig } from "../config.ts";
import type { Reply } from "../wire/link.ts";
import { type Ask, domainsOf, isDenied, registrations } from "./ask.ts";
import { oneLine } from "../../../src/platform/text.ts";

/** Whether the switch serves `line.domain`, or which domains instead. */
export async function checkDomain(ask: Ask, { domain }: FreeswitchConfig): Promise<Finding> {
  const served = await ask(`domain_exists ${domain}`);
  if (served.ok && served.text.trim() === "true") return good(`The switch serves the domain ${domain}.`);
  // Phones also register in a domain that has another name in the directory.
  const domains = await domainsOf(ask);
  if (domains.registered.includes(domain)) return good(`Phones are registered in the domain ${domain}.`);
  const others = domains.served.filter((name) => name !== domain);
  const some = others.slice(0, 5).join(", ");
  if (!served.ok) {
    const there = some === "" ? "" : `; phones are registered in ${some}`;
    return warning(
      `Cannot tell whether the switch serves the domain ${domain}: this user may not run domain_exists${there}.`,
      "Compare line.domain with what the phone has as its SIP server or domain.",
    );
  }
  return failed(
    `The switch does not serve the domain ${domain}${some === "" ? "" : `; it serves ${some}`}.`,
    `Set line.domain to ${others[0] ?? "the domain that the phones register in"}.`,
    { key: "domain", offers: others },
  );
}

/** Whether the phone is registered: its contact, its make by User-Agent, and its address. */
export async function checkPhone(ask: Ask, extension: string, config: FreeswitchConfig): Promise<Finding> {
  const { domain } = config;
  const reply = await ask(`sofia_contact */${extension}@${domain}`);
  if (isDenied(reply)) {
    return failed(
      `Cannot ask whether phone ${extension} is registered: the switch denies sofia_contact.`,
      "Add sofia_contact to esl-allowed-api of line.user on the switch; then reloadxml.",
    );
  }
  const contacts = reply.text.trim().split(",").filter((contact) => contact.startsWith("sofia/"));
  if (contacts.length > 0) return await describePhone(ask, extension, contacts, config);
  if (/command not found/i.test(reply.text)) {
    return failed("The switch has no SIP (mod_sofia is not loaded).", 'On the switch: fs_cli -x "load mod_sofia".');
  }
  // Any other error than error/user_not_registered carries no information about the phone.
  if (!/^error\/user_not_registered/.test(reply.text.trim())) {
    return failed(
      `Cannot tell whether phone ${extension} is registered: the switch answers ${shortened(reply.text.trim()) || "nothing"}.`,
      `On the switch: fs_cli -x "sofia_contact */${extension}@${domain}"; is mod_sofia loaded, and its profile running?`,
    );
  }
  return await whyUnregistered(ask, extension, config);
}

/** One registration of a phone, as far as known. */
interface Registered {
  readonly uri: string;
  readonly from?: string | undefined;
  readonly agent?: string | undefined;
}

/** The address and make of each phone that is registered for the extension. */
async function describePhone(
  ask: Ask,
  extension: string,
  contacts: readonly string[],
  config: FreeswitchConfig,
): Promise<Finding> {
  const { domain, phoneMake } = config;
  const profiles = [...new Set(contacts.flatMap((contact) => /^sofia\/([^/]+)\//.exec(contact)?.[1] ?? []))];
  const details: Reply[] = [];
  for (const profile of profiles) details.push(await ask(`sofia status profile ${profile} user ${extension}@${domain}`));
  const listed = details.flatMap(({ ok, text }) => ok ? blocksOf(text) : []);
  const known = listed.length > 0 ? listed : await fromContacts(ask, extension, contacts, domain);
  const makes = [...new Set(known.map(({ agent }) => phoneMakes.find((make) => agent?.toLowerCase().includes(make))))];
  const [make] = makes;
  const message = [
    known.length === 1 ? "Registered: " : `Registered ${known.length} times: `,
    known.slice(0, maxShown).map(described).join("; "),
    known.length > maxShown ? `; and ${known.length - maxShown} more` : "",
    details.some(isDenied) ? " (the make is unknown: the switch denies sofia)" : "",
    makes.length === 1 && make !== undefined && phoneMake === "generic"
      ? `; line.phoneMake is ${phoneMake}: set it to ${make} for auto-answer`
      : "",
  ].join("");
  return good(`${message}.`);
}

/** How many registrations of one extension are shown. */
const maxShown = 10;

/** From the contacts alone; with several contacts it is not known which address belongs to which contact. */
async function fromContacts(ask: Ask, extension: string, contacts: readonly string[], domain: string): Promise<Registered[]> {
  const row = (await registrations(ask)).find(({ user, realm }) => user === extension && realm === domain);
  const from = contacts.length === 1 ? row?.from : undefined;
  return contacts.map((contact) => ({ uri: contact.replace(/^sofia\/[^/]+\//, ""), from }));
}

function described({ uri, from, agent }: Registered): string {
  return `${shortened(uri)}${from === undefined ? "" : `, from ${shortened(from)}`}${
    agent === undefined ? "" : `, a ${shortened(agent)}`
  }`;
}

/** The registrations of `sofia status profile NAME user USER@DOMAIN` (mod_sofia.c): each begins with its Call-ID. */
function blocksOf(text: string): Registered[] {
  return text.split(/^(?=Call-ID:)/m).slice(1).map((block) => {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.+)$`, "m").exec(block)?.[1]?.trim();
    const contact = field("Contact") ?? "";
    const ip = field("IP");
    return {
      uri: /<([^>]*)>/.exec(contact)?.[1] ?? contact,
      from: ip === undefined ? undefined : `${ip}:${field("Port") ?? "?"}`,
      agent: field("Agent"),
    };
  });
}

async function whyUnregistered(ask: Ask, extension: string, config: FreeswitchConfig): Promise<Finding> {
  const { domain } = config;
  const profiles = await checkProfiles(ask, extension, config);
  if (profiles.sure) return profiles.sure;
  const rows = await registrations(ask);
  const elsewhere = rows.find(({ user, realm }) => user === extension && realm !== domain);
  if (elsewhere) {
    return failed(
      `Phone ${extension} is registered in the domain ${shortened(elsewhere.realm)}, not in ${domain}.`,
      `Set line.domain to ${shortened(elsewhere.realm)}.`,
      { key: "domain", offers: [elsewhere.realm] },
    );
  }
  const known = await ask(`user_exists id ${extension} ${domain}`);
  if (known.text.trim() === "false") {
    const there = rows.filter(({ user, realm }) => realm === domain && /^\d{1,20}$/.test(user)).map(({ user }) => user);
    const offers = [...new Set(there)].toSorted().slice(0, maxShown);
    return failed(
      `The switch has no user ${extension} in the domain ${domain}${
        offers.length === 0 ? "" : `; registered there: ${offers.join(", ")}`
      }.`,
      "Check desks[].extension and line.domain, or add the user to the switch's directory.",
      { extension, offers },
    );
  }
  return profiles.likely ??
    failed(
      `Phone ${extension} is not registered in the domain ${domain}.`,
      "Check the phone's cable and power, and the server, user and password of its SIP account.",
      { extension, offers: [extension] },
    );
}

/** Whether the phone's SIP profile is surely or probably stopped; neither if it appears to be running or cannot be checked. */
async function checkProfiles(
  ask: Ask,
  extension: string,
  { domain, outsideProfiles }: FreeswitchConfig,
): Promise<{ readonly sure?: Finding; readonly likely?: Finding }> {
  const listed = await ask("sofia status");
  if (!listed.ok || !/^\s*Name\s+Type\s/m.test(listed.text)) return {};
  const { running, aliases } = readProfiles(listed.text);
  const row = (await registrations(ask)).find(({ user, realm }) => user === extension && realm === domain);
  const last = /^sofia\/([^/]+)\//.exec(row?.url ?? "")?.[1];
  if (last !== undefined && !running.includes(last)) {
    return {
      sure: stopped(`The SIP profile ${shortened(last)}, on which phone ${extension} was registered, is not running.`, last),
    };
  }
  if (running.length === 0) return { sure: stopped("No SIP profile of the switch is running: no phone can register.") };
  const names = shortened(running.join(", "));
  if (running.every((name) => outsideProfiles.includes(name))) {
    return { sure: stopped(`No SIP profile for phones is running on the switch, only ${names} (line.outsideProfiles).`) };
  }
  if (aliases.length === 0 || [...aliases, ...running].includes(domain)) return {};
  const message =
    `Phone ${extension} is not registered, and no running SIP profile serves the domain ${domain} (running: ${names}).`;
  return { likely: stopped(message) };
}

function stopped(message: string, name = "internal"): Finding {
  const start = `On the switch: fs_cli -x "sofia profile ${shortened(name)} start"`;
  return failed(message, `${start}; its log says why a profile does not start (its port is in use, for example).`);
}

/** `sofia status`: `internal\tprofile\tsip:...\tRUNNING (0)`, `pbx.example\t  alias\tinternal\tALIASED` (mod_sofia.c). */
function readProfiles(text: string): { readonly running: readonly string[]; readonly aliases: readonly string[] } {
  const names = (pattern: RegExp) => [...new Set(text.split("\n").flatMap((line) => pattern.exec(line)?.[1] ?? []))];
  return { running: names(/^\s*(\S+)\s+profile\s.*\bRUNNING\b/), aliases: names(/^\s*(\S+)\s+alias\s/) };
}

/** Text from a phone, made safe for a terminal. */
function shortened(text: string): string {
  return oneLine(text).slice(0, 120);
}
