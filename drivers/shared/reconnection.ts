/**
 * What drivers that keep one connection to their switch have in common: they connect again and again, with a pause of full jitter
 * between the attempts, and everything that happens goes through one queue, results of commands included.
 */
import type { KnownLegs, Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log, LogFields } from "../../src/log/log.ts";
import { pause, type Timers } from "../../src/platform/timers.ts";
import { longestPause, pauseBefore } from "../../src/platform/backoff.ts";
import { AsyncQueue } from "./async-queue.ts";
import { messageOf } from "../../src/platform/text.ts";

/** A connection that commands go to. */
export interface Session {
  /**
   * Carries one command out, once, and reports its result. A command in progress when the connection is lost is reported before
   * the attempt ends.
   */
  execute(command: LineCommand): void;
}

/** What one attempt to connect is given. */
export interface ConnectionAttempt<S> {
  readonly signal: AbortSignal;
  readonly known: KnownLegs;
  /** Reports what happens on the line. */
  readonly report: (event: LineEvent) => void;
  /** Commands go to this session from now on. */
  readonly onSession: (session: S) => void;
  /** The connection is not up yet, with the reason if known. Nothing is logged: it may still succeed. */
  readonly onDelay: (why: string) => void;
  /** All steps with a deadline are done; from now on only the deadline on silence applies. `about`: fields for the log. */
  readonly onUp: (about: LogFields) => void;
}

/** How many times in an hour a flapping link is logged, up and down each. */
const maxFlapLogs = 10;

/**
 * How long one step of the loop may take, in ms: far more than the deadlines for connecting and for all commands of a login add
 * up to.
 */
const stuckAfter = 300_000;

/** A line that keeps one connection, and reconnects when it is lost. */
export abstract class Reconnection<S extends Session> implements Line {
  readonly #name: string;
  readonly #longest: number;
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #queue = new AsyncQueue<LineEvent>();
  #session: S | undefined;
  #why = "not connected yet";
  /** The reason that was logged last. */
  #logged = "";
  /** When the next step of the loop is due at the latest, by the timers' clock. */
  #goesOnBy = Infinity;

  /**
   * @param name that of the switch, or of the server between us and the switch, for people.
   * @param longest the longest pause between two attempts, in ms.
   */
  constructor(name: string, { log, timers }: { readonly log: Log; readonly timers: Timers }, longest = longestPause) {
    this.#name = name;
    this.#log = log;
    this.#timers = timers;
    this.#longest = longest;
  }

  /** One connection from the attempt to its end; resolves with the reason of the end, or rejects with it as an Error. */
  protected abstract connect(attempt: ConnectionAttempt<S>): Promise<string>;

  /** The current connection; undefined while the link is down. */
  protected get session(): S | undefined {
    return this.#session;
  }

  /** A sentence for the agent: the link is down, and why. */
  protected get noLink(): string {
    return `The connection to the phone system is down (${this.#why}).`;
  }

  /** See `Line.events`. */
  events(signal: AbortSignal, known: KnownLegs): AsyncIterable<LineEvent> {
    const over = this.#keepConnected(signal, known);
    const end = () => this.#queue.end(over);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    over.then(end, end);
    return this.#queue;
  }

  /** See `Line.execute`. */
  execute(command: LineCommand): void {
    if (this.#session) return this.#session.execute(command);
    const why = command.type === "dial" ? this.noLink.replace("The", "Cannot dial: the") : this.noLink;
    this.report({ type: "result", command, result: { outcome: "failed", cause: "NO_LINK", why } });
  }

  /** Adds an event to those of the line; does nothing once the line has ended. */
  report(event: LineEvent): void {
    this.#queue.push(event);
  }

  /** See `Line.stuck`. */
  stuck(): string | undefined {
    if (this.#timers.now() < this.#goesOnBy) return undefined;
    return `the driver neither connects to ${this.#name} nor waits to try again`;
  }

  async #keepConnected(signal: AbortSignal, known: KnownLegs): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#connectOnce(signal, known, (about) => {
        this.#log.rarely("connected", maxFlapLogs).info(`Connected to ${this.#name}`, {
          ...about,
          failed: attempt === 0 ? undefined : attempt,
        });
        attempt = 0;
      });
      if (signal.aborted) return;
      this.#down(why);
      const ms = pauseBefore(attempt, this.#timers.random(), this.#longest);
      this.#goesOnBy = this.#timers.now() + ms + stuckAfter;
      await pause(this.#timers, ms, signal);
    }
  }

  async #connectOnce(
    signal: AbortSignal,
    known: KnownLegs,
    onUp: (about: LogFields) => void,
  ): Promise<string> {
    this.#goesOnBy = this.#timers.now() + stuckAfter;
    try {
      return await this.connect({
        signal,
        known,
        report: (event) => this.report(event),
        onSession: (session) => this.#session = session,
        onDelay: (why) => {
          this.#why = why;
          this.report({ type: "link-down", why });
        },
        onUp: (about) => {
          this.#why = this.#logged = "";
          this.#goesOnBy = Infinity;
          onUp(about);
        },
      });
    } catch (error) {
      return messageOf(error);
    } finally {
      this.#session = undefined;
    }
  }

  /** Logs a reason once, not at every attempt. */
  #down(why: string): void {
    const isLogged = this.#logged === why;
    this.#why = this.#logged = why;
    this.report({ type: "link-down", why });
    if (isLogged) return;
    this.#log.rarely(`down ${why}`, maxFlapLogs).warning(`No connection to ${this.#name}: retrying until it is available`, {
      why,
    });
  }
}
