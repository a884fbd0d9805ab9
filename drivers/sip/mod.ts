/**
 * The SIP driver: any switch that tells the dialogs of its phones (RFC 4235), through drachtio-server on the box. Keeps one connection to it,
 * for ever, with a pause of full jitter between tries. `session.ts` is one connection, `watch.ts` a phone, `translate.ts` what is
 * told of it, `stack.ts` the library.
 */
import type { CommandResult, KnownLegs, Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { DriverContext, DriverEntry } from "../entry.ts";
import { pause, pauseBefore } from "../parts/pause.ts";
import { AsyncQueue } from "../parts/queue.ts";
import { type SipConfig, sipConfig } from "./config.ts";
import { probe } from "./probe.ts";
import { Session } from "./session.ts";
import { DialogTracker, usersOf } from "./translate.ts";

/** The registry's entry. */
export const sip: DriverEntry<typeof sipConfig> = {
  name: "sip",
  schema: sipConfig,
  open: (config, context) => new SipLine(config, context),
  // The SIP itself is spoken by drachtio-server.
  hosts: ({ host }) => [host],
  probe,
};

class SipLine implements Line {
  readonly #config: SipConfig;
  readonly #context: DriverContext;
  readonly #trackers: ReadonlyMap<string, DialogTracker>;
  #session: Session | undefined;
  #why = "not connected yet";

  constructor(config: SipConfig, context: DriverContext) {
    this.#config = config;
    this.#context = context;
    this.#trackers = new Map(context.desks.map(({ extension, aliases }) => [
      extension,
      new DialogTracker({
        desk: extension,
        users: usersOf(extension, aliases),
        self: config.user,
        freshId: () => crypto.randomUUID(),
      }),
    ]));
  }

  async *events(signal: AbortSignal, known: KnownLegs): AsyncGenerator<LineEvent> {
    const queue = new AsyncQueue<LineEvent>();
    const over = this.#keepConnected(queue, signal, known).finally(() => queue.end());
    yield* queue;
    await over;
  }

  async execute(command: LineCommand, _signal: AbortSignal): Promise<CommandResult> {
    if (command.type !== "dial") {
      const why = "This phone system has no call queues: the state is kept here only.";
      return { outcome: "failed", cause: "NOT_SUPPORTED", why };
    }
    if (!this.#trackers.has(command.desk)) {
      return { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${command.desk} is not served.` };
    }
    const session = this.#session;
    if (!session) {
      return {
        outcome: "failed",
        cause: "NO_LINK",
        why: `Cannot dial: the connection to the phone system is down (${this.#why}).`,
      };
    }
    return await session.dial(command);
  }

  async #keepConnected(queue: AsyncQueue<LineEvent>, signal: AbortSignal, known: KnownLegs): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#connectOnce(queue, signal, known, () => attempt = 0);
      if (signal.aborted) return;
      this.#down(why, queue);
      await pause(pauseBefore(attempt, Math.random()), signal);
    }
  }

  /** One connection from its try to its end; resolves with the reason of the end. */
  async #connectOnce(queue: AsyncQueue<LineEvent>, signal: AbortSignal, known: KnownLegs, onUp: () => void): Promise<string> {
    const { log } = this.#context;
    try {
      const tell = (event: LineEvent) => queue.push(event);
      const session = await Session.open({ config: this.#config, trackers: this.#trackers, known, log, tell }, signal);
      this.#session = session;
      this.#why = "";
      onUp();
      return await session.run(signal);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#session = undefined;
    }
  }

  /** Says a reason once, not at every try. */
  #down(why: string, queue: AsyncQueue<LineEvent>): void {
    const known = this.#why === why;
    this.#why = why;
    queue.push({ type: "link-down", why });
    if (!known) {
      this.#context.log.rarely(`down ${why}`, 10).warning("No connection to drachtio-server: trying again until it is there", {
        why,
      });
    }
  }
}
