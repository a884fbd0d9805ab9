/**
 * The query string of a callout: which parameters it has and whether their form is sound. Liberal in spelling (names in any
 * case and order, a parameter given twice alike), strict in form (percent-encoding, UTF-8, no control characters). Pure.
 */
import { quoted } from "../core/number.ts";

/** The parameters of the callouts, spelt as Oracle spells them (E13402, Basic Telephony). */
export const parameterNames = [
  "FunctionName",
  "telesetNumber",
  "agentID",
  "ipAddress",
  "port",
  "agentPassword",
  "agentQueue",
  "dialString",
] as const;
export type ParameterName = (typeof parameterNames)[number];

/** What became of a parameter that was given: its value, trimmed, or what is wrong with its form. */
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
 * Bytes: `+` is a space, `%XX` a byte of UTF-8 (RFC 3986 section 2.1, RFC 3629).
 */
export function readQuery(query: string): ReadonlyMap<ParameterName, Parameter> {
  const found = new Map<ParameterName, Parameter>();
  for (const segment of query.split("&")) {
    const { name, text } = split(segment);
    if (name === undefined) continue;
    const parameter = soundness(name, text);
    if (parameter === undefined) continue;
    const before = found.get(name);
    found.set(name, before === undefined ? parameter : merged(name, before, parameter));
  }
  return found;
}

/** The query as the log may show it: whatever could hold a password is hidden, even behind odd spelling. */
export function hidePassword(query: string): string {
  return query.split("&").map((segment) => {
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

function split(segment: string): { name: ParameterName | undefined; text: string } {
  const equals = segment.indexOf("=");
  const end = equals < 0 ? segment.length : equals;
  const name = unescape(segment.slice(0, end))?.trim().toLowerCase();
  return { name: byLowerName.get(name ?? ""), text: segment.slice(end + 1) };
}

function unescape(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}

function soundness(name: ParameterName, text: string): Parameter | undefined {
  const value = unescape(text);
  if (value === undefined || broken.test(value)) {
    return { sound: false, problem: `${name} cannot be read: want each % to be followed by two hexadecimal digits, in UTF-8` };
  }
  // Looked for before trimming: trimming would take a line break at the end away.
  if (control.test(value)) return { sound: false, problem: `${name} holds a control character: want none` };
  const trimmed = value.trim();
  return trimmed === "" ? undefined : { sound: true, value: trimmed };
}

function merged(name: ParameterName, first: Parameter, second: Parameter): Parameter {
  if (!first.sound) return first;
  if (!second.sound || first.value === second.value) return second;
  const values = name === "agentPassword" ? "" : `, ${shown(first.value)} and ${shown(second.value)}`;
  return { sound: false, problem: `${name} is given twice with different values${values}: want one` };
}
