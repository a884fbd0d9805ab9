/** What a box reports about a desk to the relays. They read it as untrusted: a box may be stolen. */
import * as z from "zod";
import { omitUndefined } from "../core/omit-undefined.ts";
import type { LiveCall } from "../status/calls.ts";
import { boxParts, deskParts, type Part } from "../status/health.ts";
import { readiness } from "../status/readiness.ts";
import type { Status } from "../status/status.ts";

/** The maximum number of characters of a sentence. */
const maxSentence = 500;

const word = z.string().max(100);
const sentence = z.string().max(maxSentence);
const whole = z.int().min(0);

const part = z.object({
  // A newer telesetd may have further ones.
  name: z.string().max(40).transform((name) => name as Part["name"]),
  state: z.enum(["good", "warning", "failed", "idle"]),
  message: sentence,
  details: z.array(sentence).max(6).exactOptional(),
  advice: sentence.exactOptional(),
});

/** What a box knows of the configuration that the administrator has pushed. */
const pushed = z.object({
  /** The version in force; absent: none. */
  version: whole.exactOptional(),
  /** The version that was refused last, and why, as a sentence. */
  refused: z.object({ version: whole, why: sentence }).exactOptional(),
});

const report = z.object({
  version: word,
  /** The slot of the image that runs. */
  slot: word.exactOptional(),
  /** How long the daemon has run, in seconds. */
  upSeconds: whole,
  /** The fingerprint of the configuration in force. */
  config: word,
  pushed,
  /** As /readyz. */
  ready: z.boolean(),
  switchUp: z.boolean(),
  phone: z.enum(["registered", "assumed", "unregistered", "unknown"]),
  /** The registered agent, since when (ISO 8601), and the address of the agent's UWQ. */
  agent: z.object({ id: word, since: z.iso.datetime().exactOptional(), at: word }).optional(),
  calls: whole,
  outbox: z.object({ waiting: whole, oldestSeconds: whole.exactOptional() }),
  /** The parts of the desk and of its box, with what is wrong and the next step. */
  parts: z.array(part).max(12),
});

/** A report about a desk. */
export type Report = z.infer<typeof report>;

const liveCall = z.object({
  id: word,
  desk: word,
  kind: word,
  state: word,
  who: word,
  since: z.iso.datetime(),
  agent: word.exactOptional(),
  sent: z.array(word).max(4),
});

const view = z.object({ report, calls: z.array(liveCall).max(50) });

/** What the page of the fleet shows of one desk while somebody looks at it: customers' numbers are masked. */
export type View = z.infer<typeof view>;

/** The report of a message; undefined if it is not one. */
export function readReport(text: string): Report | undefined {
  return read(z.object({ v: z.literal(1), report }), text)?.report;
}

/** The view of a message; undefined if it is not one. */
export function readView(text: string): View | undefined {
  return read(z.object({ v: z.literal(1), view }), text)?.view;
}

function read<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = schema.safeParse(raw);
  return result.success ? result.data : undefined;
}

/** The text of a report. */
export function reportText(report: Report): string {
  return JSON.stringify({ v: 1, report });
}

/** The text of a view. */
export function viewText(view: View): string {
  return JSON.stringify({ v: 1, view });
}

/** Makes the report about a desk; undefined if the box does not have the desk. `now`: the wall clock in ms. */
export function reportOf(status: Status, extension: string, now: number): Report | undefined {
  const desk = status.desks.find((desk) => desk.extension === extension);
  if (!desk) return undefined;
  const { version, upSeconds, config, outbox, image, pushed = {} } = status;
  const { registered } = desk;
  return {
    version,
    ...omitUndefined({ slot: image?.slot }),
    upSeconds,
    config,
    pushed,
    ready: readiness({ ...status, desks: [desk] }).ready,
    switchUp: desk.switch === "up",
    phone: desk.phone,
    ...(registered
      ? { agent: { id: cut(registered.agent, 100), at: cut(registered.at, 100), ...omitUndefined({ since: registered.since }) } }
      : {}),
    calls: desk.calls.length,
    outbox,
    parts: [...deskParts(desk, status, now), ...boxParts(status)].map(({ name, state, message, details, advice }) => ({
      name,
      state,
      message: cut(message, maxSentence),
      ...(details ? { details: details.slice(0, 6).map((detail) => cut(detail, maxSentence)) } : {}),
      ...(advice === undefined ? {} : { advice: cut(advice, maxSentence) }),
    })),
  };
}

/** Makes the view of a desk. */
export function viewOf(report: Report, calls: readonly LiveCall[], extension: string): View {
  const own = calls.filter(({ desk }) => desk === extension).slice(-50);
  return {
    report,
    calls: own.map(({ id, desk, kind, state, who, since, agent, sent }) => ({
      id: cut(id, 100),
      desk,
      kind,
      state,
      who: cut(who, 100),
      since,
      ...(agent === undefined ? {} : { agent: cut(agent, 100) }),
      sent: [...sent],
    })),
  };
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

/** The parts of a report that make a new one due at once: not how long something has lasted, and not the number of calls. */
export function essence({ upSeconds: _, calls: _calls, outbox, parts, ...others }: Report): string {
  const states = parts.map(({ name, state, message }) => [name, state, message.replace(/\d+/g, "")]);
  return JSON.stringify({ ...others, waits: outbox.waiting > 0 && (outbox.oldestSeconds ?? 0) >= 10, states });
}
