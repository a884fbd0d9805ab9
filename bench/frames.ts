/** The played events: frames of a live switch (test/fixtures/recordings) with other ids, extensions, numbers and times. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { headerText, type SwitchEvent } from "../simulator/freeswitch/events.ts";
import { parseRecording } from "../simulator/freeswitch/recording.ts";

/** The domain of all phones, as recorded. */
export const domain = "127.0.0.1";

/** What differs between calls: the desk's leg (telesetd's call id), the other party's leg, and the numbers. */
export type Parties = Readonly<Record<"leg" | "far" | "extension" | "number", string>>;

/** The events of a call for the CRM, in order, with the event of the switch on the desk's leg that causes each. */
export const causes = { ScreenPop: "CHANNEL_PROGRESS", CallEstablished: "CHANNEL_ANSWER", CallReleased: "CHANNEL_HANGUP" };
export const moments = Object.keys(causes);

/** A recorded frame that can be played for any call. */
export class Frame {
  /** Whether it causes an event for the CRM. */
  readonly isCause: boolean;
  readonly #event: SwitchEvent;
  readonly #text: string;
  readonly #recorded: Omit<Parties, "extension">;

  constructor(event: SwitchEvent, recorded: Omit<Parties, "extension">) {
    this.#event = event;
    this.#text = JSON.stringify(event);
    this.#recorded = recorded;
    this.isCause = event["Unique-ID"] === recorded.leg && Object.values(causes).includes(String(event["Event-Name"]));
  }

  /** The frame with the present time. */
  text(parties: Parties, sequence: number): string {
    const body = this.#filledIn(this.#text, parties)
      .replace(/(?<="Event-Sequence":")\d+/, String(sequence))
      .replace(/(?<="Event-Date-Timestamp":")\d+/, `${Date.now()}000`);
    return `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n${body}`;
  }

  /** The event with only these headers. */
  seenBy(headers: Iterable<string>, parties: Parties): SwitchEvent {
    const seen = [...headers].map((name) => [name, this.#event[name]] as const);
    return Object.fromEntries(seen.flatMap(([name, value]) => value ? [[name, this.#filledIn(headerText(value), parties)]] : []));
  }

  #filledIn(text: string, { leg, far, number, extension }: Parties): string {
    const recorded = this.#recorded;
    const replaced = text.replaceAll(recorded.leg, leg).replaceAll(recorded.far, far).replaceAll(recorded.number, number);
    // The extension only as a separate word, not within an id or a number.
    return replaced.replaceAll(/(?<![0-9A-Za-z.-])1001(?![0-9A-Za-z.])/g, extension);
  }
}

/** The calls, played in turn: the frames of ring, answer and end. All are answered inbound calls to 1001. */
export function scripts(): Frame[][][] {
  const folder = join(import.meta.dirname, "../test/fixtures/recordings/freeswitch");
  return ["in-answer-caller-hangs-up", "in-answer-agent-hangs-up", "ivr-data-screenpop"].map((name) =>
    scriptOf(readFileSync(join(folder, `${name}.jsonl`), "utf8"))
  );
}

/** Cuts a recording at its marks, which are the actions of a person. */
function scriptOf(recording: string): Frame[][] {
  const { steps } = parseRecording(recording);
  const events = steps.flatMap((step) => step.kind === "event" ? [step.event] : []);
  const leg = String(events.find((event) => event["Channel-Presence-ID"] === `1001@${domain}`)?.["Unique-ID"]);
  const far = String(events.find((event) => event["Unique-ID"] !== leg && event["Unique-ID"] !== undefined)?.["Unique-ID"]);
  const script: Frame[][] = [];
  for (const step of steps) {
    if (step.kind === "mark") script.push([]);
    else script.at(-1)?.push(new Frame(step.event, { leg, far, number: "14155550123" }));
  }
  if (!script.slice(0, 3).every((frames) => frames.filter(({ isCause }) => isCause).length === 1)) {
    throw new Error("Cannot play the recording: expected three marks, and one event for the CRM after each");
  }
  return script;
}

/** New parties for a call to an extension. */
export function newParties(extension: string): Parties {
  const number = `1415555${String(Math.floor(Math.random() * 10_000)).padStart(4, "0")}`;
  return { leg: crypto.randomUUID(), far: crypto.randomUUID(), extension, number };
}

/** The HEARTBEAT that the switch sends every 20 s (switch_core.c, `send_heartbeat`). */
export const heartbeat = new Frame(
  { "Event-Name": "HEARTBEAT", "Event-Date-Timestamp": "1795343185225894", "Event-Info": "System Ready", "Session-Count": "0" },
  { leg: "no leg", far: "no far leg", number: "no number" },
);
