/**
 * The SIP driver: any switch that reports the dialogs of its phones (RFC 4235), through drachtio-server on the box. Keeps up
 * one connection to it, with a pause of full jitter between attempts. `session.ts` is one connection, `watch/` watches a phone,
 * `dialogs/` reads the switch's reports of it, `dial/` dials, `wire/` wraps the library.
 */
import type { LineCommand } from "../../src/core/line.ts";
import type { DriverContext, LoadedDriver } from "../driver.ts";
import { type ConnectionAttempt, Reconnection } from "../shared/reconnection.ts";
import type { SipConfig, sipConfig } from "./config.ts";
import { probe } from "./probe.ts";
import { Session } from "./session.ts";
import { usersOf } from "./dialogs/notifier.ts";
import { DialogTracker } from "./dialogs/tracker.ts";

/** See `DriverEntry.load`. */
export const sip: LoadedDriver<typeof sipConfig> = { open: (config, context) => new SipLine(config, context), probe };

class SipLine extends Reconnection<Session> {
  readonly #config: SipConfig;
  readonly #context: DriverContext;
  readonly #trackers: ReadonlyMap<string, DialogTracker>;

  constructor(config: SipConfig, context: DriverContext) {
    super("drachtio-server", context);
    this.#config = config;
    this.#context = context;
    this.#trackers = new Map(context.desks.map(({ extension, aliases }) => [
      extension,
      new DialogTracker({
        desk: extension,
        users: usersOf(extension, aliases),
        self: config.user,
        seed: crypto.randomUUID().replaceAll("-", ""),
      }),
    ]));
  }

  override execute(command: LineCommand): void {
    const refuse = (cause: string, why: string) =>
      this.report({ type: "result", command, result: { outcome: "failed", cause, why } });
    if (command.type !== "dial") {
      return refuse("NOT_SUPPORTED", "This phone system has no call queues: telesetd alone keeps the state.");
    }
    if (!this.#trackers.has(command.desk)) return refuse("NOT_SERVED", `Desk ${command.desk} is not served.`);
    super.execute(command);
  }

  protected override async connect({ signal, known, report, onSession, onUp }: ConnectionAttempt<Session>): Promise<string> {
    const { log, timers } = this.#context;
    const session = await Session.open(
      { config: this.#config, trackers: this.#trackers, known, log, timers, report },
      signal,
    );
    onSession(session);
    onUp(session.about);
    return await session.run(signal);
  }
}
