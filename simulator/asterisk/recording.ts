/** Recordings of ARI of a live Asterisk: one line of JSON per event or mark (test/fixtures/recordings/README.md). */
import type { CallerId, ChannelState } from "./channel.ts";

/** A channel in the short form of the recordings. */
export interface ShortChannel {
  readonly id: string;
  readonly name: string;
  readonly state: ChannelState;
  readonly caller?: Partial<CallerId>;
  readonly connected?: Partial<CallerId>;
  /** `exten@context`. */
  readonly exten?: string;
  readonly app?: string;
  readonly protocol_id?: string;
}

/** An event in the short form: without empty fields. */
export interface ShortEvent {
  readonly type: string;
  readonly channel?: ShortChannel;
  readonly caller?: ShortChannel;
  readonly peer?: ShortChannel;
  readonly [field: string]: unknown;
}

/** One step of a replay. `t`: ms. */
export type AriStep =
  /** `heard`: the recorder's subscription got it; what was not heard only changes the state of the switch. */
  | { readonly kind: "event"; readonly t: number; readonly event: ShortEvent; readonly heard: boolean }
  /** The connection was lost: Asterisk was killed. */
  | { readonly kind: "killed"; readonly t: number }
  /** An action of a person; marks are numbered from 1. */
  | { readonly kind: "mark"; readonly t: number; readonly n: number; readonly note: string };

/** A recording of one application. */
export interface AriRecording {
  readonly kind: "asterisk";
  readonly steps: readonly AriStep[];
  /** A call made by POST /channels: its id and the number dialled. In a replay, the daemon's id replaces it. */
  readonly originate: { readonly channelId: string; readonly number: string } | undefined;
}

/** Whether a text is a recording of ARI. */
export function isAriRecording(text: string): boolean {
  return /^\s*\{"t":[\d.]+,\s*"(mark|type|unheard|variable|cause)"/.test(text);
}

/** Parses a recording. @throws Error if a line is not JSON. */
export function parseAriRecording(text: string): AriRecording {
  const lines = text.split("\n").filter((line) => line.trim() !== "").map((line) =>
    JSON.parse(line) as Readonly<Record<string, unknown>>
  );
  let marks = 0;
  const steps = lines.map(({ t, mark, unheard, ...event }): AriStep => {
    const time = typeof t === "number" ? t * 1000 : 0;
    if (typeof mark === "string") return { kind: "mark", t: time, n: ++marks, note: mark };
    if (event["type"] === "(closed)") return { kind: "killed", t: time };
    return { kind: "event", t: time, event: { ...event, type: String(event["type"]) }, heard: unheard !== true };
  });
  return { kind: "asterisk", steps, originate: originateOf(steps) };
}

/** The recorder named its own channels `telesetd-...`; without a step of the dialplan, any number does. */
function originateOf(steps: readonly AriStep[]): AriRecording["originate"] {
  const channels = steps.flatMap((step) => step.kind === "event" && step.event.channel ? [step.event.channel] : []);
  const own = channels.filter(({ id }) => id.startsWith("telesetd-"));
  const [first] = own;
  if (!first) return undefined;
  const number = own.map(({ exten = "" }) => exten.replace(/@.*$/, "")).findLast((exten) => /^\d+$/.test(exten));
  return { channelId: first.id, number: number ?? "914155550123" };
}
