/**
 * CCTSDK encoder: XML of events and of answers to callouts (Oracle E13402, Basic Telephony). Pure.
 * Values come from strangers (caller ID, channel variables), and EBS pastes them unescaped into `name="value"` strings: a
 * value that is not plainly harmless is omitted, never cut or repaired.
 */
import type { CrmEvent, Reply } from "../core/crm.ts";
import { maxAniDigits, quoted } from "../core/number.ts";
import { element, stringify, type XmlElement } from "../platform/xml.ts";

/** A value omitted from an event; `why` is a phrase such as `it has 51 characters: expected at most 50`. */
export interface Dropped {
  readonly name: string;
  readonly why: string;
}

/** An event as sent, and the values omitted from it. */
export interface Encoded {
  readonly xml: string;
  readonly dropped: readonly Dropped[];
}

/** Limits of the receiving Oracle forms, in characters. `pairs` is for all pairs of an event, written `name="value" `. */
export const maxLengths = { sourceId: 60, ani: maxAniDigits, dnis: 30, value: 50, pairs: 1799 } as const;

const harmless = /^[A-Za-z0-9 ._:\/@+-]*$/;
const name = /^[A-Za-z_][A-Za-z0-9_]{0,49}$/;
const classes = ["SR", "OPPORTUNITY", "EVENT"];
const classified = ["ScreenPopType", "occtClassification"];
const ours = ["occtSourceID", "occtANI", "occtDNIS"];

type Pair = readonly [name: string, value: string];

/** The body of the POST for an event, on one line, and the values omitted. */
export function encodeEvent(event: CrmEvent): Encoded {
  const dropped: Dropped[] = [];
  if (event.name === "Error") return { xml: body("Error", [["occtErrorMsg", event.message]]), dropped };
  if (event.name === "TelephonyDisabled" || event.name === "TelephonyEnabled") return { xml: body(event.name, []), dropped };
  const pairs: Pair[] = [["occtSourceID", sourceId(event.call, dropped)]];
  if (event.name === "ScreenPop") pairs.push(...screenPop(event, dropped));
  return { xml: body(event.name, fitting(pairs, dropped)), dropped };
}

/**
 * The answer to a callout. Oracle documents no body for success: ours is an empty root element, written with both tags for
 * readers that search for the closing one.
 */
export function encodeReply(reply: Reply): string {
  if (!reply.ok) return body("Error", [["occtErrorMsg", reply.why]]);
  return stringify(element("CCTSDK", {}, [{ type: "text", text: "" }]));
}

function body(event: string, pairs: readonly Pair[]): string {
  const data = pairs.map(([name, value]): XmlElement => element("data", { name, value }, []));
  return stringify(element("CCTSDK", {}, [element("event", { name: event }, data)]));
}

/** The id is the only value that is repaired: events are useless without it, and all events of a call need the same one. */
function sourceId(call: string, dropped: Dropped[]): string {
  const id = call.replace(/[^A-Za-z0-9 ._:\/@+-]/g, "_").slice(0, maxLengths.sourceId);
  if (id !== call) dropped.push({ name: "occtSourceID", why: `the call id ${quoted(call)} is sent as ${id}` });
  return id;
}

function screenPop(event: Extract<CrmEvent, { name: "ScreenPop" }>, dropped: Dropped[]): Pair[] {
  const drop = (name: string, why: string | undefined): boolean => {
    if (why !== undefined) dropped.push({ name, why });
    return why !== undefined;
  };
  // occtANI is always sent: an unknown caller is an empty number, never a word.
  const pairs: Pair[] = [["occtANI", drop("occtANI", notAni(event.ani)) ? "" : event.ani]];
  const dnis = event.dnis.trim();
  if (dnis !== "" && !drop("occtDNIS", notHarmless(dnis, maxLengths.dnis))) pairs.push(["occtDNIS", dnis]);
  for (const [key, raw] of Object.entries(event.data)) {
    const value = raw.trim();
    if (value !== "" && !drop(key, notData(key, value))) pairs.push([key, value]);
  }
  return pairs;
}

function notAni(ani: string): string | undefined {
  if (!/^\d*$/.test(ani)) return `it is ${quoted(ani)}: expected digits only`;
  return tooLong(ani, maxLengths.ani);
}

function notData(key: string, value: string): string | undefined {
  if (!name.test(key)) return "invalid name: expected at most 50 letters, digits or _";
  if (ours.includes(key)) return "the event already has a value with this name";
  if (classified.includes(key) && !classes.includes(value)) return `it is ${quoted(value)}: expected ${classes.join(", ")}`;
  return notHarmless(value, maxLengths.value);
}

function notHarmless(value: string, limit: number): string | undefined {
  if (!harmless.test(value)) return `it is ${quoted(value)}: expected only letters A-Z, digits, space and . _ : / @ + -`;
  return tooLong(value, limit);
}

function tooLong(value: string, limit: number): string | undefined {
  return value.length > limit ? `it has ${value.length} characters: expected at most ${limit}` : undefined;
}

/** Returns the pairs up to the size limit; the first that does not fit and all after it are omitted. */
function fitting(pairs: readonly Pair[], dropped: Dropped[]): readonly Pair[] {
  let length = 0;
  const end = pairs.findIndex(([name, value]) => (length += `${name}="${value}" `.length) > maxLengths.pairs);
  if (end < 0) return pairs;
  for (const [name] of pairs.slice(end)) {
    dropped.push({ name, why: `all values together are too long: expected at most ${maxLengths.pairs} characters` });
  }
  return pairs.slice(0, end);
}
