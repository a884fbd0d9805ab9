/**
 * CCTSDK decoder: the query string of a callout becomes a `Callout`, or a sentence that lists its errors; also the CRM's
 * answer to an event. Pure.
 */
import { closest, distance } from "fastest-levenshtein";
import { isLoopback, normaliseAddress } from "../platform/address.ts";
import { type Callout, type CalloutName, calloutNames, type CheckStatus } from "../core/crm.ts";
import { inAscii, oddCharacter } from "../core/spelling.ts";
import type { ParameterAliases, ParameterName } from "./profile.ts";
import { readQuery, shown } from "./query.ts";
import { parse } from "../platform/xml.ts";
import { omitUndefined } from "../core/omit-undefined.ts";

/** The context in which a callout is decoded. */
export interface CalloutContext {
  /** The normalised source address of the request. */
  readonly from: string;
  /** The extensions of this box. */
  readonly desks: readonly string[];
  /** Additional parameter names. */
  readonly aliases?: ParameterAliases;
  /** UWQ's port for a Register without a port; absent: the port is required. */
  readonly defaultPort?: number | undefined;
  /** Whether a Register from `from` may name this other address. */
  addressAllowed(address: string, from: string): boolean;
}

/** A callout, or why there is none. */
export type Decoded = { readonly ok: true; readonly callout: Callout | CheckStatus } | Undecoded;

/** Why a callout is not executed. `name` is absent when the function is unknown. */
export interface Undecoded {
  readonly ok: false;
  readonly name?: CalloutName;
  readonly why: string;
  /** It is complete and well-formed, but names a desk or an address that this box does not accept. */
  readonly refused?: true;
  /** The desk and the agent that it names, unchecked, at most 40 characters each. */
  readonly desk?: string;
  readonly agent?: string;
}

/** The maximum number of characters per value. agentID: the limit of EBS; the others: more than any switch accepts. */
const maxLengths = { agentID: 60, agentPassword: 100, agentQueue: 100, dialString: 100 } as const;
type Limited = keyof typeof maxLengths;

/** The maximum number of characters of a desk or an agent that a refusal repeats. */
const maxShownLength = 40;

/** How much of a refused query is searched for its function, in characters. */
const maxScannedQuery = 4096;

/** The maximum number of extensions listed in an error. */
const maxListedDesks = 10;

/** Decodes a callout. All errors in its parameters are reported together; a password is never repeated. */
export function decodeCallout(query: string, context: CalloutContext): Decoded {
  const parameters = readQuery(query, context.aliases);
  const problems: string[] = [];
  let refusals = 0;
  const given = parameters.get("FunctionName");
  if (given?.valid === false) return { ok: false, why: `Cannot read the callout: ${given.problem}.` };
  const name = nameOf(given?.value);
  if (name === undefined) return { ok: false, why: `Cannot read the callout: ${unknownFunction(given?.value)}.` };
  const callout = build(name, {
    name,
    context,
    value: (parameter) => {
      const found = parameters.get(parameter);
      if (found?.valid === false) problems.push(found.problem);
      return found?.valid ? found.value : undefined;
    },
    missing: (parameter) => !parameters.has(parameter),
    problem: (text) => problems.push(text),
    refuse: (text) => {
      refusals += 1;
      problems.push(text);
    },
  });
  if (problems.length === 0) return { ok: true, callout };
  const named = (parameter: ParameterName): string | undefined => {
    const found = parameters.get(parameter);
    return found?.valid ? found.value.slice(0, maxShownLength) : undefined;
  };
  return {
    ok: false,
    name,
    why: `${name} failed: ${problems.join("; ")}.`,
    ...(refusals === problems.length ? { refused: true } : {}),
    ...omitUndefined({ desk: named("telesetNumber"), agent: named("agentID") }),
  };
}

/** The function of a query; undefined if it is not one of Oracle's, or cannot be read. */
export function calloutName(query: string, aliases: ParameterAliases): CalloutName | undefined {
  const given = readQuery(query.slice(0, maxScannedQuery), aliases).get("FunctionName");
  return given?.valid ? nameOf(given.value) : undefined;
}

function nameOf(text: string | undefined): CalloutName | undefined {
  return calloutNames.find((known) => known.toLowerCase() === text?.toLowerCase());
}

/** Returns the text of an Error event in the CRM's answer; undefined if the answer contains none. */
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

/**
 * Access to the parameters. `value` returns undefined for a missing or invalid parameter, and reports an invalid one; `refuse`
 * reports a valid one that this box does not accept.
 */
interface Reading {
  readonly name: CalloutName;
  readonly context: CalloutContext;
  value(parameter: ParameterName): string | undefined;
  missing(parameter: ParameterName): boolean;
  problem(text: string): void;
  refuse(text: string): void;
}

function build(name: CalloutName, reading: Reading): Callout | CheckStatus {
  if (name === "CheckStatus") return { name, from: reading.context.from };
  const deskAndAgent = { desk: desk(reading), agent: required(reading, "agentID", "the agent's id") };
  switch (name) {
    case "Register":
      return { name, ...deskAndAgent, address: address(reading), port: port(reading) };
    case "Login":
    case "Logout": {
      // A Logout needs no password.
      const password = name === "Login" ? limited(reading, "agentPassword") : undefined;
      const queue = limited(reading, "agentQueue");
      return {
        name,
        ...deskAndAgent,
        ...omitUndefined({ password, queue }),
      };
    }
    case "MakeCall":
    case "DialCanonical":
      return {
        name,
        ...deskAndAgent,
        dialString: required(reading, "dialString", "the number to dial"),
        from: reading.context.from,
      };
    default:
      return { name, ...deskAndAgent };
  }
}

function unknownFunction(given: string | undefined): string {
  const known = `expected one of ${calloutNames.join(", ")}`;
  if (given === undefined) return `FunctionName is missing: ${known}`;
  const lower = given.toLowerCase();
  const near = closest(lower, calloutNames.map((name) => name.toLowerCase()));
  const meant = calloutNames.find((name) => name.toLowerCase() === near);
  const hint = distance(lower, near) <= 3 && meant !== undefined ? `did you mean ${meant}? Otherwise ` : "";
  return `FunctionName is ${shown(given)}: ${hint}${known}`;
}

function desk(reading: Reading): string {
  const { desks } = reading.context;
  const more = desks.length > maxListedDesks ? ` and ${desks.length - maxListedDesks} more` : "";
  const served = `this box serves ${desks.slice(0, maxListedDesks).join(", ")}${more}`;
  const given = reading.value("telesetNumber");
  if (reading.missing("telesetNumber")) reading.problem(`telesetNumber is missing: expected the agent's extension; ${served}`);
  if (given === undefined) return "";
  // Agents type or paste it, possibly in full-width digits.
  const extension = desks.includes(given) ? given : inAscii(given);
  if (!desks.includes(extension)) reading.refuse(`telesetNumber is ${shown(given)}${unlikeDigits(given)}, but ${served}`);
  return extension;
}

/** Names the first character that is not a digit, since some only look like one. */
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
  const limit = maxLengths[parameter];
  if (length > limit) reading.problem(`${parameter} has ${length} characters: expected at most ${limit}`);
  return value;
}

function port(reading: Reading): number {
  const given = reading.value("port");
  const expected = "expected a number from 1 to 65535, the port that UWQ listens on";
  if (reading.missing("port") && reading.context.defaultPort !== undefined) return reading.context.defaultPort;
  if (reading.missing("port")) reading.problem(`port is missing: ${expected}`);
  if (given === undefined) return 0;
  const number = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (number < 1 || number > 65535) reading.problem(`port is ${shown(given)}${unlikeDigits(given)}: ${expected}`);
  return number;
}

/**
 * UWQ's address. UWQ was built for a softphone on its own PC, so it may send `localhost` or nothing: then the source address
 * of the request is used. Any other address could redirect another PC's events, and must be allowed.
 */
function address(reading: Reading): string {
  const { from, addressAllowed } = reading.context;
  const given = reading.value("ipAddress")?.replace(/^\[(.*)\]$/, "$1");
  if (given === undefined || given.toLowerCase() === "localhost" || isLoopback(given)) return from;
  const plain = normaliseAddress(given);
  if (plain === undefined) {
    reading.problem(`ipAddress is ${shown(given)}: expected an IP address, localhost or nothing`);
  } else if (plain !== from && !addressAllowed(plain, from)) {
    reading.refuse(
      `ipAddress is ${plain}, but the request came from ${from}: use that address, or list ${plain} in crm.registerAllow`,
    );
  }
  return plain ?? "";
}
