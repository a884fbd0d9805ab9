/** A drachtio-server on loopback that a test scripts: for the connection and its defects. */
import { type Client, DrachtioServer, type Network, type Sent, type SipMessage } from "../../../simulator/drachtio/mod.ts";
import type { SipAnswer, SipIncoming, SipRequest } from "../../../drivers/sip/wire/message.ts";
import { Stack, type StackOptions } from "../../../drivers/sip/wire/stack.ts";
import { type Log, openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";

/** A log whose lines can be inspected. */
export function listeningLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: openLog((line) => lines.push(line), "info", false), lines };
}

/** A server whose network answers 200, unless a test changes that. */
export class Peer implements Network, AsyncDisposable {
  readonly server: DrachtioServer;
  readonly sent: Sent[] = [];
  readonly answers: SipMessage[] = [];
  readonly frames: string[] = [];
  onRequest: (sent: Sent) => void = (sent) => sent.client.respond(sent, 200);
  readonly lines: string[];
  readonly log: Log;
  /** Whether what the network asks is answered. */
  answersAll = true;
  /** What the network asked of us. */
  readonly asked: SipIncoming[] = [];
  readonly #opened: Promise<Stack>[] = [];

  private constructor(secret: string, version: string) {
    const { log, lines } = listeningLog();
    this.log = log;
    this.lines = lines;
    const onFrame = (direction: "in" | "out", text: string) => {
      if (direction === "in") this.frames.push(text);
    };
    this.server = new DrachtioServer({ network: this, secret, version, onFrame });
  }

  static async listen(secret = "cymru", version = "v0.9.10-1-g9c2dd4cb6a"): Promise<Peer> {
    const peer = new Peer(secret, version);
    await peer.server.listen();
    return peer;
  }

  /** Logs in; the connection is closed with this. */
  open(part: Partial<StackOptions> = {}, signal = new AbortController().signal): Promise<Stack> {
    const options = {
      host: "127.0.0.1",
      port: this.server.port,
      secret: "cymru",
      connectMs: 2000,
      routes: ["notify"],
      log: this.log,
      timers: systemTimers,
    };
    const stack = Stack.open({ ...options, ...part }, (request) => {
      this.asked.push(request);
      this.server.changed();
      if (this.answersAll) request.answer(200);
    }, signal);
    this.#opened.push(stack);
    return stack;
  }

  /** The connection of the one client there is. */
  get client(): Client {
    const [client] = this.server.clients;
    if (!client) throw new Error("Cannot find a client: none is connected");
    return client;
  }

  request(sent: Sent): void {
    this.sent.push(sent);
    this.onRequest(sent);
  }

  answer(_client: Client, _transaction: string, message: SipMessage): void {
    this.answers.push(message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of await Promise.allSettled(this.#opened)) if (opened.status === "fulfilled") opened.value.close("done");
    this.server.stop();
  }
}

/** A harmless request. */
export const options: SipRequest = { method: "OPTIONS", uri: "sip:pbx", headers: { From: "<sip:1009@pbx>", To: "<sip:pbx>" } };

/** Sends, and gives the final answer, or the error. */
export function answerTo(stack: Stack, request: SipRequest = options): Promise<SipAnswer> {
  return new Promise((resolve, reject) =>
    stack.send(request, { sent: () => {}, answer: (answer) => answer.status >= 200 && resolve(answer), failed: reject })
  );
}
