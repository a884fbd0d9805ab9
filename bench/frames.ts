/**
 * The events that are played: frames of a live switch (test/fixtures/recordings) with other ids, extensions, numbers and
 * times. The replacements are as long as what they replace, so that a frame is a copy with patches: the load generator must
 * cost little.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HeaderValue, SwitchEvent } from "../simulator/freeswitch/events.ts";
import { parseRecording, type Step } from "../simulator/freeswitch/recording.ts";

/** The domain of all phones, as recorded. */
export const domain = "127.0.0.1";

/** Who calls whom. All texts have the length of the recorded ones: ids 36, extension 4, number 11 characters. */
export interface Parties {
  /** The desk's own leg: telesetd's call id. */
  readonly leg: string;
  /** The other party's leg. */
  readonly far: string;
  readonly extension: string;
  readonly number: string;
}

/** The moments of a call that the CRM is told of, in their order. */
export const moments = ["ScreenPop", "CallEstablished", "CallReleased"] as const;

type Field = keyof Parties | "sequence" | "timestamp" | "local" | "gmt";

interface Patch {
  readonly field: Field;
  readonly at: number;
}

/** One recorded frame that can be played for any call. */
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
    // Nine digits, so that every number of a run fits; the events of the bench are told apart by call, not by sequence.
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

  /** The frame as it goes over the wire. */
  bytes(parties: Parties, sequence: number, clock: Clock): Buffer {
    const bytes = Buffer.from(this.#bytes);
    const values: Record<Field, string> = { ...parties, sequence: String(100_000_000 + sequence), ...clock.now() };
    for (const { field, at } of this.#patches) bytes.write(values[field], at, "latin1");
    return bytes;
  }

  /** The event as the switch's filters see it, only with these headers (in small letters): no filter looks at the others. */
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

/** The time in the three forms that an event carries, made once for each millisecond. */
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

/** An extension as a word of its own, not within an id or a number. */
function whole(extension: string): RegExp {
  return new RegExp(`(?<![0-9A-Za-z.-])${extension}(?![0-9A-Za-z.])`, "g");
}

/** What happens at one moment of a call: its frames in the recorded order, and which of them the CRM is told of. */
export interface Burst {
  readonly frames: readonly Frame[];
  readonly trigger: number;
}

/** A call that can be played: ring, answer, end. */
export type Script = readonly [ring: Burst, answer: Burst, end: Burst];

/** The events that mean the three moments, on the desk's own leg, for an inbound call. */
const triggers = ["CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_HANGUP"];

/** Recordings of inbound calls that are answered; two of them whole, with all that a switch says. */
const recordings = ["in-answer-caller-hangs-up", "in-answer-agent-hangs-up", "ivr-data-screenpop"];

/** The calls that are played in turn. */
export function scripts(): Script[] {
  const folder = join(import.meta.dirname, "../test/fixtures/recordings/freeswitch");
  return recordings.map((name) => scriptOf(readFileSync(join(folder, `${name}.jsonl`), "utf8")));
}

/** A recording of one inbound call to 1001, cut at the marks "answers" and "hangs up". */
export function scriptOf(recording: string): Script {
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
  if (!ring || !answer || !end) throw new Error("Cannot play the recording: it has not three marks");
  return [ring, answer, end];
}

/** The events between the marks: what a person did is where one moment ends and the next begins. */
function cut(steps: readonly Step[]): SwitchEvent[][] {
  const parts: SwitchEvent[][] = [];
  for (const step of steps) {
    if (step.kind === "mark") parts.push([]);
    else parts.at(-1)?.push(step.event);
  }
  return parts;
}

/** A caller and his two legs. */
export function newParties(extension: string): Parties {
  const number = `1415555${String(Math.floor(Math.random() * 10_000)).padStart(4, "0")}`;
  return { leg: crypto.randomUUID(), far: crypto.randomUUID(), extension, number };
}

/** The sign of life that the switch sends every 20 s (switch_core.c, `send_heartbeat`). */
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
