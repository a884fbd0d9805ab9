/**
 * A drachtio-server that plays a recording to its subscriber: the switch's challenge, its answer, and its NOTIFYs at the
 * recorded times. The full state, which the recorder never requested, is built from the dialogs alive at that moment.
 */
import { aborted, type PlaybackOptions, playSteps } from "../playback.ts";
import type { SipRecording, SipStep } from "./recording.ts";
import { type Client, DrachtioServer, type Network, type Sent } from "./server.ts";
import { header, type SipMessage } from "./sip.ts";

export interface SipReplayOptions extends PlaybackOptions {
  /** Splits the output into parts of at most this number of bytes. */
  readonly cutAt?: number;
  readonly onFrame?: (direction: "in" | "out", text: string) => void;
  readonly secret?: string;
  /** Whether the full state is sent on request; default true. */
  readonly sendsFullState?: boolean;
}

/** The peer. */
export class SipReplayPeer implements Network {
  readonly server: DrachtioServer;
  readonly #recording: SipRecording;
  readonly #options: SipReplayOptions;
  readonly #stop = new AbortController();
  readonly #unanswered = new Set<string>();
  #subscription: Sent | undefined;
  #nonce = 0;
  #version = 0;
  #cseq = 0;
  /** The number of steps played. */
  #played = 0;

  constructor(recording: SipRecording, options: SipReplayOptions = {}) {
    this.#recording = recording;
    this.#options = options;
    const { secret, cutAt, onFrame } = options;
    this.server = new DrachtioServer({
      network: this,
      ...(secret === undefined ? {} : { secret }),
      ...(onFrame === undefined ? {} : { onFrame }),
      ...(cutAt === undefined ? {} : { pace: (bytes, write) => cut(bytes, cutAt).forEach(write) }),
    });
  }

  get port(): number {
    return this.server.port;
  }

  async listen(): Promise<void> {
    await this.server.listen();
  }

  /** Waits for the answer to the first document, plays the rest once, and resolves when all is answered, or after `close`. */
  async play(): Promise<void> {
    const { signal } = this.#stop;
    await Promise.race([this.server.until(() => this.#played > 0 && this.#unanswered.size === 0), aborted(signal)]);
    await playSteps(this.#recording.steps.slice(this.#played), this.#options, signal, async (step) => {
      this.#played++;
      if (step.kind === "notify") this.#notify(step.message);
      else await this.#options.onMark?.(step.n, step.note);
    });
    if (!signal.aborted) await Promise.race([this.drained(), aborted(signal)]);
  }

  /** Resolves when the client has answered everything. */
  drained(): Promise<void> {
    return this.server.until(() => this.#unanswered.size === 0);
  }

  close(): void {
    this.#stop.abort();
    this.server.stop();
  }

  request(sent: Sent): void {
    const { client, message } = sent;
    if (message.method !== "SUBSCRIBE") return client.respond(sent, 200);
    if (
      this.#recording.challenge !== "" && !(header(message, "proxy-authorization") ?? "").includes(`pbx-nonce-${this.#nonce}`)
    ) {
      const nonce = `pbx-nonce-${++this.#nonce}`;
      return client.respond(sent, 407, {
        "Proxy-Authenticate": this.#recording.challenge.replace(/nonce="[^"]*"/, `nonce="${nonce}"`),
      });
    }
    const expires = header(message, "expires") ?? "300";
    client.respond(sent, 202, { Contact: header(this.#recording.accepted, "contact") ?? "", Expires: expires });
    if (expires === "0") return;
    const again = this.#subscription !== undefined;
    this.#subscription = sent;
    if (again) return this.#options.sendsFullState === false ? undefined : this.#sendFullState();
    const [first] = this.#recording.steps;
    this.#played = 1;
    if (first?.kind === "notify") this.#notify(first.message);
  }

  answer(_client: Client, transaction: string, message: SipMessage): void {
    if (message.status !== 200) throw new Error(`Cannot replay: the client answers a NOTIFY with ${message.status}`);
    this.#unanswered.delete(transaction);
    this.server.changed();
  }

  #notify({ headers, body }: SipMessage): void {
    const own = headers.filter(([name]) => !/^(via|max-forwards|from|to|call-id|cseq|contact|content-length)$/i.test(name));
    this.#send(Object.fromEntries(own), body);
  }

  /** Documents are renumbered, because there are additional ones with the full state. */
  #send(headers: Readonly<Record<string, string>>, body: string): void {
    const sent = this.#subscription;
    if (!sent || sent.client.socket.destroyed) return;
    const numbered = body.replace(/version="\d+"/, `version="${this.#version++}"`);
    this.#unanswered.add(sent.client.ask("NOTIFY", sent.message, headers, numbered, ++this.#cseq));
  }

  /** Sends the dialogs alive now: those that appear in the recording both before and after this point. */
  #sendFullState(): void {
    const bodies = (steps: readonly SipStep[]) => steps.flatMap((step) => step.kind === "notify" ? [step.message.body] : []);
    const { steps, extension } = this.#recording;
    const later = bodies(steps.slice(this.#played)).join("\n");
    const known = new Map<string, string>();
    for (const body of bodies(steps.slice(0, this.#played))) {
      for (const [dialog, id = ""] of body.matchAll(/<dialog id="([^"]*)"[^]*?<\/dialog>/g)) known.set(id, dialog);
    }
    // In a full state FreeSWITCH gives each dialog its own Call-ID (sofia_presence.c, do_dialog_probe).
    const alive = [...known].filter(([id]) => later.includes(`"${id}"`)).map(([id, dialog]) =>
      dialog.replace(`id="${id}"`, `id="${id}" call-id="of-${id}" local-tag="l" remote-tag="r"`)
    );
    const [first] = bodies(steps);
    const domain = /entity="sip:[^@"]*@([^"]*)"/.exec(first ?? "")?.[1] ?? "127.0.0.1";
    const root = `xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:${extension}@${domain}"`;
    this.#send(
      { Event: "dialog", "Subscription-State": "active;expires=300", "Content-Type": "application/dialog-info+xml" },
      `<?xml version="1.0"?>\n<dialog-info ${root}>${alive.join("")}</dialog-info>\n`,
    );
  }
}

function cut(bytes: Buffer, maxBytes: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += maxBytes) parts.push(bytes.subarray(at, at + maxBytes));
  return parts;
}
