/**
 * Hides what a bug report must not contain: secrets always; customers' numbers and people's names unless they are asked for. A
 * number keeps its last four digits, as in the log. What is masked in vain does less harm than what is not masked. Pure.
 */
import { hiddenSecret } from "../../config/hidden.ts";

/** What is known to be in the daemon's data, besides what looks like a number or a name. */
export interface Known {
  readonly secrets: readonly string[];
  /** Numbers and names of the parties of calls, as the switch or the CRM writes them. */
  readonly parties: readonly string[];
  /** The agents, who become `agent-1`, `agent-2`, the same in all files. */
  readonly agents: readonly string[];
  /** The extensions of the desks, which are shown. */
  readonly desks: readonly string[];
}

/** The digits of a number that are shown, and how many digits make a customer's number: extensions are shorter. */
const shownDigits = 4;
const minDigits = 7;

/** Replaces texts by others. */
type Replace = (text: string) => string;

/** Masks texts and JSON. */
export class Mask {
  readonly #secrets: Replace;
  readonly #known: Replace;
  readonly #people: boolean;

  constructor({ secrets, parties, agents, desks }: Known, withNumbers: boolean) {
    this.#people = !withNumbers;
    this.#secrets = replacing(secrets.map((secret) => ({ found: anyForm(secret), by: hiddenSecret })));
    const others = agents.filter((agent) => !desks.includes(agent));
    this.#known = replacing([
      ...parties.filter((party) => isLong(party)).map((party) => ({ found: partyPattern(party), by: maskedIdentity(party) })),
      ...others.map((agent, index) => ({ found: whole(anyForm(agent)), by: `agent-${index + 1}` })),
    ]);
  }

  /** A text of any kind. */
  text(text: string): string {
    const safe = this.#secrets(text);
    return this.#people ? maskedNumbers(maskedNames(this.#known(safe))) : safe;
  }

  /** Lines of the log. The messages of the wires, which have names and numbers at any place, are omitted. */
  log(text: string): string {
    const safe = this.#secrets(text);
    return this.#people ? this.text(safe.split("\n").map(withoutMessages).join("\n")) : safe;
  }

  /** A text in which only what is known is hidden: it has numbers that are not those of people. */
  counters(text: string): string {
    const safe = this.#secrets(text);
    return this.#people ? this.#known(safe) : safe;
  }

  /** A value of JSON: its texts and its keys. */
  json(value: unknown, key = ""): unknown {
    if (typeof value === "string") {
      const hide = this.#people && identityKeys.has(key) && !/^\d{1,5}$/.test(value) ? maskedIdentity : (text: string) => text;
      return this.text(hide(value));
    }
    if (Array.isArray(value)) return value.map((item) => this.json(item, key));
    if (typeof value !== "object" || value === null) return value;
    if (this.#people && key === "data") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, sizeOf(item)]));
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [this.#known(this.#secrets(name)), this.json(item, name)]),
    );
  }
}

/** The keys of JSON whose values are the other party of a call. */
const identityKeys = new Set(["party", "identity", "number", "dialString"]);

function replacing(pairs: readonly { readonly found: string; readonly by: string }[]): Replace {
  const all = pairs.filter(({ found }) => found !== "").toSorted((a, b) => b.found.length - a.found.length)
    .map(({ found, by }) => ({ pattern: new RegExp(found, "giu"), by }));
  return (text) => all.reduce((text, { pattern, by }) => text.replace(pattern, () => by), text);
}

/** The pattern of a text: plain, and as JSON, URLs, XML and base64 write it. */
function anyForm(text: string): string {
  const json = JSON.stringify(text).slice(1, -1);
  const xml = text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const named = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const forms = [
    text,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(text),
    xml,
    named,
    btoa(unescape(encodeURIComponent(text))),
  ];
  const patterns = [...new Set(forms)].map((form) => RegExp.escape(form)).join("|");
  // A short word, such as a password 1234, is also a part of other words.
  return text.length < 6 && /^\w+$/.test(text) ? whole(patterns) : `(?:${patterns})`;
}

function whole(pattern: string): string {
  return `(?<![\\p{L}\\p{Nd}_])(?:${pattern})(?![\\p{L}\\p{Nd}_])`;
}

/** A shorter one may be a part of anything. */
function isLong(party: string): boolean {
  return /\p{L}/u.test(party) ? party.trim().length >= 3 : digitsOf(party).length > 5;
}

function digitsOf(text: string): string {
  return text.replace(/\P{Nd}/gu, "");
}

/** What may be between the digits of a number, plain or encoded. */
const gap = "(?:[ ().\\/\\-\\u00a0]|%20|%28|%29|&#\\d+;|\\\\u00a0){0,4}";

function partyPattern(party: string): string {
  return /\p{L}/u.test(party) ? whole(anyForm(party)) : [...digitsOf(party)].join(gap);
}

/** `...0123`; names become `[name]`. */
function maskedIdentity(identity: string): string {
  if (identity === "") return "";
  if (/\p{L}/u.test(identity)) return "[name]";
  const digits = digitsOf(identity);
  return `...${digits.length < minDigits ? "" : digits.slice(-shownDigits)}`;
}

function sizeOf(value: unknown): string {
  return `[${String(value).length} characters]`;
}

/** Texts with digits that are not numbers of people: times, UUIDs, IPv4 addresses. */
const otherDigits = [
  "\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?(?!\\d)",
  "\\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\\b",
  "(?<![\\d.])(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)\\.){3}(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?::\\d{1,5})?(?![.\\d])",
].join("|");
const numbers = new RegExp(
  `${otherDigits}|(\\+?\\p{Nd}(?:(?:[ ().\\/\\-\\u00a0]|%20|%28|%29){0,3}\\p{Nd}){${minDigits - 1},})`,
  "giu",
);

/** Masks everything that may be a number. */
function maskedNumbers(text: string): string {
  return text.replace(numbers, (found, number?: string) => number === undefined ? found : maskedIdentity(number));
}

const displayName = /(?:\\*"[^"<>]*"|[\p{L}\p{Nd}_.'%-]+(?: [\p{L}\p{Nd}_.'%-]+)*)\s*(?=<(?:sips?|tel):)/giu;
const userOfUri = /\b(sips?:)([^\s@;:>"']+)(?=[^\s@>"']*@)/gi;
const namedField =
  /((?:caller|callee|id|display|full|first|last|customer|contact|from|to|remote|party)[\w-]*name\\*["']?\s*[:=]\s*)(\\*"(?:[^"\\]|\\[^"])*\\*"|'[^']*'|[^\s,;}"'<>\\]+)/gi;

/** Masks names where SIP and the switch write them. */
function maskedNames(text: string): string {
  return text.replace(displayName, "[name] ").replace(namedField, "$1[name]")
    .replace(userOfUri, (all, scheme: string, user: string) => /\p{L}/u.test(user) ? `${scheme}[name]` : all);
}

/** A line of the log without the messages of the wires: XML, JSON, and long or multi-line values. */
function withoutMessages(line: string): string {
  const left = (message: string): string => `[message of ${message.length} characters]`;
  return line
    .replace(/="((?:[^"\\]|\\.)*)"/g, (all, value: string) => isMessage(value) ? `=${left(value)}` : all)
    .replace(/\{\s*\\*".*\}/, left)
    .replace(/<(?!sips?:|tel:)[A-Za-z?!].*>/, left);
}

/** The longest sentence in a field of the log. */
const maxSentence = 300;

function isMessage(value: string): boolean {
  return value.length > maxSentence || /[{<]|\\+u000[ad]|\\n/.test(value) || /^(?:GET|POST) /.test(value);
}
