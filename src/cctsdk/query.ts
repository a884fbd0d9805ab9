/**
 * The query string of a callout: which parameters it has and whether their form is sound. Liberal in spelling (names in any
 * case and order, a parameter given twice alike, either encoding of old Java clients, invisible characters of pasted text),
 * strict in form (percent-encoding, no control characters). Pure.
 */
import { quoted } from "../core/number.ts";
import { codePoint, withoutInvisible } from "../core/spelling.ts";
import { type ParameterAliases, type ParameterName, parameterNames } from "./profile.ts";

/** A parameter that was given: its value, trimmed and without invisible characters, or what is wrong with its form. */
export type Parameter =
  | { readonly sound: true; readonly value: string }
  | { readonly sound: false; readonly problem: string };

const byLowerName = new Map<string, ParameterName>(parameterNames.map((name) => [name.toLowerCase(), name]));

// Cc: control characters; Zl, Zp: line and paragraph separators, which end a line for some readers of logs.
const control = /[\p{Cc}\p{Zl}\p{Zp}]/u;
// Half of a surrogate pair, or the mark that a decoder leaves where bytes were no UTF-8.
const broken = /[\p{Cs}\ufffd]/u;

/**
 * Reads a query string (without the `?`). Empty values count as not given; parameters that no callout has are ignored.
 * Bytes: `+` is a space, except where a dial string begins; `%XX` is a byte of UTF-8 (RFC 3986 section 2.1, RFC 3629), or of
 * windows-1252 where the bytes are not UTF-8.
 */
export function readQuery(query: string, aliases: ParameterAliases = {}): ReadonlyMap<ParameterName, Parameter> {
  const found = new Map<ParameterName, Parameter>();
  for (const segment of query.split("&")) {
    const { name, text } = split(segment, aliases);
    if (name === undefined) continue;
    const parameter = soundness(name, text);
    if (parameter === undefined) continue;
    const before = found.get(name);
    found.set(name, before === undefined ? parameter : merged(name, before, parameter));
  }
  return found;
}

/** The query as the log may show it: whatever could hold a password is hidden, even behind odd spelling. */
export function hidePassword(query: string, aliases: ParameterAliases = {}): string {
  return query.split("&").map((segment) => {
    if (split(segment, aliases).name === "agentPassword") return `${segment.slice(0, Math.max(segment.indexOf("="), 0))}=***`;
    const plain = unescape(segment);
    if (plain !== undefined && !/password/i.test(plain)) return segment;
    const end = segment.indexOf("=");
    return /password/i.test(unescape(segment.slice(0, Math.max(end, 0))) ?? "") ? `${segment.slice(0, end)}=***` : "***";
  }).join("&");
}

/** A value for an error text; one that seems to hold a password (a `;` instead of a `&` does that) is not repeated. */
export function shown(value: string): string {
  return /password/i.test(value) ? "something with a password in it" : quoted(value);
}

function split(segment: string, aliases: ParameterAliases): { name: ParameterName | undefined; text: string } {
  const equals = segment.indexOf("=");
  const end = equals < 0 ? segment.length : equals;
  const name = unescape(segment.slice(0, end))?.trim().toLowerCase();
  const alias = name !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return { name: byLowerName.get(name ?? "") ?? alias, text: segment.slice(end + 1) };
}

/** The text that a value means; undefined when a `%` is not followed by two hexadecimal digits. */
function unescape(text: string): string | undefined {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return /%(?![0-9a-f]{2})|[^\0-\xff]/i.test(spaced) ? undefined : windows1252(spaced);
  }
}

/** Java clients of before 1.4 encode with the character set of the PC. */
function windows1252(text: string): string {
  const bytes = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return new TextDecoder("windows-1252").decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

function soundness(name: ParameterName, text: string): Parameter | undefined {
  const value = unescape(text);
  if (value === undefined) {
    return { sound: false, problem: `${name} cannot be read: expected each % to be followed by two hexadecimal digits` };
  }
  const [lost] = broken.exec(value) ?? [];
  if (lost !== undefined) {
    const problem = `${name} holds ${codePoint(lost)} in place of a character that was lost: expected UTF-8 or windows-1252`;
    return { sound: false, problem };
  }
  // Looked for before trimming: trimming would take a line break at the end away.
  const [bad] = control.exec(value) ?? [];
  if (bad !== undefined) return { sound: false, problem: `${name} holds the control character ${codePoint(bad)}: expected none` };
  const trimmed = name === "agentPassword" ? value.trim() : clean(name === "dialString" ? dialString(text, value) : value);
  return trimmed === "" ? undefined : { sound: true, value: trimmed };
}

/** Agents paste what they do not see. */
function clean(value: string): string {
  return withoutInvisible(value).trim();
}

/**
 * A dial string does not begin with a space, so that a raw `+` in front of its digits is the plus of an international number;
 * nor does it hold a `%`: one that is left was encoded twice.
 */
function dialString(text: string, value: string): string {
  const twice = /%[0-9a-f]{2}/i.test(value) ? unescape(value) : undefined;
  if (twice !== undefined && !broken.test(twice) && !control.test(twice)) return dialString(value, twice);
  const seen = clean(value);
  const sent = clean(unescape(text.replaceAll("+", "%2B")) ?? "");
  const scheme = seen.slice(0, numberAt(seen));
  const number = seen.slice(scheme.length).trim();
  return /^\s*\+/.test(sent.slice(numberAt(sent))) && /^[\d(]/.test(number) ? `${scheme}+${number}` : value;
}

/** Where the number begins: behind the scheme of a `tel:` URI (RFC 3966), if there is one. */
function numberAt(text: string): number {
  return /^(?:\+*\s*tel:(?:\/\/)?)?/i.exec(text)?.[0].length ?? 0;
}

function merged(name: ParameterName, first: Parameter, second: Parameter): Parameter {
  if (!first.sound) return first;
  if (!second.sound || first.value === second.value) return second;
  const values = name === "agentPassword" ? "" : `, ${shown(first.value)} and ${shown(second.value)}`;
  return { sound: false, problem: `${name} is given twice with different values${values}: expected one` };
}
