/**
 * What drivers that keep one connection to their switch have in common: they connect again and again, with a pause of full jitter
 * between the attempts, and everything that happens goes through one queue, results of commands included.
 */
import type { KnownLegs, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log, LogFields } from "../../src/log/log.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { pause, pauseBefore } from "./pause.ts";
import { AsyncQueue } from "./async-queue.ts";
import { messageOf } from "../../src/platform/text.ts";

/** A connection that commands go to. */
export interface Session {
  /**
   * Carries one command out, once, and reports its result. What is under way when the connection is lost is reported before the
   * attempt ends.
   */
  execute(command: LineCommand): void;
}

/** What one attempt to connect is given. */
export interface Attempt<S> {
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

/** The switch, or the server between us and the switch. */
export interface Peer<S> {
  /** Its name, for people. */
  readonly name: string;
  readonly log: Log;
  readonly timers: Timers;
  /** One connection from the attempt to its end; resolves with the reason of the end, or rejects with it as an Error. */
  connect(attempt: Attempt<S>): Promise<string>;
}

/** How often in an hour a link that comes and goes is in the log, each way. */
const maxFlapLogs = 10;

/**
 * How long one step of the loop may take, in ms: far more than the deadlines for connecting and for all commands of a login add up
 * to.
 */
const stuckAfter = 300_000;

/** Keeps a connection, one after the other. */
export class Reconnection<S extends Session> {
  readonly #peer: Peer<S>;
  readonly #queue = new AsyncQueue<LineEvent>();
  #session: S | undefined;
  #why = "not connected yet";
  /** The reason that was logged last. */
  #logged = "";
  /** When the next step of the loop is due at the latest, by the timers' clock. */
  #goesOnBy = Infinity;

  constructor(peer: Peer<S>) {
    this.#peer = peer;
  }

  /** The connection that stands; undefined while the link is down. */
  get session(): S | undefined {
    return this.#session;
  }

  /** Why the link is down, as a clause for people. */
  get why(): string {
    return this.#why;
  }

  /** See `Line.events`. */
  async *events(signal: AbortSignal, known: KnownLegs): AsyncGenerator<LineEvent> {
    const end = () => this.#queue.end();
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    const over = this.#keepConnected(signal, known).finally(end);
    yield* this.#queue;
    await over;
  }

  /** See `Line.execute`. */
  execute(command: LineCommand): void {
    if (this.#session) return this.#session.execute(command);
    const what = command.type === "dial" ? "Cannot dial: the" : "The";
    const why = `${what} connection to the phone system is down (${this.#why}).`;
    this.report({ type: "result", command, result: { outcome: "failed", cause: "NO_LINK", why } });
  }

  /** Adds an event to those of the line; does nothing once the line has ended. */
  report(event: LineEvent): void {
    this.#queue.push(event);
  }

  /** See `Line.stuck`. */
  stuck(): string | undefined {
    if (this.#peer.timers.now() < this.#goesOnBy) return undefined;
    return `the driver neither connects to ${this.#peer.name} nor waits to try again`;
  }

  async #keepConnected(signal: AbortSignal, known: KnownLegs): Promise<void> {
    const { name, log, timers } = this.#peer;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#connectOnce(signal, known, (about) => {
        log.rarely("connected", maxFlapLogs).info(`Connected to ${name}`, {
          ...about,
          failed: attempt === 0 ? undefined : attempt,
        });
        attempt = 0;
      });
      if (signal.aborted) return;
      this.#down(why);
      const ms = pauseBefore(attempt, timers.random());
      this.#goesOnBy = timers.now() + ms + stuckAfter;
      await pause(timers, ms, signal);
    }
  }

  async #connectOnce(
    signal: AbortSignal,
    known: KnownLegs,
    onUp: (about: LogFields) => void,
  ): Promise<string> {
    this.#goesOnBy = this.#peer.timers.now() + stuckAfter;
    try {
      return await this.#peer.connect({
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
    const { name, log } = this.#peer;
    const known = this.#logged === why;
    this.#why = this.#logged = why;
    this.report({ type: "link-down", why });
    if (!known) {
      log.rarely(`down ${why}`, maxFlapLogs).warning(`No connection to ${name}: trying again until it is there`, { why });
    }
  }
}
