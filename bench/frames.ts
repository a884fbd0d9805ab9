/**
 * The played events: frames of a live switch (test/fixtures/recordings) with other ids, extensions, numbers and times. The
 * replacements have the same length, so that a frame is a patched copy: the load generator must be cheap.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HeaderValue, SwitchEvent } from "../simulator/freeswitch/events.ts";
import { parseRecording, type Step } from "../simulator/freeswitch/recording.ts";

/** The domain of all phones, as recorded. */
export const domain = "127.0.0.1";

/** The parties of a call. All texts have the length of the recorded ones: ids 36, extension 4, number 11 characters. */
export interface Parties {
  /** The desk's leg: telesetd's call id. */
  readonly leg: string;
  /** The other party's leg. */
  readonly far: string;
  readonly extension: string;
  readonly number: string;
}

/** The moments of a call reported to the CRM, in order. */
export const moments = ["ScreenPop", "CallEstablished", "CallReleased"] as const;

type Field = keyof Parties | "sequence" | "timestamp" | "local" | "gmt";

interface Patch {
  readonly field: Field;
  readonly at: number;
}

/** A recorded frame that can be played for any call. */
export class Frame {
  readonly name: string;
  readonly subclass: string | undefined;
  readonly #bytes: Buffer;
  readonly #patches: readonly Patch[];
  readonly #headers = new Map<string, { readonly name: string; readonly value: HeaderValue }>();
  readonly #recorded: Parties;

  constructor(event: SwitchEvent, recorded: Parties) {
    this.#recorded = recorded;
    this.name = String(event["Event-Name"]);
    this.subclass = event["Event-Subclass"] === undefined ? undefined : String(event["Event-Subclass"]);
    // Nine digits, enough for a run; the bench identifies events by call, not by sequence.
    const whole: SwitchEvent = { ...event, "Event-Sequence": "100000000" };
    for (const [name, value] of Object.entries(whole)) this.#headers.set(name.toLowerCase(), { name, value });
    const body = Buffer.from(JSON.stringify(whole));
    this.#bytes = Buffer.concat([
      Buffer.from(`Content-Length: ${body.length}\nContent-Type: text/event-json\n\n`),
      body,
    ]);
    this.#patches = patches(this.#bytes.toString("latin1"), whole, recorded);
  }

  get size(): number {
    return this.#bytes.length;
  }

  /** The bytes of the frame. */
  bytes(parties: Parties, sequence: number, clock: Clock): Buffer {
    const bytes = Buffer.from(this.#bytes);
    const values: Record<Field, string> = { ...parties, sequence: String(100_000_000 + sequence), ...clock.now() };
    for (const { field, at } of this.#patches) bytes.write(values[field], at, "latin1");
    return bytes;
  }

  /** The event for the switch's filters, with only these headers (in lower case), since no filter uses others. */
  seenBy(headers: Iterable<string>, parties: Parties): SwitchEvent {
    const seen: Record<string, HeaderValue> = {};
    for (const header of headers) {
      const found = this.#headers.get(header);
      if (found) seen[found.name] = typeof found.value === "string" ? this.#filledIn(found.value, parties) : found.value;
    }
    return seen;
  }

  #filledIn(text: string, { leg, far, extension, number }: Parties): string {
    const recorded = this.#recorded;
    return text.replaceAll(recorded.leg, leg).replaceAll(recorded.far, far).replaceAll(recorded.number, number)
      .replace(whole(recorded.extension), extension);
  }
}

/** The time in the three forms of an event, formatted once per millisecond. */
export class Clock {
  #at = 0;
  #texts = { timestamp: "", local: "", gmt: "" };

  now(): Readonly<Record<"timestamp" | "local" | "gmt", string>> {
    const at = Date.now();
    if (at === this.#at) return this.#texts;
    this.#at = at;
    const date = new Date(at);
    this.#texts = {
      timestamp: `${at}000`,
      local: date.toISOString().slice(0, 19).replace("T", " "),
      gmt: date.toUTCString(),
    };
    return this.#texts;
  }
}

function patches(text: string, event: SwitchEvent, recorded: Parties): Patch[] {
  const fixed: [Field, string | RegExp][] = [
    ["leg", recorded.leg],
    ["far", recorded.far],
    ["number", recorded.number],
    ["extension", whole(recorded.extension)],
    ["sequence", `"Event-Sequence":"`],
    ["timestamp", `"Event-Date-Timestamp":"`],
    ["local", `"Event-Date-Local":"`],
    ["gmt", `"Event-Date-GMT":"`],
  ];
  return fixed.flatMap(([field, what]) => {
    const pattern = typeof what === "string" ? new RegExp(RegExp.escape(what), "g") : what;
    const places = [...text.matchAll(pattern)].map((match) => match.index + (match[0].endsWith(`:"`) ? match[0].length : 0));
    if (field === "gmt" && String(event["Event-Date-GMT"] ?? "").length !== 29) return [];
    return places.map((at) => ({ field, at }));
  });
}

/** Matches an extension as a separate word, not within an id or a number. */
function whole(extension: string): RegExp {
  return new RegExp(`(?<![0-9A-Za-z.-])${extension}(?![0-9A-Za-z.])`, "g");
}

/** A moment of a call: its frames in the recorded order, and which of them causes the event for the CRM. */
export interface Burst {
  readonly frames: readonly Frame[];
  readonly trigger: number;
}

/** A playable call: ring, answer, end. */
export type Script = readonly [ring: Burst, answer: Burst, end: Burst];

/** The events of the three moments on the desk's leg, for an inbound call. */
const triggers = ["CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_HANGUP"];

/** Recordings of answered inbound calls; two of them complete, with all events of the switch. */
const recordings = ["in-answer-caller-hangs-up", "in-answer-agent-hangs-up", "ivr-data-screenpop"];

/** The calls, played in turn. */
export function scripts(): Script[] {
  const folder = join(import.meta.dirname, "../test/fixtures/recordings/freeswitch");
  return recordings.map((name) => scriptOf(readFileSync(join(folder, `${name}.jsonl`), "utf8")));
}

/** A recording of one inbound call to 1001, cut at the marks "answers" and "hangs up". */
function scriptOf(recording: string): Script {
  const { steps } = parseRecording(recording);
  const events = steps.flatMap((step) => step.kind === "event" ? [step.event] : []);
  const presence = `1001@${domain}`;
  const leg = String(events.find((event) => event["Channel-Presence-ID"] === presence)?.["Unique-ID"]);
  const far = String(events.find((event) => event["Unique-ID"] !== leg && event["Unique-ID"] !== undefined)?.["Unique-ID"]);
  const recorded: Parties = { leg, far, extension: "1001", number: "14155550123" };
  const bursts = cut(steps).map((events, moment): Burst => {
    const trigger = events.findIndex((event) =>
      event["Channel-Presence-ID"] === presence && event["Event-Name"] === triggers[moment]
    );
    if (trigger < 0) throw new Error(`Cannot play the recording: it has no ${triggers[moment]} of ${presence}`);
    return { frames: events.map((event) => new Frame(event, recorded)), trigger };
  });
  const [ring, answer, end] = bursts;
  if (!ring || !answer || !end) throw new Error("Cannot play the recording: expected three marks");
  return [ring, answer, end];
}

/** Splits the events at the marks, which are the actions of a person. */
function cut(steps: readonly Step[]): SwitchEvent[][] {
  const parts: SwitchEvent[][] = [];
  for (const step of steps) {
    if (step.kind === "mark") parts.push([]);
    else parts.at(-1)?.push(step.event);
  }
  return parts;
}

/** New parties for a call to an extension. */
export function newParties(extension: string): Parties {
  const number = `1415555${String(Math.floor(Math.random() * 10_000)).padStart(4, "0")}`;
  return { leg: crypto.randomUUID(), far: crypto.randomUUID(), extension, number };
}

/** The HEARTBEAT that the switch sends every 20 s (switch_core.c, `send_heartbeat`). */
export function heartbeat(): Frame {
  const event = {
    "Event-Name": "HEARTBEAT",
    "Core-UUID": "26d55507-cad1-4006-9fcf-2d78fd84936c",
    "Event-Date-Timestamp": "1795343185225894",
    "Event-Info": "System Ready",
    "Session-Count": "0",
  };
  return new Frame(event, { leg: "no leg", far: "no far leg", extension: "no extension", number: "no number" });
}
