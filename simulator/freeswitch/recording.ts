/** Recordings of a live switch: one line of JSON per frame (test/fixtures/recordings/README.md). */
import type { HeaderValue, SwitchEvent } from "./events.ts";

/** One step of a replay. `t`: milliseconds since the recorder connected. */
export type Step =
  /** `frame` is the received text. */
  | { readonly kind: "event"; readonly t: number; readonly event: SwitchEvent; readonly frame: string }
  /** An action of a person; marks are numbered from 1. */
  | { readonly kind: "mark"; readonly t: number; readonly n: number; readonly note: string };

/** The ids of a `bgapi originate`. */
export interface OriginateIds {
  readonly originationUuid: string | undefined;
  readonly jobUuid: string;
}

export interface Recording {
  /** Events and marks after the login, in order, without the recorder's commands and their replies. */
  readonly steps: readonly Step[];
  readonly coreUuid: string;
  /** Set in `makecall-*`: the replay starts with the daemon's originate, whose ids replace these. */
  readonly originate: OriginateIds | undefined;
}

interface Line {
  readonly t: number;
  readonly dir: "recv" | "send" | "mark";
  readonly frame?: string;
  readonly note?: string;
}

/** Parses a recording. @throws Error if a line is not JSON. */
export function parseRecording(text: string): Recording {
  const lines = text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Line);
  const steps = toSteps(lines);
  const cores = steps.flatMap((step) => step.kind === "event" ? [String(step.event["Core-UUID"])] : []);
  const sent = lines.find((line) => line.dir === "send" && line.frame?.startsWith("bgapi originate"))?.frame;
  return { steps, coreUuid: cores[0] ?? crypto.randomUUID(), originate: sent === undefined ? undefined : originateIds(sent) };
}

function toSteps(lines: readonly Line[]): Step[] {
  const steps: Step[] = [];
  let marks = 0;
  for (const { t, dir, frame = "", note = "" } of lines) {
    if (dir === "mark") steps.push({ kind: "mark", t, n: ++marks, note });
    else if (dir === "recv" && frame.includes("Content-Type: text/event-json")) steps.push(eventStep(t, frame));
  }
  return steps;
}

function eventStep(t: number, frame: string): Step {
  const event = JSON.parse(frame.slice(frame.indexOf("\n\n") + 2)) as SwitchEvent;
  return { kind: "event", t, event, frame };
}

/** The ids in `bgapi originate {origination_uuid=U,...}user/...` with its `Job-UUID` line. */
function originateIds(frame: string): OriginateIds {
  return { originationUuid: originationUuid(frame), jobUuid: /^Job-UUID: *(.*)$/im.exec(frame)?.[1]?.trim() ?? "" };
}

/** The dialler's id for the first leg, from the text of an `originate`. */
export function originationUuid(text: string): string | undefined {
  return /[{,]origination_uuid=([^,}]+)/.exec(text)?.[1];
}

/** Replaces the recorder's ids in the whole event: headers, variables, body. */
export function withIds(event: SwitchEvent, ids: ReadonlyMap<string, string>): SwitchEvent {
  const swap = (text: string) => [...ids].reduce((result, [from, to]) => result.replaceAll(from, to), text);
  const swapped = Object.entries(event).map(([name, value]): [string, HeaderValue] => [
    name,
    typeof value === "string" ? swap(value) : value.map(swap),
  ]);
  const result = Object.fromEntries(swapped);
  if (result["_body"] !== undefined) result["Content-Length"] = String(Buffer.byteLength(String(result["_body"])));
  return result;
}
