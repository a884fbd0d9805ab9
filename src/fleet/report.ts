/**
 * What a box reports about a desk to the relays. They read it as untrusted: a box may be stolen. Checked by hand, because a relay
 * without its JIT reads 5,000 reports in 10 s after a restart of the broker: a schema needed 50 times as long.
 */
import { omitUndefined } from "../core/omit-undefined.ts";
import type { LiveCall } from "../status/calls.ts";
import { boxParts, deskParts, type Part } from "../status/health.ts";
import { readiness } from "../status/readiness.ts";
import type { PushedStatus, Status } from "../status/status.ts";
import { isObject, isText, isWhole, listOf, type Reader, readerOf } from "./reader.ts";

/** The maximum number of characters of a sentence, of a word, and of a message. */
const maxSentence = 500;
const maxWord = 100;
const maxMessage = 40_000;

/** A report about a desk. */
export interface Report {
  readonly version: string;
  /** The slot of the image that runs. */
  readonly slot?: string;
  /** How long the daemon has run, in seconds. */
  readonly upSeconds: number;
  /** The fingerprint of the configuration file in force. */
  readonly config: string;
  readonly pushed: PushedStatus;
  /** As /readyz. */
  readonly ready: boolean;
  readonly switchUp: boolean;
  readonly phone: Status["desks"][number]["phone"];
  /** The registered agent, since when (ISO 8601), and the address of the agent's UWQ. */
  readonly agent?: { readonly id: string; readonly since?: string; readonly at: string };
  readonly calls: number;
  readonly outbox: { readonly waiting: number; readonly oldestSeconds?: number };
  /** The parts of the desk and of its box, with what is wrong and the next step. */
  readonly parts: readonly Part[];
}

/** What the page of the fleet shows of one desk while somebody looks at it: customers' numbers are masked. */
export interface View {
  readonly report: Report;
  readonly calls: readonly LiveCall[];
}

const word = isText(maxWord);
const sentence = isText(maxSentence);
const flag: Reader = (value) => typeof value === "boolean";
const time: Reader = (value) => typeof value === "string" && value.length <= 40 && !Number.isNaN(Date.parse(value));
const oneOf = (...values: readonly string[]): Reader => (value) => values.includes(value as string);

const isPart = readerOf<Part>({
  // A newer telesetd may have further ones.
  name: word,
  state: oneOf("good", "warning", "failed", "idle"),
  message: sentence,
}, { details: listOf(sentence, 6), advice: sentence });

const isReport = readerOf<Report>({
  version: word,
  upSeconds: isWhole,
  config: word,
  pushed: readerOf<PushedStatus>({}, { version: isWhole, refused: readerOf({ version: isWhole, why: sentence }) }),
  ready: flag,
  switchUp: flag,
  phone: oneOf("registered", "assumed", "unregistered", "unknown"),
  calls: isWhole,
  outbox: readerOf<Report["outbox"]>({ waiting: isWhole }, { oldestSeconds: isWhole }),
  parts: listOf(isPart, 12),
}, { slot: word, agent: readerOf<NonNullable<Report["agent"]>>({ id: word, at: word }, { since: time }) });

const isCall = readerOf<LiveCall>({
  id: word,
  desk: word,
  kind: word,
  state: word,
  who: word,
  since: time,
  sent: listOf(word, 4),
}, { agent: word });

const isView = readerOf<View>({ report: isReport, calls: listOf(isCall, 50) });

/** The report of a message; undefined if it is not one. */
export function readReport(text: string): Report | undefined {
  const report = valueOf(text)?.["report"];
  return isReport(report) ? report as Report : undefined;
}

/** The view of a message; undefined if it is not one. */
export function readView(text: string): View | undefined {
  const view = valueOf(text)?.["view"];
  return isView(view) ? view as View : undefined;
}

/** The object in a message of version 1. */
function valueOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length > maxMessage) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) && value["v"] === 1 ? value : undefined;
  } catch {
    return undefined;
  }
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
