/**
 * One connection to FreeSWITCH's event socket: connect, log in, commands with their replies, events. The only file that uses
 * modesl (1.2.1, unmaintained since 2019, pinned). We use its Connection (socket, frame dispatch) and subclass its Parser. Its
 * defects, each handled here and named in test/drivers/freeswitch/wire/link.test.ts:
 *  1. a malformed % in a header throws in the socket handler ........ `parseHeaders` (framing.ts) decodes leniently
 *  2. replies are matched by arrival, sendmsg and denied api break it  `command` is the one primitive: one at a time, in order
 *  3. a lost connection leaves callbacks waiting ..................... `close` settles every waiter
 *  4. only 'end' is watched .......................................... close, error, and a deadline on silence
 *  5. it subscribes PBX-wide on login ................................ `_onConnect`, which would do so, never runs
 *  6. it appends its own events after CUSTOM ......................... `event json` goes through `command`
 *  7. CR, LF in an argument is a second command ...................... `refuseControls`, every control character
 *  8. a failed login calls no callback ............................... `login` is a command, with a reply and a deadline
 *  9. no timeouts, no bound ......................................... deadlines on all; frames are bounded
 * 10. xml2js 0.4 (prototype pollution) ............................... no-xml in its place (package.json): XML is never requested
 * Replaced entirely: the frame buffer (quadratic, trusts Content-Length; framing.ts) and the parsing of JSON events (a linear
 * search for each of 150 headers; invalid JSON was fatal).
 */
import esl from "modesl";
import type { Socket } from "node:net";
import { type ConnectFailure, connectFailure } from "../../shared/connect-failure.ts";
import { deadline } from "../../shared/deadline.ts";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { type Afterwards, FrameReader, type Headers, parseHeaders } from "./framing.ts";
import { type Frame, readFrame, readHeaders, text } from "./event.ts";
import { Greeting } from "./greeting.ts";
import { hideSecret, hideSecrets, shownReply } from "./redact.ts";
import { messageOf } from "../../../src/platform/text.ts";

/** How to reach the event socket. All times in ms. */
export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  /** The login command. */
  readonly login: string;
  readonly connectMs: number;
  readonly commandMs: number;
  /** The link is closed after this time without a byte. */
  readonly silenceMs: number;
  readonly log: Log;
  readonly timers: Timers;
  /**
   * No filter is ever set: the switch sends the events of all calls. FreeSWITCH compares each event with each filter, and one
   * filter would hide everything else.
   */
  readonly unfiltered?: boolean;
  /** The desk of an event's leg, for the trace. */
  readonly deskOf?: (frame: Frame) => string | undefined;
  /** Called for each event that cannot be read, with its text. */
  readonly onUnreadable?: (text: string) => void;
  /** Called when a step of opening the link is done. */
  readonly onStage?: (done: "connect" | "greet") => void;
  /** Called if the peer has not greeted within a second, with a sentence about what it has done so far. */
  readonly onDelay?: (why: string) => void;
}

/**
 * Why the link could not be opened: no connection (`ConnectFailure`); `denied` by the access list; `no-greeting`: the peer does
 * not behave as an event socket; `login-refused`; `login-lost`: the connection ended or stalled during the login.
 */
export type OpenFailure = ConnectFailure | "denied" | "no-greeting" | "login-refused" | "login-lost";

/** The link cannot be opened: the message is the reason, for people; the code is for decisions. */
export class CannotOpen extends Error {
  constructor(why: string, readonly code: OpenFailure) {
    super(why);
  }
}

/** The code of what ends a link at this stage, unless something more precise is known. */
const failureAt = { connect: "not-connected", greet: "no-greeting", login: "login-lost" } as const;

/** The reply to a command: its Reply-Text, or the body of an api response. `ok` unless it begins with `-ERR`. */
export interface Reply {
  readonly ok: boolean;
  readonly text: string;
}

/** The link is closed. `sent`: the command had been written, so its outcome is unknown. */
export class LinkClosed extends Error {
  constructor(why: string, readonly sent: boolean) {
    super(why);
  }
}

/** How long a greeting may take before its absence is reported, in ms: an administrator looks at `status` at once. */
export const greetingPatience = 1000;

/** The frames that matter beside JSON events. */
const frameTypes: ReadonlySet<string> = new Set([
  "auth/request",
  "command/reply",
  "api/response",
  "text/disconnect-notice",
  "text/rude-rejection",
]);

/** The parts of modesl's Connection and Parser that we use; modesl comes without types. */
interface ModeslConnection {
  /** Missing once the peer has ended the connection. */
  readonly socket: Socket;
  on(name: string, listener: (event: unknown, headers: Headers, body?: string) => void): void;
  _onEvent(event: unknown, headers: Headers, body?: string): void;
}
interface ModeslParser {
  on(name: "esl::event", listener: (event: unknown, headers: Headers, body?: string) => void): void;
  _parseEvent(headers: Headers, body?: string): void;
}
const Connection = esl.Connection as new (host: string, port: number, password: string) => ModeslConnection;
const Parser = esl.Parser as new (socket: Socket) => ModeslParser;

/** modesl's Parser with our reader of frames inside. */
export class FrameParser extends Parser {
  readonly #onJson: (json: Buffer) => void;
  readonly #reader: FrameReader;

  /** The parameters are those of `FrameReader`. */
  constructor(socket: Socket, onJson: (json: Buffer) => void, onBroken: (why: string) => void, afterwards?: Afterwards) {
    super(socket);
    this.#onJson = onJson;
    this.#reader = new FrameReader((headers, body) => this.#frame(headers, body), onBroken, afterwards);
  }

  _onData(data: Buffer): void {
    this.#reader.push(data);
  }

  /** Passes on everything that has arrived, at once. */
  flush(): void {
    this.#reader.flush();
  }

  /** Passes on nothing more. */
  stop(): void {
    this.#reader.stop();
  }

  /** Passes on what we request; modesl's readers of anything else (XML, plain text, logs) throw if they cannot read it. */
  #frame(headers: Headers, body?: Buffer): boolean {
    const type = headers["Content-Type"];
    if (type === "text/event-json") {
      this.#onJson(body ?? Buffer.alloc(0));
      return true;
    }
    if (frameTypes.has(String(type))) this._parseEvent(headers, body?.toString());
    return type === "command/reply" || type === "api/response";
  }

  _parseHeaderText(text: string): Headers {
    return parseHeaders(text);
  }
}

/** Calls back after all promises and their microtasks, but before the next poll: other links must not delay this one. */
function afterwards(go: () => void): void {
  queueMicrotask(() => process.nextTick(() => process.nextTick(go)));
}

/** A command, and the callbacks for its reply. */
interface Waiter {
  readonly text: string;
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: LinkClosed) => void;
  /** Present once the command is sent. */
  cancelDeadline?: () => void;
}

/** A connection that is logged in, until it closes; it never reconnects. */
export class Link {
  readonly #options: LinkOptions;
  readonly #socket: Socket;
  readonly #onFrame: (frame: Frame) => void;
  readonly #waiters: Waiter[] = [];
  #cancelSilence: () => void = () => {};
  /** When the last byte arrived, by the timers' clock. */
  #heardAt = 0;
  #parser: FrameParser | undefined;
  #why: string | undefined;
  readonly #closed = Promise.withResolvers<string>();
  readonly #greeted = Promise.withResolvers<void>();
  #stage: keyof typeof failureAt = "connect";
  #failure: OpenFailure | undefined;
  readonly #greeting: Greeting;

  /** Connects and logs in. Rejects with CannotOpen. */
  static async open(options: LinkOptions, onFrame: (frame: Frame) => void, signal: AbortSignal): Promise<Link> {
    const link = new Link(options, onFrame);
    const abort = () => link.close("stopped");
    signal.addEventListener("abort", abort, { once: true });
    link.closed.then(() => signal.removeEventListener("abort", abort));
    const where = `${options.host}:${options.port}`;
    const cancelDeadline = deadline(options.timers, options.connectMs, () => link.close(link.#ungreeted()));
    const cancelDelay = options.timers.after(greetingPatience, () => options.onDelay?.(link.#ungreeted()));
    try {
      if (signal.aborted) link.close("stopped");
      await link.#greeted.promise.finally(() => {
        cancelDeadline();
        cancelDelay();
      });
      link.#stage = "login";
      options.onStage?.("greet");
      const reply = await link.command(options.login);
      if (!reply.ok) {
        link.#failure = "login-refused";
        throw new Error(`FreeSWITCH at ${where} refuses the login (${reply.text.trim()}): check line.password and line.user`);
      }
      return link;
    } catch (error) {
      const why = messageOf(error);
      link.close(why);
      throw new CannotOpen(why, link.#failure ?? failureAt[link.#stage]);
    }
  }

  private constructor(options: LinkOptions, onFrame: (frame: Frame) => void) {
    this.#options = options;
    this.#onFrame = onFrame;
    this.#greeting = new Greeting(`${options.host}:${options.port}`);
    // Unobserved rejections must not end the process: every waiter has a handler.
    this.#greeted.promise.catch(() => {});
    const connection = new Connection(options.host, options.port, "");
    const { socket } = connection;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 15_000);
    // modesl's own listener would log in and subscribe.
    socket.removeAllListeners("connect");
    socket.once("connect", () => this.#onConnect(connection));
    const onGone = () => this.#ended(this.#stage === "greet" ? this.#greeting.closed() : "FreeSWITCH closed the connection");
    socket.on("close", onGone);
    socket.on("end", onGone);
    connection.on("error", (error) => this.#ended(this.#reason(error)));
    connection.on("esl::event::auth::request", () => {
      options.log.trace("from the switch", { frame: "auth/request" });
      this.#greeted.resolve();
    });
    connection.on("esl::event::command::reply", (_event, headers) => this.#settle(String(headers["Reply-Text"] ?? "")));
    connection.on("esl::event::api::response", (_event, _headers, body) => this.#settle(body ?? ""));
    connection.on("esl::event::disconnect::notice", (_event, _headers, body = "") => {
      options.log.trace("from the switch", { frame: "text/disconnect-notice", body });
      this.close("FreeSWITCH has announced that it disconnects");
    });
    connection.on("esl::event::raw::text/rude-rejection", () => {
      this.#failure = "denied";
      this.close(`FreeSWITCH at ${options.host} denies this address: allow it in event_socket.conf.xml (apply-inbound-acl)`);
    });
  }

  #onConnect(connection: ModeslConnection): void {
    const { silenceMs, timers, onStage } = this.#options;
    this.#stage = "greet";
    onStage?.("connect");
    this.#heardAt = timers.now();
    this.#socket.on("data", (data) => {
      this.#heardAt = timers.now();
      if (this.#stage === "greet" && !this.#greeting.take(data)) this.close(this.#ungreeted());
    });
    this.#parser = new FrameParser(this.#socket, (json) => this.#json(json), (why) => this.close(why), afterwards);
    this.#parser.on("esl::event", connection._onEvent.bind(connection));
    if (this.#why === undefined) this.#watchSilence(silenceMs);
  }

  /** The peer has ended the link: what it sent before still counts. */
  #ended(why: string): void {
    this.#parser?.flush();
    this.close(why);
  }

  /** Resolves with the reason when the link is closed. */
  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  /**
   * Sends one command and waits for its reply. Commands go one after the other; each has its deadline, after which the
   * link is closed, because replies could no longer be matched.
   * Rejects with LinkClosed.
   */
  command(text: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const whole = [text, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
    for (const line of whole) refuseControls(line);
    if (this.#options.unfiltered && text.startsWith("filter ")) return Promise.resolve({ ok: true, text: "+OK no filters" });
    return new Promise((settle, fail) => {
      if (this.#why !== undefined) return fail(new LinkClosed(this.#why, false));
      this.#waiters.push({ text: `${whole.join("\n")}\n\n`, settle, fail });
      this.#pump();
    });
  }

  /** Sends a command without waiting for its reply. */
  send(text: string): void {
    this.command(text).catch(() => {});
  }

  /** Ends the link; everything that waits for it is rejected. */
  close(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#cancelSilence();
    this.#parser?.stop();
    for (const { cancelDeadline, fail } of this.#waiters.splice(0)) {
      cancelDeadline?.();
      fail(new LinkClosed(why, cancelDeadline !== undefined));
    }
    this.#socket.destroy();
    this.#greeted.reject(new Error(why));
    this.#closed.resolve(why);
  }

  #pump(): void {
    const [first] = this.#waiters;
    if (!first || first.cancelDeadline) return;
    const { commandMs, timers } = this.#options;
    first.cancelDeadline = deadline(
      timers,
      commandMs,
      () => this.close(`FreeSWITCH did not reply to ${named(first.text)} within ${commandMs / 1000} s`),
    );
    if (this.#options.log.tracing()) this.#options.log.trace("to the switch", { frame: hideSecret(first.text.trim()) });
    this.#socket.write(first.text);
  }

  #settle(text: string): void {
    const first = this.#waiters[0]?.cancelDeadline && this.#waiters.shift();
    const { log } = this.#options;
    if (log.tracing()) log.trace("from the switch", { reply: shownReply(first?.text ?? "", text) });
    if (!first) return;
    first.cancelDeadline?.();
    first.settle({ ok: !text.startsWith("-ERR"), text });
    this.#pump();
  }

  #json(json: Buffer): void {
    if (this.#options.log.tracing()) this.#trace(json.toString());
    const frame = readFrame(json);
    if (frame) this.#onFrame(frame);
    else this.unreadable(json.toString());
  }

  /** Reports an event that cannot be read: called for one that was passed on, too, if that turns out later. */
  unreadable(event: string): void {
    const message = "An event of the switch is not a JSON object: requesting all live calls instead";
    this.#options.log.rarely("no JSON").warning(message, { begins: event.slice(0, 80) });
    this.#options.onUnreadable?.(event);
  }

  #trace(event: string): void {
    const { log, deskOf } = this.#options;
    const frame = readHeaders(event);
    const desk = frame && deskOf?.(frame);
    const leg = frame && text(frame, "Unique-ID");
    log.trace("from the switch", {
      ...(desk === undefined ? {} : { desk }),
      ...(leg ? { leg } : {}),
      event: hideSecrets(event),
    });
  }

  /** Closes the link after silenceMs without a byte. @param ms the earliest time for that, from now. */
  #watchSilence(ms: number): void {
    const { silenceMs, timers } = this.#options;
    this.#cancelSilence = deadline(timers, ms, () => {
      const left = this.#heardAt + silenceMs - timers.now();
      if (left > 0) this.#watchSilence(left);
      else this.close(`FreeSWITCH has been silent for ${silenceMs / 1000} s`);
    });
  }

  #ungreeted(): string {
    return this.#greeting.missing(this.#stage !== "connect");
  }

  #reason(error: unknown): string {
    const { host, port } = this.#options;
    const isRunning = "is FreeSWITCH running, and mod_event_socket loaded";
    const { code, why } = connectFailure(error, { name: "FreeSWITCH", host, port, isRunning, machine: "the switch" });
    if (this.#stage === "connect") this.#failure = code;
    return why;
  }
}

/** Every line goes through here: a control character would end the command and start another. */
function refuseControls(line: string): void {
  if (/\p{Cc}/u.test(line)) {
    throw new RangeError(
      `a command to the switch contains a control character: ${JSON.stringify(hideSecret(line)).slice(0, 80)}`,
    );
  }
}

/** A command's first words, without a secret. */
function named(text: string): string {
  return hideSecret(text).split("\n")[0]?.split(" ").slice(0, 2).join(" ") ?? "";
}
