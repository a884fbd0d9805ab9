/**
 * `telesetd replay RECORDING`: plays a recording over TCP, as FreeSWITCH's event socket, Asterisk's ARI or drachtio-server, to the
 * whole daemon with a small CRM.
 */
import { readFileSync } from "node:fs";
import { type Pace, parseRecording, type Recording, ReplayPeer } from "../../../simulator/freeswitch/mod.ts";
import { type AriRecording, AriReplayPeer, isAriRecording, parseAriRecording } from "../../../simulator/asterisk/mod.ts";
import { isSipRecording, parseSipRecording, type SipRecording, SipReplayPeer } from "../../../simulator/drachtio/mod.ts";
import type { Config } from "../../config/schema.ts";
import { reasonsText, type ShownCall } from "../../history/calls.ts";
import { type Log, openLog } from "../../log/log.ts";
import type { Timers } from "../../platform/timers.ts";
import { configOr2, type Io } from "../io.ts";
import { type Rig, startRig, type SwitchDriver } from "./stage.ts";
import type { ReceivedEvent } from "../../../simulator/crm/mod.ts";
import { omitUndefined } from "../../core/omit-undefined.ts";
import { messageOf } from "../../platform/text.ts";

/** An event that reached the CRM, and the mark of the recording that it followed (0: before the first). */
export interface DeliveredEvent extends ReceivedEvent {
  readonly interval: number;
  readonly after: string;
}

/** How a recording is played. */
export interface PlayOptions {
  readonly config?: Config;
  /** How much faster than recorded; 1 is as recorded. */
  readonly speed: number;
  /** How the bytes of FreeSWITCH are cut; with it, those of drachtio-server are cut into parts of 700 bytes. */
  readonly pace?: Pace;
  readonly log: Log;
  /** Whether the peer of an Asterisk recording waits after each event until the daemon has read what it needs. */
  readonly stepwise?: boolean;
  /** Whether the switch of a drachtio recording answers with the full state when asked; default true. */
  readonly sendsFullState?: boolean;
  /** The number for MakeCall, in a recording of a MakeCall. */
  readonly dialString?: string;
  /** The driver's time; default the machine's. */
  readonly timers?: Timers;
}

/** The result of a replay. `dialled` is the answer to MakeCall, in a recording of a MakeCall. */
export interface Played {
  readonly told: readonly DeliveredEvent[];
  /** The calls of the desks, the newest first, with the reasons why some sent nothing, or less than usual. */
  readonly calls: readonly ShownCall[];
  readonly dialled?: string;
}

/**
 * The turns of the event loop that the daemon gets to process its input, before a mark and at the end. The daemon shares this
 * event loop: on a busy machine both wait together, so that no event is late.
 */
const quietTurns = 30;
const maxTurns = 2000;

/** A recording of any kind of switch. */
export type AnyRecording = Recording | AriRecording | SipRecording;

/** Reads a recording of any kind. @throws Error if it is not a recording. */
export function readRecording(text: string): AnyRecording {
  if (isAriRecording(text)) return parseAriRecording(text);
  return isSipRecording(text) ? parseSipRecording(text) : parseRecording(text);
}

/** The driver for a recording, and the password that its peer expects. */
function switchOf(recording: AnyRecording): { readonly driver: SwitchDriver; readonly password: string } {
  if (!("kind" in recording)) return { driver: "freeswitch", password: "ClueCon" };
  return recording.kind === "asterisk" ? { driver: "asterisk", password: "s3cret" } : { driver: "sip", password: "cymru" };
}

/** Plays the part of the switch. */
interface Player {
  readonly port: number;
  listen(): Promise<void>;
  play(): Promise<void>;
  /** Resolves when the daemon has received everything sent. */
  drained(): Promise<unknown>;
  close(): void;
}

type OnMark = (n: number, note: string) => Promise<void>;

function playerOf(
  recording: AnyRecording,
  { speed, pace, stepwise, sendsFullState = true }: PlayOptions,
  onMark: OnMark,
): Player {
  if ("kind" in recording && recording.kind === "asterisk") {
    return new AriReplayPeer(recording, { speed, onMark, ...omitUndefined({ stepwise }) });
  }
  if ("kind" in recording) {
    return new SipReplayPeer(recording, { speed, onMark, sendsFullState, ...(pace === undefined ? {} : { cutAt: 700 }) });
  }
  const peer = new ReplayPeer(recording, { speed, password: "ClueCon", onMark, ...omitUndefined({ pace }) });
  return {
    get port() {
      return peer.port;
    },
    listen: () => peer.listen(),
    play: () => peer.play(),
    drained: () => Promise.all(peer.server.connections.map((connection) => connection.drained())),
    close: () => peer.close(),
  };
}

/** Plays one recording; resolves with the events that reached the CRM. */
export async function play(recording: AnyRecording, options: PlayOptions): Promise<Played> {
  const { log, config, timers } = options;
  const delivered: DeliveredEvent[] = [];
  let interval = 0;
  let after = "";
  const peer: Player = playerOf(recording, options, async (n, note) => {
    // The replay waits at a mark until everything before it has been processed.
    await peer.drained();
    await untilQuiet(rig);
    interval = n;
    after = note;
  });
  await peer.listen();
  const rig: Rig = await startRig({
    ...omitUndefined({ config }),
    switch: { port: peer.port, ...switchOf(recording) },
    log,
    ...omitUndefined({ timers }),
    onEvent: (event) => delivered.push({ ...event, interval, after }),
  });
  try {
    const playing = peer.play();
    const desk = (config?.desks ?? [{ extension: "1001" }])[0]?.extension ?? "1001";
    const dialled = "originate" in recording && recording.originate
      ? await dial(rig, desk, options.dialString ?? numberOf(recording.originate))
      : undefined;
    await playing;
    await untilQuiet(rig);
    return { told: delivered, calls: [...rig.app.calls.pages()].flat(), ...omitUndefined({ dialled }) };
  } finally {
    await rig.stop();
    peer.close();
  }
}

/** Waits until no event has been pending for some turns of the event loop, of at least 1 ms each. */
async function untilQuiet({ app }: Rig): Promise<void> {
  for (let turns = 0, quiet = 0; quiet < quietTurns && turns < maxTurns; turns++) {
    await new Promise((done) => setTimeout(done, 1));
    quiet = app.status().outbox.waiting > 0 ? 0 : quiet + 1;
  }
}

/** The number that was dialled in a recording of a MakeCall. */
function numberOf(originate: object): string {
  return "number" in originate ? String(originate.number) : "914155550123";
}

/** Sends MakeCall once the line is up. */
async function dial(rig: Rig, desk: string, dialString: string): Promise<string> {
  for (let tries = 0; tries < 100 && (await rig.callout("CheckStatus")).includes("Error"); tries++) {
    await new Promise((done) => setTimeout(done, 20));
  }
  return await rig.callout("MakeCall", { telesetNumber: desk, agentID: `agent-${desk}`, dialString });
}

/** Prints the events that the CRM would get. */
export async function replay(
  file: string,
  options: { config: string; given: boolean; speed: string; json?: boolean },
  io: Io,
): Promise<number> {
  const config = options.given ? configOr2(options.config, io) : undefined;
  if (config === 2) return 2;
  const speed = Number(options.speed);
  if (!(speed > 0)) {
    io.err(`--speed is ${options.speed}: expected a number above 0\n`);
    return 2;
  }
  let recording: AnyRecording;
  try {
    recording = readRecording(readFileSync(file, "utf8"));
  } catch (error) {
    io.err(
      `Cannot read the recording ${file}: ${
        messageOf(error)
      }: expected one JSON object per line, with t, dir and frame (data for drachtio, type for Asterisk)\n`,
    );
    return 2;
  }
  const log = openLog((line) => io.err(`${line}\n`), "error", false);
  const { told, calls, dialled } = await play(recording, { speed, log, ...omitUndefined({ config }) });
  if (options.json) io.out(`${JSON.stringify({ told, calls, dialled }, null, 2)}\n`);
  else {
    if (dialled !== undefined) io.out(`MakeCall was answered: ${dialled}\n`);
    for (const { name, data, after } of told) io.out(`${name.padEnd(16)} ${pairs(data)}${after ? `   (after: ${after})` : ""}\n`);
    if (told.length === 0) io.out("The CRM would get no events.\n");
    for (const call of calls.toReversed()) {
      const { direction, party } = call;
      const reasons = reasonsText(call);
      if (reasons !== undefined) io.out(`${direction} call, ${party === "" ? "withheld" : party ?? "unknown"}: ${reasons}\n`);
    }
  }
  return 0;
}

function pairs(data: Readonly<Record<string, string>>): string {
  return Object.entries(data).map(([name, value]) => `${name}=${value}`).join(" ");
}
