/**
 * What events do not show of a channel, read in one request: `EVAL` (func_strings) evaluates a text of the dialplan on the
 * channel, `URIENCODE` (func_uri) makes its parts separable. So number and presentation are of the same moment, and a phone's
 * ringing is reported after one round trip. Pure.
 */
import { isHidingName } from "../shared/anonymous-name.ts";
import { encoded } from "./wire/rest.ts";

/** What is read of every channel: the dialplan expression of each fact. The master is the channel that has begun the call. */
const expressions = {
  linkedId: "CHANNEL(linkedid)",
  id: "CHANNEL(uniqueid)",
  number: "CONNECTEDLINE(num)",
  presentation: "CONNECTEDLINE(num-pres)",
  name: "CONNECTEDLINE(name)",
  dialled: "CALLERID(dnid)",
  /** Set by chan_pjsip on channels that came in. */
  cameIn: "SIPDOMAIN",
  bridgePeer: "BRIDGEPEER",
  masterId: "MASTER_CHANNEL(CHANNEL(uniqueid))",
  masterName: "MASTER_CHANNEL(CHANNEL(name))",
  masterContext: "MASTER_CHANNEL(CHANNEL(context))",
  masterApp: "MASTER_CHANNEL(CHANNEL(appname))",
  masterNumber: "MASTER_CHANNEL(CALLERID(num))",
  masterPresentation: "MASTER_CHANNEL(CALLERID(num-pres))",
  masterCallerName: "MASTER_CHANNEL(CALLERID(name))",
  masterOriginal: "MASTER_CHANNEL(CALLERID(ani-num))",
  /** The dialled number on calls from outside, where FreePBX has routed them. */
  masterFromDid: "MASTER_CHANNEL(FROM_DID)",
  masterDialled: "MASTER_CHANNEL(CALLERID(dnid))",
} as const;

/** What is read of the channel that it is connected with (`BRIDGEPEER`). */
const ofPeer = {
  peerContext: "CHANNEL(context)",
  peerId: "CHANNEL(uniqueid)",
  peerNumber: "CALLERID(num)",
  peerPresentation: "CALLERID(num-pres)",
  peerName: "CALLERID(name)",
  peerCameIn: "SIPDOMAIN",
} as const;

type Fact = keyof typeof expressions | keyof typeof ofPeer;

/** The facts of a channel at one moment; empty if it has none. */
export type Reading = Readonly<Record<Fact, string>> & {
  /** The values of those configured variables that are set. */
  readonly data: Readonly<Record<string, string>>;
};

/** The longest request line that Asterisk reads is 4096 characters (http.c). */
const maxLength = 3000;

/** The expressions to read: those of the facts, and each variable on the channel and on its master. */
export function expressionsOf(variables: readonly string[]): readonly string[] {
  const readable = variables.filter(isVariable);
  return [...Object.values(expressions), ...readable, ...readable.map(ofMaster)];
}

/** A variable of the channel that has begun the call: a dialplan need not make it inherited for the phone's own channel. */
function ofMaster(variable: string): string {
  return `MASTER_CHANNEL(${variable})`;
}

/** Whether a name can be read as a variable: no part of it may be mistaken for an expression. */
export function isVariable(name: string): boolean {
  return /^[A-Za-z0-9_.-]{1,80}(\([A-Za-z0-9_.,:@\/ -]{0,80}\))?$/.test(name);
}

/** The texts for `EVAL` that read these expressions, each with as many as fit into a request. */
export function evaluations(all: readonly string[]): readonly (readonly [text: string, expressions: readonly string[]])[] {
  const groups: string[][] = [[]];
  for (const expression of all) {
    const last = groups.at(-1) ?? [];
    if (encoded(evaluation([...last, expression])).length > maxLength && last.length > 0) groups.push([expression]);
    else last.push(expression);
  }
  return groups.filter((group) => group.length > 0).map((group) => [evaluation(group), group] as const);
}

/** The text for `EVAL` that reads these expressions. */
export function evaluation(group: readonly string[]): string {
  return `EVAL(${group.map((expression) => `\${URIENCODE(\${${expression}})}`).join("&")})`;
}

/** The values in the answer to one of these texts; undefined if their number is wrong. */
export function readValues(answer: string, expressions: readonly string[]): ReadonlyMap<string, string> | undefined {
  const parts = answer.split("&");
  if (parts.length !== expressions.length) return undefined;
  return new Map(expressions.map((expression, index) => [expression, decoded(parts[index] ?? "")]));
}

/** The reading in the values of all expressions. @param peerValues those of the peer, if there is one. */
export function readingOf(
  values: ReadonlyMap<string, string>,
  variables: readonly string[],
  peerValues: ReadonlyMap<string, string> = new Map(),
): Reading {
  const peer = values.get(expressions.bridgePeer) ?? "";
  const facts = [
    ...Object.entries(expressions).map(([fact, expression]) => [fact, values.get(expression) ?? ""]),
    ...Object.entries(ofPeer).map(([fact, expression]) => [fact, peerValues.get(imported(peer, expression)) ?? ""]),
  ];
  const data = variables.flatMap((variable) => {
    const value = values.get(variable) || values.get(ofMaster(variable)) || "";
    return value === "" ? [] : [[variable, value]];
  });
  return { ...Object.fromEntries(facts) as Record<Fact, string>, data: Object.fromEntries(data) };
}

/**
 * The expressions to read of the channel that a channel is connected with, empty if there is none: Asterisk logs an error for an
 * IMPORT without a name.
 */
export function peerExpressionsOf(values: ReadonlyMap<string, string>): readonly string[] {
  const peer = values.get(expressions.bridgePeer) ?? "";
  return /^[A-Za-z0-9_.+@/;:-]{1,120}$/.test(peer) ? Object.values(ofPeer).map((expression) => imported(peer, expression)) : [];
}

function imported(peer: string, expression: string): string {
  return `IMPORT(${peer},${expression})`;
}

/** Whether a presentation (callerid.c: `allowed`, `prohib_not_screened`, ...) or a name asks that the number is not shown. */
export function isWithheld(presentation: string, name: string): boolean {
  return presentation.startsWith("prohib") || isHidingName(name);
}

function decoded(part: string): string {
  const spaced = part.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Bytes that are not UTF-8.
    return spaced;
  }
}
