/**
 * The facts of a leg on the wire. They only add up, so a relay sends what is new, and keeps the sum for a box that asks for it.
 * What comes in is read field by field: a field of another type makes the whole unreadable, unknown fields are dropped.
 */
import type { Failure, LegFacts, Party } from "../core/line.ts";
import { unlessSame } from "../core/unchanged.ts";

/** The facts of a leg of a known desk: the subject names it. */
export type WireFacts = Omit<LegFacts, "desk">;

type Reader = (value: unknown) => boolean;

/** For each field, whether a value is valid. */
export type Fields<T> = { readonly [K in keyof Required<T>]: Reader };

/** A text of at most this many characters. */
export function isText(longest: number): Reader {
  return (value) => typeof value === "string" && value.length <= longest;
}

/** An id of the switch or of telesetd. */
export function isId(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= 60;
}

/** True or false. */
export function isFlag(value: unknown): boolean {
  return typeof value === "boolean";
}

const isTrue: Reader = (value) => value === true;

const party: Fields<Party> = {
  identity: isText(1000),
  original: isText(1000),
  outside: isFlag,
  dialledByLeg: isFlag,
  called: isFlag,
  unreported: isTrue,
  withheld: isFlag,
};

const failure: Fields<Failure> = {
  cause: isText(1000),
  why: isText(1000),
  far: isText(1000),
  calledFar: isTrue,
  farUnreported: isTrue,
  transferred: isTrue,
};

const facts: Fields<WireFacts> = {
  leg: isId,
  call: isId,
  direction: (value) => value === "to-desk" || value === "from-desk",
  caller: isParty,
  dialled: isText(1000),
  callerDialled: isText(1000),
  farLeg: isText(100),
  relay: isTrue,
  partner: isParty,
  queue: isFlag,
  rings: isFlag,
  answered: isFlag,
  farCalled: isFlag,
  farAnswered: isFlag,
  answerUnreported: isFlag,
  held: isFlag,
  ended: isFailure,
  data: isData,
};

/** Reads the facts of a leg, without the desk; undefined if they are not. */
export function readFacts(value: unknown): WireFacts | undefined {
  return read<WireFacts>(value, facts, ["leg"]);
}

/** Reads the end of a leg, or the reason why a command failed; undefined if it is neither. */
export function readFailure(value: unknown): Failure | undefined {
  return read<Failure>(value, failure, ["cause", "why"]);
}

/**
 * Reads an object: its known fields, each of its type, and no others. Undefined if one is of another type or a needed one is
 * missing.
 */
export function read<T extends object>(value: unknown, fields: Fields<T>, needed: readonly (keyof T)[]): T | undefined {
  if (!isObject(value) || needed.some((key) => !Object.hasOwn(value, key))) return undefined;
  const found: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(value)) {
    if (!Object.hasOwn(fields, key)) continue;
    if (!fields[key as keyof T](field)) return undefined;
    found[key] = field;
  }
  return found as T;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a party of a call. */
export function isParty(value: unknown): boolean {
  return read<Party>(value, party, ["identity"]) !== undefined;
}

function isFailure(value: unknown): boolean {
  return readFailure(value) !== undefined;
}

function isData(value: unknown): boolean {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= 50 && entries.every(([name, text]) => name.length <= 100 && isText(10_000)(text));
}

/** The sum of facts about a leg; the same object if the second have nothing new. */
export function added(before: WireFacts, now: WireFacts): WireFacts {
  return news(before, now) === undefined ? before : { ...before, ...now };
}

/** What the second facts add to the first, with the id of the leg; undefined if nothing. */
export function news(before: WireFacts, now: WireFacts): WireFacts | undefined {
  const changed: Record<string, unknown> = { leg: now.leg };
  const known = before as unknown as Readonly<Record<string, unknown>>;
  let found = false;
  for (const [key, value] of Object.entries(now)) {
    if (key === "leg" || (key in known && unlessSame(known[key], value) === known[key])) continue;
    changed[key] = value;
    found = true;
  }
  return found ? changed as unknown as WireFacts : undefined;
}

/** The facts as they go on the wire. */
export function withoutDesk({ desk: _, ...others }: LegFacts): WireFacts {
  return others;
}
