/** The administrator's questions to the relays, and their answers (P.admin.*). */
import * as v from "valibot";
import type { FleetRow, FleetSummary } from "./roster.ts";

/** The subject of a question. */
export function adminSubject(prefix: string, question: "status" | "config"): string {
  return `${prefix}.admin.${question}`;
}

/** How many desks one answer lists: a message has at most 1 MB. */
export const pageSize = 1000;

/** How many characters of configurations one message has. */
export const maxBatch = 500_000;

const question = v.object({
  v: v.literal(1),
  search: v.optional(v.pipe(v.string(), v.maxLength(100))),
  trouble: v.optional(v.boolean()),
  from: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
});

/** Which desks the administrator asks for. */
export type StatusQuestion = v.InferOutput<typeof question>;

/** Reads the question; undefined if it is malformed. */
export function readStatusQuestion(text: string): StatusQuestion | undefined {
  return read(question, text);
}

/** The state of the fleet, by one relay. */
export interface StatusAnswer {
  readonly v: 1;
  readonly relay: string;
  readonly version: string;
  readonly summary: FleetSummary;
  readonly rows: readonly FleetRow[];
  /** The number of rows that follow. */
  readonly more: number;
}

const batch = v.object({ v: v.literal(1), configs: v.pipe(v.array(v.unknown()), v.maxLength(5000)) });

/** Reads the configurations that are pushed; undefined if the message is malformed. */
export function readBatch(text: string): readonly unknown[] | undefined {
  return read(batch, text)?.configs;
}

/** What a relay did with them. */
export interface PushAnswer {
  readonly v: 1;
  readonly relay: string;
  readonly kept: number;
  /** Why others were refused: a clause for each reason. */
  readonly refused: readonly string[];
}

function read<T extends v.GenericSchema>(schema: T, text: string): v.InferOutput<T> | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
