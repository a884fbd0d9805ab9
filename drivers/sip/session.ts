/**
 * The work on one connection to drachtio-server: the registration, a watch for every desk, the dials, and OPTIONS requests that
 * check whether the switch answers at all.
 */
import type { KnownLegs, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log, LogFields } from "../../src/log/log.ts";
import { pause, type Timers } from "../../src/platform/timers.ts";
import { sendRequest } from "./wire/transaction.ts";
import type { SipConfig } from "./config.ts";
import type { FarSign } from "./dialogs/own-dials.ts";
import { Dialling } from "./dial/dial.ts";
import { NotSent, type SipIncoming, StackClosed } from "./wire/message.ts";
import { keepRegistered, register } from "./watch/registration.ts";
import { accountOf, type Connection, requestTo } from "./wire/request.ts";
import { Stack } from "./wire/stack.ts";
import type { DialogTracker } from "./dialogs/tracker.ts";
import { giveBack, Watch } from "./watch/watch.ts";

/** What a session needs from its driver. */
export interface SessionOptions {
  readonly config: SipConfig;
  /** What is known about each desk's dialogs, by extension; outlives the session. */
  readonly trackers: ReadonlyMap<string, DialogTracker>;
  readonly known: KnownLegs;
  readonly log: Log;
  readonly timers: Timers;
  readonly report: (event: LineEvent) => void;
}

/** The switch is gone after this number of OPTIONS requests without an answer; the pause before the second is in ms. */
const maxUnanswered = 2;
const secondPingAfter = 1000;

/** The work on a connection that has logged in. */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #dialling: Dialling;
  #watches = new Map<string, Watch>();
  /** Why no phone is watched. */
  #why = "not connected yet";
  /** The switch has answered OPTIONS before: only then does its silence mean something. */
  #answers = false;

  /** Connects to drachtio-server. Rejects with an Error for people if it cannot. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    const { config, log, timers } = options;
    const { host, port, drachtioSecret, register } = config;
    let session: Session | undefined;
    const stack = await Stack.open(
      {
        host,
        port,
        secret: drachtioSecret,
        connectMs: config.connectSeconds * 1000,
        routes: ["notify", ...(register ? ["options"] : [])],
        log,
        timers,
      },
      (request) => session ? session.#onRequest(request) : request.answer(503),
      signal,
    );
    return session = new Session(options, stack);
  }

  /** The server at the other end, for the log. */
  get about(): LogFields {
    const { host, port } = this.#options.config;
    return { at: `${host}:${port}`, version: this.#connection.stack.version, sip: this.#connection.stack.listeners };
  }

  private constructor(options: SessionOptions, stack: Stack) {
    this.#options = options;
    const { config, log, timers } = options;
    this.#connection = { stack, config, account: accountOf(config), log, timers };
    const far = (desk: string, call: string, sign: FarSign) => this.#watches.get(desk)?.far(call, sign);
    const unregistered = (desk: string) => this.#watches.get(desk)?.unregistered();
    this.#dialling = new Dialling({ ...this.#connection, far, report: options.report, unregistered });
  }

  /**
   * Works until the connection is lost or the signal is aborted; resolves with the reason. While the switch does not answer, all
   * desks are down; when it answers again, they start again.
   */
  async run(signal: AbortSignal): Promise<string> {
    const over = new AbortController();
    const stop = () => over.abort(giveBack);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const working = this.#work(over.signal).catch((error: unknown) => {
      if (!(error instanceof StackClosed)) throw error;
    });
    try {
      return await Promise.race([this.#connection.stack.closed, working.then(() => "stopped")]);
    } finally {
      signal.removeEventListener("abort", stop);
      over.abort("lost");
      await working.finally(() => this.#connection.stack.close("stopped"));
    }
  }

  /** Carries out a dial from a desk that is served, once, and reports its result. */
  execute(command: LineCommand): void {
    if (command.type !== "dial") return;
    const watch = this.#watches.get(command.desk);
    const tracker = this.#options.trackers.get(command.desk);
    if (watch?.up && tracker) return this.#dialling.dial(command, tracker);
    const why = `Cannot dial: the connection to the phone system is down (${watch?.why ?? this.#why}).`;
    this.#options.report({ type: "result", command, result: { outcome: "failed", cause: "NO_LINK", why } });
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { log, timers, report, config } = this.#options;
      const gone = new AbortController();
      const epoch = AbortSignal.any([signal, gone.signal]);
      const working = this.#epoch(epoch);
      await Promise.race([working, this.#untilGone(epoch)]).finally(() => gone.abort("gone"));
      await working;
      if (signal.aborted) return;
      const why = this.#why = `${config.proxy ?? config.domain} does not answer`;
      log.rarely(`gone ${why}`, 10).warning("The phone system does not answer: trying again until it does", { why });
      report({ type: "link-down", why });
      while (!signal.aborted && !(await this.#isThere())) await pause(timers, secondPingAfter + timers.random() * 4000, signal);
    }
  }

  /** Registers, if configured, and watches all desks. */
  async #epoch(stopped: AbortSignal): Promise<void> {
    const { config, log, report } = this.#options;
    const broken = new AbortController();
    const signal = AbortSignal.any([stopped, broken.signal]);
    const begin = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => begin.resolve(), { once: true });
    const onBad = (why: string) => {
      this.#why = why;
      log.rarely(`registration ${why}`).warning("The registration was refused", { why });
      if (![...this.#watches.values()].some(({ up }) => up)) report({ type: "link-down", why });
    };
    // One part that fails ends the others; otherwise waiting for all of them would hide the fault.
    let fault: unknown;
    const seen = (error: unknown) => {
      if (error instanceof StackClosed) return;
      fault ??= error;
      broken.abort("broken");
    };
    const registering = config.register
      ? keepRegistered({ ...this.#connection, onGood: begin.resolve, onBad }, signal).catch(seen)
      : begin.resolve();
    await begin.promise;
    this.#watches = new Map(signal.aborted ? [] : this.#newWatches());
    await Promise.all([registering, ...[...this.#watches.values()].map((watch) => watch.run(signal).catch(seen))]);
    this.#watches = new Map();
    if (signal.reason === giveBack && config.register) await register(this.#connection, 0).catch(() => {});
    if (fault !== undefined) throw fault;
  }

  #newWatches(): [string, Watch][] {
    const { config, trackers, known } = this.#options;
    const report = (event: LineEvent) => {
      if (!this.#dialling.keepsBack(event)) this.#options.report(event);
      if (event.type === "leg" || event.type === "snapshot") this.#dialling.look();
    };
    return [...trackers].map(([extension, tracker]) => {
      const about = { extension, at: config.proxy ?? config.domain, user: config.user };
      const desks = trackers.size > 1 ? { desks: [extension] } : {};
      return [extension, new Watch({ ...this.#connection, about, tracker, known, report, ...desks })];
    });
  }

  /** Resolves when the switch, which used to answer OPTIONS, no longer does, or when the signal is aborted. */
  async #untilGone(signal: AbortSignal): Promise<void> {
    const { config, timers } = this.#options;
    const pingMs = config.pingSeconds * 1000;
    for (let lost = 0; !signal.aborted && lost < maxUnanswered;) {
      // The first OPTIONS is sent soon, to learn whether the switch answers at all.
      await pause(timers, lost === 0 && this.#answers ? pingMs : secondPingAfter, signal);
      if (signal.aborted) return;
      if (await this.#isThere()) {
        this.#answers = true;
        lost = 0;
      } else if (this.#answers) lost++;
      else await pause(timers, pingMs, signal);
    }
  }

  /** Any response of the switch will do; 408, 503 and 504 mean that the switch has not answered. */
  async #isThere(): Promise<boolean> {
    const { stack, account, config } = this.#connection;
    const request = requestTo(account, "OPTIONS", undefined, { Contact: account.contact });
    try {
      const { status } = await sendRequest(stack, request, { withinMs: config.answerSeconds * 1000 });
      return ![408, 503, 504].includes(status);
    } catch (error) {
      if (error instanceof NotSent || error instanceof StackClosed) return false;
      throw error;
    }
  }

  #onRequest(request: SipIncoming): void {
    if (request.method === "NOTIFY") {
      if ([...this.#watches.values()].some((watch) => watch.notify(request)) || this.#dialling.notify(request)) return;
      // A subscription from before a restart, or one that we have ended: 481 makes the switch forget it (RFC 6665, section
      // 4.1.3).
      return request.answer(481);
    }
    if (this.#dialling.onRequest(request)) return;
    if (request.method !== "ACK") request.answer(request.method === "OPTIONS" ? 200 : 481);
  }
}
