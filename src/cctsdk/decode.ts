/**
 * CCTSDK, inward: the query string of a callout becomes a `Callout`, or a sentence that says all that is wrong with it;
 * and what the CRM answers to an event. Pure.
 */
import { closest, distance } from "fastest-levenshtein";
import { isLoopback, normaliseAddress } from "../platform/address.ts";
import { type Callout, type CalloutName, calloutNames, type CheckStatus } from "../core/crm.ts";
import { inAscii, oddCharacter } from "../core/spelling.ts";
import type { ParameterAliases, ParameterName } from "./profile.ts";
import { readQuery, shown } from "./query.ts";
import { parse } from "../platform/xml.ts";

/** What a callout is judged by, besides its own text. */
export interface CalloutContext {
  /** The address that the request came from, in its one spelling. */
  readonly from: string;
  /** The extensions of this box. */
  readonly desks: readonly string[];
  /** Further names of parameters. */
  readonly aliases?: ParameterAliases;
  /** The port of UWQ for a Register that names none; absent: it must name one. */
  readonly defaultPort?: number | undefined;
  /** Whether a Register from `from` may name this other address. */
  addressAllowed(address: string, from: string): boolean;
}

/** A callout, or what is wrong with it; `name` is absent when its function is unknown. */
export type Decoded =
  | { readonly ok: true; readonly callout: Callout | CheckStatus }
  | { readonly ok: false; readonly name?: CalloutName; readonly why: string };

/** The longest values, in characters. agentID: what EBS stores; the others: more than any switch takes. */
export const longestParameter = { agentID: 60, agentPassword: 100, agentQueue: 100, dialString: 100 } as const;
type Limited = keyof typeof longestParameter;

/** The most extensions that an error lists. */
const listed = 10;

/** Reads a callout. Every problem of a parameter that it uses is reported at once; a password is never repeated. */
export function decodeCallout(query: string, context: CalloutContext): Decoded {
  const parameters = readQuery(query, context.aliases);
  const problems: string[] = [];
  const asked = parameters.get("FunctionName");
  if (asked?.sound === false) return { ok: false, why: `Cannot read the callout: ${asked.problem}.` };
  const name = nameOf(asked?.value);
  if (name === undefined) return { ok: false, why: `Cannot read the callout: ${unknownFunction(asked?.value)}.` };
  const callout = build(name, {
    name,
    context,
    value: (parameter) => {
      const found = parameters.get(parameter);
      if (found?.sound === false) problems.push(found.problem);
      return found?.sound ? found.value : undefined;
    },
    missing: (parameter) => !parameters.has(parameter),
    problem: (text) => problems.push(text),
  });
  return problems.length === 0 ? { ok: true, callout } : { ok: false, name, why: `Cannot do ${name}: ${problems.join("; ")}.` };
}

function nameOf(text: string | undefined): CalloutName | undefined {
  return calloutNames.find((known) => known.toLowerCase() === text?.toLowerCase());
}

/** The text of the Error event in what the CRM answered, if it is one; undefined for any other body. */
export function decodeAnswer(text: string): string | undefined {
  if (!text.includes("Error")) return undefined;
  try {
    const events = parse(text).root.children.flatMap((child) => child.type === "element" ? [child] : []);
    const error = events.find((event) => event.name.raw === "event" && event.attributes["name"] === "Error");
    if (error === undefined) return undefined;
    const data = error.children.flatMap((child) => child.type === "element" ? [child.attributes] : []);
    return data.find((pair) => pair["name"] === "occtErrorMsg")?.["value"] ?? "Error without occtErrorMsg";
  } catch {
    return undefined;
  }
}

/** What the builders below read from and report to. `value` is undefined for what is missing or unsound, and reports the latter. */
interface Reading {
  readonly name: CalloutName;
  readonly context: CalloutContext;
  value(parameter: ParameterName): string | undefined;
  missing(parameter: ParameterName): boolean;
  problem(text: string): void;
}

function build(name: CalloutName, reading: Reading): Callout | CheckStatus {
  if (name === "CheckStatus") return { name, from: reading.context.from };
  const who = { desk: desk(reading), agent: required(reading, "agentID", "the agent's id") };
  switch (name) {
    case "Register":
      return { name, ...who, address: address(reading), port: port(reading) };
    case "Login":
    case "Logout": {
      // Whoever logs out is not asked who they are.
      const password = name === "Login" ? limited(reading, "agentPassword") : undefined;
      const queue = limited(reading, "agentQueue");
      return { name, ...who, ...(password === undefined ? {} : { password }), ...(queue === undefined ? {} : { queue }) };
    }
    case "MakeCall":
    case "DialCanonical":
      return { name, ...who, dialString: required(reading, "dialString", "the number to dial"), from: reading.context.from };
    default:
      return { name, ...who };
  }
}

function unknownFunction(given: string | undefined): string {
  const known = `expected one of ${calloutNames.join(", ")}`;
  if (given === undefined) return `FunctionName is missing: ${known}`;
  const lower = given.toLowerCase();
  const near = closest(lower, calloutNames.map((name) => name.toLowerCase()));
  const meant = calloutNames.find((name) => name.toLowerCase() === near);
  const hint = distance(lower, near) <= 3 && meant !== undefined ? `did you mean ${meant}? Else ` : "";
  return `FunctionName is ${shown(given)}: ${hint}${known}`;
}

function desk(reading: Reading): string {
  const { desks } = reading.context;
  const more = desks.length > listed ? ` and ${desks.length - listed} more` : "";
  const served = `this box serves ${desks.slice(0, listed).join(", ")}${more}`;
  const given = reading.value("telesetNumber");
  if (reading.missing("telesetNumber")) reading.problem(`telesetNumber is missing: expected the agent's extension; ${served}`);
  if (given === undefined) return "";
  // Agents type and paste it: full-width digits are digits.
  const extension = desks.includes(given) ? given : inAscii(given);
  if (!desks.includes(extension)) reading.problem(`telesetNumber is ${shown(given)}${unlikeDigits(given)}, but ${served}`);
  return extension;
}

/** Which character of a number is no digit: some look like one. */
function unlikeDigits(given: string): string {
  const odd = oddCharacter(given, /[0-9]/);
  return odd === undefined ? "" : ` (${odd} is not a digit)`;
}

function required(reading: Reading, parameter: Limited, meaning: string): string {
  if (reading.missing(parameter)) reading.problem(`${parameter} is missing: expected ${meaning}`);
  return limited(reading, parameter) ?? "";
}

function limited(reading: Reading, parameter: Limited): string | undefined {
  const value = reading.value(parameter);
  const length = value === undefined ? 0 : [...value].length;
  const most = longestParameter[parameter];
  if (length > most) reading.problem(`${parameter} has ${length} characters: expected at most ${most}`);
  return value;
}

function port(reading: Reading): number {
  const given = reading.value("port");
  const wanted = "expected a number from 1 to 65535, the port that UWQ listens on";
  if (reading.missing("port") && reading.context.defaultPort !== undefined) return reading.context.defaultPort;
  if (reading.missing("port")) reading.problem(`port is missing: ${wanted}`);
  if (given === undefined) return 0;
  const number = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (number < 1 || number > 65535) reading.problem(`port is ${shown(given)}${unlikeDigits(given)}: ${wanted}`);
  return number;
}

/**
 * Where UWQ listens. It was built to talk to a softphone on its own PC, so it may name itself `localhost`, or not at all:
 * then it is where the request came from. Another address would let one PC send a second PC's events elsewhere.
 */
function address(reading: Reading): string {
  const { from, addressAllowed } = reading.context;
  const given = reading.value("ipAddress")?.replace(/^\[(.*)\]$/, "$1");
  if (given === undefined || given.toLowerCase() === "localhost" || isLoopback(given)) return from;
  const plain = normaliseAddress(given);
  if (plain === undefined) {
    reading.problem(`ipAddress is ${shown(given)}: expected an IP address, localhost or nothing`);
  } else if (plain !== from && !addressAllowed(plain, from)) {
    reading.problem(`ipAddress is ${plain}, but the request came from ${from}: expected the same, or list ${plain} in crm.allow`);
  }
  return plain ?? "";
}
