/**
 * One connection to drachtio-server, the SIP stack on the box: the login, our SIP requests with their responses, and requests
 * from the network. The only file that knows drachtio-srf (5.0.29, maintained, pinned). We use its agent, which matches
 * messages with requests, and its SIP parser and writer. Its holes, each closed here and named in
 * test/drivers/sip/wire/stack.test.ts:
 *  1. a bad length throws in the socket handler, `#` first loops forever .. framing.ts reads the frames
 *  2. an unknown or unreadable message throws or goes to stderr whole ...... `#onFrame` parses first, passes on what is valid
 *  3. it reconnects on its own, forever, never with TLS, without jitter .... `#connect` connects once
 *  4. an 'error' without a listener ends the process ........................ `#connect` makes it a reason
 *  5. no deadline for connecting or login, a lost connection leaves callbacks waiting ... `open`, `close` settle every waiter
 *  6. CR or LF in a header starts another header ............................ `refuseControls`, every control character
 *  7. DEBUG writes passwords to stderr ...................................... quiet.ts
 *  8. digest: MD5 only, one challenge only, no stale, wrong uri in dialogs .. not used: digest.ts
 *  9. a request on a closed connection throws ............................... `send` looks first
 * 10. a dead server goes unnoticed .......................................... `#ping`, a deadline on its answer
 * 11. Content-Length counts characters ...................................... `send` refuses what is not ASCII
 * 12. drachtio-server 0.9 loses the headers of a request in a dialog that brings a Contact ... request.ts omits it
 * 13. a first line without an end takes quadratic time ...................... `#unreadable` limits its length
 */
import { connectFailure } from "../../shared/connect-failure.ts";
import { deadline } from "../../shared/deadline.ts";
import "./quiet.ts";
import DrachtioAgent from "drachtio-srf/lib/drachtio-agent.js";
import SipMessage from "drachtio-srf/lib/sip-parser/message.js";
import WireProtocol from "drachtio-srf/lib/wire-protocol.js";
import { connect, type Socket } from "node:net";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { FrameReader } from "./framing.ts";
import type { Agent, Answerer, Message, Request, WireParts } from "./library.ts";
import { hideCredentials, shownRequest } from "./redact.ts";
import {
  CannotOpen,
  NotSent,
  type OpenFailure,
  type SipIncoming,
  type SipRequest,
  type SipText,
  StackClosed,
  type Watcher,
} from "./message.ts";
import { messageOf, oneLine } from "../../../src/platform/text.ts";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";

/** How to reach drachtio-server. All times in ms. */
export interface StackOptions {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly connectMs: number;
  /** The methods, in lower case, whose requests outside of our dialogs are passed to us. */
  readonly routes: readonly string[];
  readonly log: Log;
  readonly timers: Timers;
  /** The pause between pings and the longest silence after one; the server is on this box or beside it. */
  readonly pingMs?: number;
  readonly pongMs?: number;
}

const AgentClass = DrachtioAgent as unknown as new (onRequest: (req: Message, res: Answerer) => void) => Agent;
const WireClass = WireProtocol as unknown as new (options: object) => WireParts;
const MessageClass = SipMessage as unknown as new (text: string) => Message;

/** The longest first line of a SIP message, in characters. */
const maxFirstLine = 4096;

/** A connection that has logged in, until it closes; it never reconnects. */
export class Stack {
  readonly #options: StackOptions;
  readonly #agent: Agent;
  readonly #wire: WireParts;
  readonly #socket: Socket;
  readonly #onRequest: (request: SipIncoming) => void;
  readonly #closed = Promise.withResolvers<string>();
  readonly #greeted = Promise.withResolvers<void>();
  /** Called with the reason when the connection is lost: the requests that have no final response. */
  readonly #waiters = new Set<(why: string) => void>();
  readonly #pongs = new Map<string, () => void>();
  #cancelTimer: () => void = () => {};
  #why: string | undefined;
  /** The number of chunks received. */
  #chunks = 0;
  #answersPings = false;
  #stage: "connect" | "login" = "connect";
  #failure: OpenFailure | undefined;

  /** Connects and logs in, until the signal. Rejects with CannotOpen, whose message is for people. */
  static async open(options: StackOptions, onRequest: (request: SipIncoming) => void, signal: AbortSignal): Promise<Stack> {
    const stack = new Stack(options, onRequest);
    const abort = () => stack.close("stopped");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) stack.close("stopped");
    const cancelDeadline = deadline(options.timers, options.connectMs, () => stack.close(stack.#late()));
    try {
      await stack.#greeted.promise;
      stack.#ping();
      return stack;
    } finally {
      cancelDeadline();
      signal.removeEventListener("abort", abort);
    }
  }

  private constructor(options: StackOptions, onRequest: (request: SipIncoming) => void) {
    this.#options = options;
    this.#onRequest = onRequest;
    // A rejection before `open` awaits it must not end the process.
    this.#greeted.promise.catch(() => {});
    const agent = new AgentClass((req, res) => this.#onSipRequest(req, res));
    agent.secret = options.secret;
    agent.tags = [];
    for (const method of options.routes) agent.route(method);
    const wire = new WireClass({});
    agent.wp = wire;
    wire.on("connect", (socket: Socket) => agent._onConnect(socket));
    wire.on("msg", (socket: Socket, text: string) => agent._onMsg(socket, text));
    agent.on("connect", (error: Error | null) => this.#onLogin(error));
    this.#agent = agent;
    this.#wire = wire;
    this.#socket = this.#connect();
  }

  /** Replaces drachtio-srf's `connect` and `installListeners`, which would reconnect and trust every length. */
  #connect(): Socket {
    const { host, port } = this.#options;
    const socket = connect({ host, port });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 15_000);
    const reader = new FrameReader((text) => this.#onFrame(text), (why) => this.close(why));
    socket.on("connect", () => {
      this.#stage = "login";
      this.#wire.emit("connect", socket);
    });
    socket.on("data", (data) => {
      this.#chunks++;
      reader.push(data as Buffer);
    });
    socket.on("error", (error) => this.close(this.#reason(error)));
    socket.on("end", () => this.close("drachtio-server closed the connection"));
    socket.on("close", () => this.close("drachtio-server closed the connection"));
    return socket;
  }

  #onLogin(error: Error | null): void {
    const where = `${this.#options.host}:${this.#options.port}`;
    if (error) {
      this.#failure = "login-refused";
      this.close(`drachtio-server at ${where} refuses the login: check line.drachtioSecret`);
    } else {
      this.#answersPings = knowsPings(this.version);
      this.#greeted.resolve();
    }
  }

  /** The timers of everything on this connection. */
  get timers(): Timers {
    return this.#options.timers;
  }

  /** Resolves with the reason when the connection is closed. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /** The version of the server, such as `v0.9.10`. */
  get version(): string {
    return shortened(this.#agent.mapServer.get(this.#socket)?.serverVersion ?? "");
  }

  /** Where the server listens for SIP, such as `udp/10.0.0.5:5060`. */
  get listeners(): string {
    return shortened(this.#agent.mapServer.get(this.#socket)?.hostport ?? "");
  }

  /**
   * Sends a request; `watcher` is called, at once and in order, with its progress.
   * @throws RangeError if a part of it contains a control character or is not ASCII.
   */
  send(request: SipRequest, watcher: Watcher): void {
    const { method, uri, route, headers, body, dialog } = request;
    refuseControls([method, uri, route ?? "", dialog ?? "", ...Object.entries(headers).flat()], body ?? "");
    if (this.#why !== undefined) return watcher.failed(new StackClosed(this.#why, false));
    const { log } = this.#options;
    if (log.tracing()) log.trace("to drachtio-server", { frame: shownRequest(request) });
    const lost = (why: string) => watcher.failed(new StackClosed(why, true));
    this.#waiters.add(lost);
    const options = {
      _socket: this.#socket,
      method,
      uri: dialog === undefined ? uri : "sip:placeholder",
      headers: { ...headers },
      ...omitUndefined({ proxy: route, body, stackDialogId: dialog }),
    };
    this.#agent.request(options, (error, req) => {
      if (!error && req) return this.#sent(req, watcher, lost);
      this.#waiters.delete(lost);
      watcher.failed(NotSent.because(shortened(error?.message ?? "no reason"), route ?? uri));
    });
  }

  #sent(req: Request, watcher: Watcher, lost: (why: string) => void): void {
    req.on("response", (response, ack) => {
      const status = Number(response.status);
      if (status >= 200) this.#waiters.delete(lost);
      watcher.answer({
        ...textOf(response),
        status,
        reason: shortened(response.reason ?? ""),
        own: response.source_address === "",
        dialog: response.stackDialogId ?? "",
        ack: () => {
          if (typeof ack === "function" && this.#why === undefined) ack({});
        },
      });
    });
    watcher.sent({
      uri: req.uri ?? "",
      header: (name) => headerOf(req, name),
      cancel: () => {
        if (this.#why === undefined) req.cancel(() => {});
      },
    });
  }

  /** Ends the connection: requests without a final response fail. */
  close(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#cancelTimer();
    this.#socket.destroy();
    this.#agent._onClose(this.#socket);
    this.#greeted.reject(new CannotOpen(why, this.#failure ?? (this.#stage === "connect" ? "not-connected" : "login-lost")));
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) waiter(why);
    this.#closed.resolve(why);
  }

  #onFrame(text: string): void {
    const { log } = this.#options;
    if (log.tracing()) log.trace("from drachtio-server", { frame: hideCredentials(text) });
    const why = this.#unreadable(text);
    try {
      if (why !== undefined) return this.#skip(why);
      const [, type, id] = text.split("|", 3);
      const pong = type === "response" ? this.#pongs.get(id?.split("\r")[0] ?? "") : undefined;
      if (pong) return pong();
      this.#wire.emit("msg", this.#socket, text);
    } catch (error) {
      this.#skip(messageOf(error));
    }
  }

  /** Why a message cannot be passed on; undefined if it can. */
  #unreadable(text: string): string | undefined {
    const end = text.indexOf("\r\n");
    const [, type, source] = (end < 0 ? text : text.slice(0, end)).split("|");
    if (type === "response") return undefined;
    if (type !== "sip") return `a message of type ${JSON.stringify((type ?? "").slice(0, 20))}`;
    if (source !== "network" && source !== "application") return "a SIP message from nowhere";
    // The library matches the first line with a pattern that takes quadratic time.
    const first = text.indexOf("\r\n", end + 2) - end;
    const message = first > 0 && first <= maxFirstLine ? readMessage(text.slice(end + 2)) : undefined;
    if (!message) return "an invalid SIP message";
    const missing = ["call-id", "cseq", "from", "to"].find((name) => headerOf(message, name) === undefined);
    return missing === undefined ? undefined : `a SIP message without ${missing}`;
  }

  /** Logs only the first few: a flood of them must not wear out the flash. */
  #skip(why: string): void {
    this.#options.log.rarely("drachtio unread", 5).warning("Cannot read what drachtio-server sent: skipped", {
      why: why.slice(0, 200),
    });
  }

  #onSipRequest(req: Message, res: Answerer): void {
    this.#onRequest({
      ...textOf(req),
      method: shortened(req.method ?? ""),
      uri: req.uri ?? "",
      answer: (status, headers, body) => {
        refuseControls(Object.entries(headers ?? {}).flat(), body ?? "");
        if (this.#why === undefined) res.send(status, { headers: { ...headers }, ...omitUndefined({ body }) });
      },
    });
  }

  /** Notices a server that hangs, or a cut cable to another machine. */
  #ping(): void {
    const { timers, pingMs = 15_000, pongMs = 5000 } = this.#options;
    if (this.#why !== undefined) return;
    this.#cancelTimer = deadline(timers, pingMs, () => {
      const since = this.#chunks;
      const id = this.#wire.send(this.#socket, "ping");
      this.#cancelTimer = deadline(timers, pongMs, () => {
        this.#pongs.delete(id);
        // An old server does not answer pings; one that still sends is not silent.
        if (this.#answersPings && this.#chunks === since) this.close(`drachtio-server has been silent for ${pongMs / 1000} s`);
        else this.#ping();
      });
      this.#pongs.set(id, () => {
        this.#answersPings = true;
        this.#pongs.delete(id);
        this.#cancelTimer();
        this.#ping();
      });
    });
  }

  #late(): string {
    const { host, port, connectMs } = this.#options;
    const within = `within ${connectMs / 1000} s`;
    if (this.#stage === "connect") {
      return `${host}:${port} does not answer ${within}: is line.host right, is there a firewall in between?`;
    }
    this.#failure = "login-unanswered";
    return `${host}:${port} did not answer the login ${within}: drachtio-server hangs, or something else listens there`;
  }

  #reason(error: Error): string {
    const { code, why } = connectFailure(error, { ...server, host: this.#options.host, port: this.#options.port });
    if (this.#stage === "connect") this.#failure = code;
    return why;
  }
}

/** How failures to connect name the peer. */
const server = { name: "drachtio-server", isRunning: "is drachtio-server running", machine: "the machine of drachtio-server" };

/** The server answers pings since 0.8.2; one whose version cannot be read may show it by its first answer. */
function knowsPings(version: string): boolean {
  const [major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  return (major ?? 0) * 1e6 + (minor ?? 0) * 1e3 + (patch ?? 0) >= 8002;
}

function readMessage(text: string): Message | undefined {
  try {
    const message = new MessageClass(text);
    return message.type === "unknown" ? undefined : message;
  } catch {
    return undefined;
  }
}

function textOf(message: Message): SipText {
  return { header: (name) => headerOf(message, name), body: typeof message.body === "string" ? message.body : "" };
}

function headerOf(message: Message, name: string): string | undefined {
  const value = message.get(name);
  return typeof value === "string" ? value : undefined;
}

/** A text of the server on one line, for logs and for people. */
function shortened(text: string): string {
  return oneLine(text).slice(0, 120).trim();
}

/** Everything that is sent goes through here: a control character would end a header and start another. */
function refuseControls(parts: readonly string[], body: string): void {
  const bad = parts.find((part) => /[^\x20-\x7e]/.test(part));
  if (bad !== undefined) {
    throw new RangeError(
      `a part of a SIP message contains a control character or is not ASCII: ${JSON.stringify(bad).slice(0, 80)}`,
    );
  }
  if (/[^\r\n\x20-\x7e]/.test(body)) throw new RangeError("a SIP body contains a control character or is not ASCII");
}
