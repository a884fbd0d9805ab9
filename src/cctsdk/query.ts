/**
 * Parser for the query string of a callout. Liberal in spelling (names in any case and order, identical duplicates, either
 * encoding of old Java clients, invisible characters of pasted text), strict in form (percent-encoding, no control
 * characters). Pure.
 */
import { quoted } from "../core/number.ts";
import { codePoint, withoutInvisible } from "../core/spelling.ts";
import { type ParameterAliases, type ParameterName, parameterNames } from "./profile.ts";

/** A given parameter: its value, trimmed and without invisible characters, or its problem. */
export type Parameter =
  | { readonly valid: true; readonly value: string }
  | { readonly valid: false; readonly problem: string };

const byLowerName = new Map<string, ParameterName>(parameterNames.map((name) => [name.toLowerCase(), name]));

// Cc: control characters; Zl, Zp: line and paragraph separators, which some log readers treat as line ends.
const control = /[\p{Cc}\p{Zl}\p{Zp}]/u;
// An unpaired surrogate, or the replacement character that decoders write for invalid UTF-8.
const broken = /[\p{Cs}\ufffd]/u;

/**
 * Parses a query string (without the `?`). Empty values count as missing; unknown parameters are ignored.
 * Encoding: `+` is a space, except at the start of a dial string; `%XX` is a byte of UTF-8 (RFC 3986 section 2.1, RFC 3629),
 * or of windows-1252 if the bytes are not valid UTF-8.
 */
export function readQuery(query: string, aliases: ParameterAliases = {}): ReadonlyMap<ParameterName, Parameter> {
  const found = new Map<ParameterName, Parameter>();
  for (const segment of query.split("&")) {
    const { name, text } = split(segment, aliases);
    if (name === undefined) continue;
    const parameter = read(name, text);
    if (parameter === undefined) continue;
    const before = found.get(name);
    found.set(name, before === undefined ? parameter : merged(name, before, parameter));
  }
  return found;
}

/** The query for the log: anything that could hold a password is hidden, even in odd spellings. */
export function hidePassword(query: string, aliases: ParameterAliases = {}): string {
  return query.split("&").map((segment) => {
    if (split(segment, aliases).name === "agentPassword") return `${segment.slice(0, Math.max(segment.indexOf("="), 0))}=***`;
    const plain = unescape(segment);
    if (plain !== undefined && !/password/i.test(plain)) return segment;
    const end = segment.indexOf("=");
    return /password/i.test(unescape(segment.slice(0, Math.max(end, 0))) ?? "") ? `${segment.slice(0, end)}=***` : "***";
  }).join("&");
}

/** A value for an error text; it is hidden if it may contain a password (for example after `;` in place of `&`). */
export function shown(value: string): string {
  return /password/i.test(value) ? "a text containing a password" : quoted(value);
}

function split(segment: string, aliases: ParameterAliases): { name: ParameterName | undefined; text: string } {
  const equals = segment.indexOf("=");
  const end = equals < 0 ? segment.length : equals;
  const name = unescape(segment.slice(0, end))?.trim().toLowerCase();
  const alias = name !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return { name: byLowerName.get(name ?? "") ?? alias, text: segment.slice(end + 1) };
}

/** Decodes a value; undefined if a `%` is not followed by two hexadecimal digits. */
function unescape(text: string): string | undefined {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return /%(?![0-9a-f]{2})|[^\0-\xff]/i.test(spaced) ? undefined : windows1252(spaced);
  }
}

/** Java clients before 1.4 encode in the PC's character set. */
function windows1252(text: string): string {
  const bytes = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return new TextDecoder("windows-1252").decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

function read(name: ParameterName, text: string): Parameter | undefined {
  const value = unescape(text);
  if (value === undefined) {
    return { valid: false, problem: `${name} cannot be decoded: expected two hexadecimal digits after each %` };
  }
  const [lost] = broken.exec(value) ?? [];
  if (lost !== undefined) {
    const problem = `${name} contains ${codePoint(lost)}, which replaces an unreadable character: expected UTF-8 or windows-1252`;
    return { valid: false, problem };
  }
  // Checked before trimming, which would remove a line break at the end.
  const [bad] = control.exec(value) ?? [];
  if (bad !== undefined) return { valid: false, problem: `${name} contains the control character ${codePoint(bad)}: remove it` };
  const trimmed = name === "agentPassword" ? value.trim() : clean(name === "dialString" ? dialString(text, value) : value);
  return trimmed === "" ? undefined : { valid: true, value: trimmed };
}

/** Removes invisible characters, which agents paste unknowingly. */
function clean(value: string): string {
  return withoutInvisible(value).trim();
}

/**
 * A dial string never begins with a space, so a raw `+` in front of its digits is the plus of an international number; it
 * never contains a `%` either, so a remaining one means that it was encoded twice.
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

/** The index where the number begins: after the scheme of a `tel:` URI (RFC 3966), if present. */
function numberAt(text: string): number {
  return /^(?:\+*\s*tel:(?:\/\/)?)?/i.exec(text)?.[0].length ?? 0;
}

function merged(name: ParameterName, first: Parameter, second: Parameter): Parameter {
  if (!first.valid) return first;
  if (!second.valid || first.value === second.value) return second;
  const values = name === "agentPassword" ? "" : `, ${shown(first.value)} and ${shown(second.value)}`;
  return { valid: false, problem: `${name} is given twice with different values${values}: expected one` };
}
