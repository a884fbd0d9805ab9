/** Recordings of drachtio-srf with a live drachtio-server: one line of JSON per chunk (test/fixtures/recordings/README.md). */
import { header, readSip, type SipMessage } from "./sip.ts";

/** One step of a replay. `t`: milliseconds since the recorder connected. */
export type SipStep =
  | { readonly kind: "notify"; readonly t: number; readonly message: SipMessage }
  /** An action of a person; marks are numbered from 1. */
  | { readonly kind: "mark"; readonly t: number; readonly n: number; readonly note: string };

/** A recording of one subscription. */
export interface SipRecording {
  readonly kind: "drachtio";
  /** The subscriber, and the extension subscribed to. */
  readonly user: string;
  readonly extension: string;
  /** The switch's digest challenge. */
  readonly challenge: string;
  /** The answer to the authenticated SUBSCRIBE. */
  readonly accepted: SipMessage;
  /** The NOTIFYs after that, and the marks, in order. */
  readonly steps: readonly SipStep[];
}

/** One frame between the server and its client. */
export interface Framed {
  readonly t: number;
  readonly dir: "client>server" | "server>client";
  readonly text: string;
}

interface Line {
  readonly t: number;
  readonly dir: "client>server" | "server>client" | "mark";
  readonly data?: string;
  readonly note?: string;
}

/** Whether a text is a recording of drachtio rather than of the event socket. */
export function isSipRecording(text: string): boolean {
  return /^\s*\{[^\n]*"dir"\s*:\s*"(client>server|server>client)"/.test(text);
}

/** Returns all frames of a recording, independent of its chunks. @throws Error if a line is not JSON or a length is wrong. */
export function framesOf(text: string): Framed[] {
  return linesOf(text).flatMap(({ t, dir, data = "" }) => dir === "mark" ? [] : cut(data).map((text) => ({ t, dir, text })));
}

/** Parses a recording. @throws Error if it is invalid. */
export function parseSipRecording(text: string): SipRecording {
  const marks = linesOf(text).filter(({ dir }) => dir === "mark").map(({ t, note = "" }, index): SipStep => ({
    kind: "mark",
    t,
    n: index + 1,
    note,
  }));
  const messages = framesOf(text).filter(({ dir, text }) => dir === "server>client" && text.split("|")[1] === "sip").map((
    frame,
  ) => ({
    t: frame.t,
    message: readSip(frame.text.slice(frame.text.indexOf("\r\n") + 2)),
  }));
  const challenged = messages.find(({ message }) => message.status === 401 || message.status === 407)?.message;
  const accepted = messages.find(({ message }) => message.status === 200 || message.status === 202)?.message;
  if (!accepted) throw new Error("the recording has no accepted subscription");
  const notifies = messages.filter(({ message }) => message.method === "NOTIFY").map(({ t, message }): SipStep => ({
    kind: "notify",
    t,
    message,
  }));
  return {
    kind: "drachtio",
    user: /sip:([^@;>]*)@/.exec(header(accepted, "from") ?? "")?.[1] ?? "",
    extension: /sip:([^@;>]*)@/.exec(header(accepted, "to") ?? "")?.[1] ?? "",
    challenge: challenged ? header(challenged, "proxy-authenticate") ?? header(challenged, "www-authenticate") ?? "" : "",
    accepted,
    steps: [...notifies, ...marks].toSorted((a, b) => a.t - b.t),
  };
}

function linesOf(text: string): Line[] {
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as Line);
}

/** Splits `LENGTH#TEXT` frames; the length is in bytes. */
function cut(data: string): string[] {
  const frames: string[] = [];
  for (let rest = Buffer.from(data); rest.length > 0;) {
    const hash = rest.indexOf("#");
    const end = hash + 1 + Number(rest.toString("latin1", 0, hash));
    if (!(hash > 0) || !(end <= rest.length)) throw new Error(`the length ${rest.toString("latin1", 0, 12)} is wrong`);
    frames.push(rest.toString("utf8", hash + 1, end));
    rest = rest.subarray(end);
  }
  return frames;
}
