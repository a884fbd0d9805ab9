/** The administrator's questions to the relays, and their answers (P.admin.*). */
import * as z from "zod";
import type { FleetRow, FleetSummary } from "./roster.ts";

/** The subject of a question. */
export function adminSubject(prefix: string, question: "status" | "config"): string {
  return `${prefix}.admin.${question}`;
}

/** How many desks one answer lists: a message has at most 1 MB. */
export const pageSize = 1000;

/** How many characters of configurations one message has. */
export const maxBatch = 500_000;

const question = z.object({
  v: z.literal(1),
  search: z.string().max(100).optional(),
  trouble: z.boolean().optional(),
  from: z.int().min(0).optional(),
});

/** Which desks the administrator asks for. */
export type StatusQuestion = z.infer<typeof question>;

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

const batch = z.object({ v: z.literal(1), configs: z.array(z.unknown()).max(5000) });

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

function read<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
