/** A peer on loopback that is not a simulator: it writes any bytes, to show the link a faulty switch. */
import { createServer, type Server, type Socket } from "node:net";
import { parse } from "valibot";
import type { Frame } from "../../../drivers/freeswitch/wire/event.ts";
import { Link, type LinkOptions } from "../../../drivers/freeswitch/wire/link.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import type { Line } from "../../../src/core/line.ts";
import { type Log, openLog } from "../../../src/log/log.ts";
import { FakeTimers } from "../timers.ts";

/** The answer to a command, written unchanged; undefined for no answer. */
export type Answer = (command: string) => string | Uint8Array | undefined;

/** The greeting of every event socket. */
export const greeting = "Content-Type: auth/request\n\n";

/** A `command/reply` with this Reply-Text. */
export function reply(text: string): string {
  return `Content-Type: command/reply\nReply-Text: ${text}\n\n`;
}

/** An `api/response` with this body. */
export function response(body: string): string {
  return `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`;
}

/** A JSON event as the switch frames it. */
export function event(json: string): string {
  return `Content-Length: ${Buffer.byteLength(json)}\nContent-Type: text/event-json\n\n${json}`;
}

/** Greets, accepts every login, answers everything with +OK. */
export function obliging(command: string): string {
  return command.startsWith("api ") ? response(`the answer to ${command}`) : reply(`+OK ${command.split(" ")[0]}`);
}

/** A server of one connection at a time. */
export class RawPeer implements AsyncDisposable {
  /** The received commands with their header lines, without the blank line. */
  readonly received: string[] = [];
  answer: Answer;
  readonly #server: Server;
  readonly #waiters = new Set<() => void>();
  #socket: Socket | undefined;
  #pending = "";

  private constructor(answer: Answer, welcome: string) {
    this.answer = answer;
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => this.#ask());
      socket.on("data", (chunk) => this.#take(String(chunk)));
      if (welcome !== "") socket.write(welcome);
      this.#ask();
    });
  }

  /** Listens on a free port; `welcome` is what a client is greeted with. */
  static async listen(answer: Answer = obliging, welcome = greeting): Promise<RawPeer> {
    const peer = new RawPeer(answer, welcome);
    await new Promise<void>((resolve) => peer.#server.listen(0, "127.0.0.1", resolve));
    return peer;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** True while the client is connected. */
  get connected(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed;
  }

  write(data: string | Uint8Array): void {
    this.#socket?.write(data);
  }

  /** Closes in order, after what was written. */
  fin(): void {
    this.#socket?.end();
  }

  /** Breaks off. */
  rst(): void {
    this.#socket?.resetAndDestroy();
  }

  /** Resolves as soon as the condition is met; it is checked after every command and when a connection opens or closes. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!test()) return;
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #take(text: string): void {
    const commands = (this.#pending + text).split("\n\n");
    this.#pending = commands.pop() ?? "";
    for (const command of commands) {
      this.received.push(command);
      const answer = this.answer(command);
      if (answer !== undefined) this.write(answer);
    }
    this.#ask();
  }

  #ask(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** A log whose lines can be read. */
export function listeningLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: openLog((line) => lines.push(line), "trace", false), lines };
}

/** The driver of desk 1001 to this port, with these settings and clock. */
export function lineTo(
  port: number,
  timers: FakeTimers,
  settings: object = {},
  log: Log = openLog(() => {}, "error", false),
): Line {
  const config = { driver: "freeswitch", port, password: "ClueCon", domain: "pbx", ...settings };
  return freeswitch.open(parse(freeswitchConfig, config), {
    desks: [{ extension: "1001", aliases: [] }],
    variables: [],
    log,
    timers,
  });
}

/** A link to the peer, with its events and its log. */
export interface OpenedLink extends Disposable {
  readonly link: Link;
  readonly frames: Frame[];
  readonly lines: string[];
  /** Its clock, if the options contain none. */
  readonly timers: FakeTimers;
  /** Resolves with the next event. */
  next(): Promise<Frame>;
}

/** The options of a link to this port. Time stands still unless they contain another clock. */
export function linkOptions(port: number, log: Log, options: Partial<LinkOptions> = {}): LinkOptions {
  const deadlines = { connectMs: 2000, commandMs: 2000, silenceMs: 10_000, timers: new FakeTimers() };
  return { host: "127.0.0.1", port, login: "auth ClueCon", ...deadlines, log, ...options };
}

/** Opens a link to the peer. */
export async function openLink(peer: RawPeer, options: Partial<LinkOptions> = {}): Promise<OpenedLink> {
  const { log, lines } = listeningLog();
  const timers = new FakeTimers();
  const frames: Frame[] = [];
  const waiting: ((frame: Frame) => void)[] = [];
  const onFrame = (frame: Frame) => {
    frames.push(frame);
    waiting.shift()?.(frame);
  };
  const link = await Link.open(linkOptions(peer.port, log, { timers, ...options }), onFrame, new AbortController().signal);
  return {
    link,
    frames,
    lines,
    timers,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    [Symbol.dispose]: () => link.close("the test is over"),
  };
}
