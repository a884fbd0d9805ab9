/** The messages of relays to each other: who carries out a command. */
import { isFlag, isId, isText, read } from "./facts.ts";
import { isCount, isRelay, parsed, schemaVersion } from "./messages.ts";

/** A relay announces to the others that it carries out a command. */
export interface Claim {
  readonly r: string;
  readonly desk: string;
  readonly id: string;
  /** The call, if it is a dial. */
  readonly call?: string;
}

/** A relay asks the others whether they know a command. */
export interface KnownQuestion extends Claim {
  /** How long ago the box has asked the first relay, in ms. */
  readonly age: number;
}

/** The answer, of a relay that knows it or has heard every announcement since. */
export interface KnownAnswer {
  readonly r: string;
  readonly known: boolean;
}

/** A message as text. */
export function encodeClaim(message: Claim | KnownQuestion | KnownAnswer): string {
  return JSON.stringify({ v: schemaVersion, ...message });
}

/** Reads the announcement of a command. */
export function readClaim(text: string): Claim | undefined {
  return read<Claim>(parsed(text), { r: isRelay, desk: isText(20), id: isId, call: isId }, ["r", "desk", "id"]);
}

/** Reads the question whether a command is known. */
export function readKnownQuestion(text: string): KnownQuestion | undefined {
  const fields = { r: isRelay, desk: isText(20), id: isId, call: isId, age: isCount };
  return read<KnownQuestion>(parsed(text), fields, ["r", "desk", "id", "age"]);
}

/** Reads the answer whether a command is known. */
export function readKnown(text: string): KnownAnswer | undefined {
  return read<KnownAnswer>(parsed(text), { r: isRelay, known: isFlag }, ["r", "known"]);
}
