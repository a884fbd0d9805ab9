/**
 * The driver of a box whose switch is watched by a relay: keeps one connection to the broker between them. `session.ts` is one
 * connection, `follow.ts` what one desk hears. The box has no password of the switch, and hears no other desk.
 */
import { pause } from "../../src/platform/timers.ts";
import { openBroker } from "../../src/broker/open.ts";
import { deskSubject } from "../../src/broker/subjects.ts";
import type { DriverContext, LoadedDriver } from "../driver.ts";
import { type ConnectionAttempt, Reconnection } from "../shared/reconnection.ts";
import type { RelayConfig, relayConfig } from "./config.ts";
import { BoxFleet } from "./fleet-link.ts";
import { Follower } from "./follow.ts";
import { brokerOptions, probe } from "./probe.ts";
import { Session } from "./session.ts";

/** The longest pause between two attempts, in ms: after a restart of the broker all boxes are back soon, but not at once. */
export const longestPause = 10_000;

/** How many logins with TLS one core of a broker takes in a second (measured). */
const loginsPerSecond = 500;

/**
 * Over how many ms the boxes of a fleet spread their first attempts after the loss of a connection: a broker that gets more logins
 * than it can answer in time answers none of them.
 */
export function spreadMs(desks: number): number {
  return Math.min(longestPause, desks / loginsPerSecond * 1000);
}

const whoseCredentials = "are line.credentials those of this desk, and line.prefix the relay's?";

/** See `DriverEntry.load`. */
export const relay: LoadedDriver<typeof relayConfig> = { open: (config, context) => new RelayLine(config, context), probe };

class RelayLine extends Reconnection<Session> {
  readonly #config: RelayConfig;
  readonly #context: DriverContext;
  readonly #followers: ReadonlyMap<string, Follower>;
  readonly fleet: BoxFleet;

  constructor(config: RelayConfig, context: DriverContext) {
    super("the broker", context, longestPause);
    this.#config = config;
    this.#context = context;
    const desks = context.desks.map(({ extension }) => extension);
    this.#followers = new Map(desks.map((desk) => [desk, new Follower(desk, desks.length === 1)]));
    this.fleet = new BoxFleet(config.prefix, desks);
  }

  protected override async connect({ signal, known, report, onSession, onUp }: ConnectionAttempt<Session>): Promise<string> {
    const { log, timers } = this.#context;
    const options = brokerOptions(this.#config, this.#context);
    const onRefused = (why: string, subject?: string) => {
      this.#refused(why);
      const desk = [...this.#followers.keys()].find((desk) => deskSubject(this.#config.prefix, desk, "line") === subject);
      const about = this.#followers.size === 1 ? {} : { desks: [desk ?? ""] };
      if (desk !== undefined) {
        report({ type: "link-down", why: `the broker refuses desk ${desk}: ${whoseCredentials}`, ...about });
      }
    };
    const broker = await openBroker({ ...options, onRefused }, signal);
    const session = new Session({
      broker,
      prefix: this.#config.prefix,
      followers: this.#followers,
      answerMs: this.#config.answerSeconds * 1000,
      log,
      timers,
      report,
    });
    onSession(session);
    const alive = Map.groupBy(known(), ({ desk }) => desk);
    for (const [desk, follower] of this.#followers) {
      follower.believe((alive.get(desk) ?? []).map(({ leg }) => leg));
    }
    session.start();
    onUp({ at: broker.server });
    this.fleet.connected(broker);
    const why = await broker.closed;
    this.fleet.disconnected();
    session.onLost(why);
    report({ type: "link-down", why });
    await pause(timers, timers.random() * spreadMs(session.fleetSize), signal);
    return why;
  }

  #refused(why: string): void {
    this.#context.log.rarely(`refused ${why}`).warning(
      `The broker refuses a subject: ${whoseCredentials}`,
      { why },
    );
  }
}
