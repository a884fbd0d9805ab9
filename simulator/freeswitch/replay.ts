/**
 * A peer that plays a recording of a live switch to its client (test/fixtures/recordings/README.md): it sends only events
 * selected by the client's `event` and `filter` commands, and answers from the legs alive at that moment.
 */
import { aborted, type PlaybackOptions, playSteps } from "../playback.ts";
import type { Backend, FrameTap, Job } from "./connection.ts";
import { heartbeatFacts, Stamp, type SwitchEvent, version } from "./events.ts";
import { LiveLegs } from "./legs.ts";
import type { Pace } from "./outlet.ts";
import { originationUuid, type Recording, type Step, withIds } from "./recording.ts";
import { EventSocketServer } from "./server.ts";

export interface ReplayOptions extends PlaybackOptions {
  /** How the bytes are split and delayed. */
  readonly pace?: Pace;
  readonly onFrame?: FrameTap;
  /** Milliseconds between HEARTBEATs, default 20,000, independent of the speed. */
  readonly heartbeatMs?: number;
  readonly password?: string;
  readonly port?: number;
  /** Overrides answers to API commands: a text, or undefined for the normal answer. */
  readonly api?: (command: string, arg: string) => string | undefined;
}

export class ReplayPeer implements Backend {
  readonly server: EventSocketServer;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #legs = new LiveLegs();
  readonly #stamp: Stamp;
  readonly #ids = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #started = Date.now();
  #sequence = "0";
  #dialled: (() => void) | undefined;
  #whenDialled: Promise<void>;

  constructor(recording: Recording, options: ReplayOptions = {}) {
    this.#recording = recording;
    this.#options = options;
    this.#stamp = new Stamp(recording.coreUuid);
    this.#whenDialled = new Promise((resolve) => this.#dialled = resolve);
    const { password, port, onFrame, pace } = options;
    this.server = new EventSocketServer({ backend: this, ...given({ password, port, onFrame, pace }) });
  }

  get port(): number {
    return this.server.port;
  }

  async listen(): Promise<void> {
    await this.server.listen();
    const beat = setInterval(() => this.#heartbeat(), this.#options.heartbeatMs ?? 20_000);
    this.#stop.signal.addEventListener("abort", () => clearInterval(beat));
  }

  /**
   * Waits for a subscribed client (in `makecall-*`: for its originate), plays the recording once and resolves when the last frame
   * has been written, or after `close`.
   */
  async play(): Promise<void> {
    await Promise.race([this.#begin(), aborted(this.#stop.signal)]);
    await playSteps(this.#recording.steps, this.#options, this.#stop.signal, (step) => this.#perform(step));
    if (this.#stop.signal.aborted) return;
    await Promise.all(this.server.connections.map((connection) => connection.drained()));
  }

  close(): void {
    this.#stop.abort();
    this.server.close();
  }

  api(command: string, arg: string): string {
    const given = this.#options.api?.(command, arg);
    if (given !== undefined) return given;
    if (command === "show" && arg.startsWith("channels")) return this.#legs.channels();
    if (command === "uuid_dump") return this.#legs.dump(arg.split(" ")[0] ?? "", this.#head("CHANNEL_DATA"));
    if (command === "uuid_exists") return this.#legs.exists(arg);
    if (command === "sofia_contact") return contact(arg);
    if (command === "version") return `FreeSWITCH Version ${version}\n`;
    if (command === "status") return `UP\nFreeSWITCH (Version ${version}) is ready\n`;
    return `-ERR ${command} Command not found!\n`;
  }

  bgapi(job: Job): void {
    const { originate } = this.#recording;
    if (job.command !== "originate" || originate === undefined || this.#ids.size > 0) {
      this.#jobDone(job, job.command === "originate" ? "-ERR NORMAL_TEMPORARY_FAILURE\n" : this.api(job.command, job.arg));
      return;
    }
    this.#ids.set(originate.jobUuid, job.uuid);
    const uuid = originationUuid(job.arg);
    if (originate.originationUuid !== undefined && uuid !== undefined) this.#ids.set(originate.originationUuid, uuid);
    this.#dialled?.();
  }

  async #begin(): Promise<void> {
    if (this.#recording.originate === undefined) await this.server.subscriber();
    else await this.#whenDialled;
  }

  async #perform(step: Step): Promise<void> {
    if (step.kind === "mark") {
      await this.#options.onMark?.(step.n, step.note);
      return;
    }
    const event = this.#ids.size === 0 ? step.event : withIds(step.event, this.#ids);
    this.#sequence = String(event["Event-Sequence"] ?? this.#sequence);
    this.#legs.note(event);
    this.server.publish(event, this.#ids.size === 0 ? step.frame : undefined);
  }

  /** The first headers of an event that is not in the recording, with the sequence number of the last event played. */
  #head(name: string): Record<string, SwitchEvent[string]> {
    return { ...this.#stamp.head(name), "Event-Sequence": this.#sequence };
  }

  #heartbeat(): void {
    this.server.publish({ ...this.#head("HEARTBEAT"), ...heartbeatFacts(Date.now() - this.#started, this.#legs.size) });
  }

  #jobDone(job: Job, body: string): void {
    this.server.publish({
      ...this.#head("BACKGROUND_JOB"),
      "Job-UUID": job.uuid,
      "Job-Command": job.command,
      ...(job.arg === "" ? {} : { "Job-Command-Arg": job.arg }),
      "Content-Length": String(Buffer.byteLength(body)),
      _body: body,
    });
  }
}

/** The contact of the recorder's phones for `[PROFILE/]USER@DOMAIN`. */
function contact(arg: string): string {
  const [user, domain = "127.0.0.1"] = arg.replace(/^.*\//, "").split("@");
  return `sofia/internal/sip:${user}-0x55cdefd68f40@${domain}:5110`;
}

/** Drops entries without a value. */
function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
