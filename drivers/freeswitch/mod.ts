/**
 * The FreeSWITCH driver: keeps one connection to the event socket, with a pause of full jitter between the attempts.
 * `session.ts` is one connection, `link.ts` its wire, `translate.ts` what its events mean.
 */
import type { KnownLegs } from "../../src/core/line.ts";
import type { DriverContext, LoadedDriver } from "../driver.ts";
import { type ConnectionAttempt, Reconnection } from "../shared/reconnection.ts";
import { agentMemory } from "./agents.ts";
import type { FreeswitchConfig, freeswitchConfig } from "./config.ts";
import { probe } from "./probe/mod.ts";
import { Session, type SessionOptions } from "./session.ts";

/** See `DriverEntry.load`. */
export const freeswitch: LoadedDriver<typeof freeswitchConfig> = {
  open: (config, context) => new FreeswitchLine(config, context),
  probe,
};

class FreeswitchLine extends Reconnection<Session> {
  readonly #options: Omit<SessionOptions, "known" | "report" | "onDelay">;

  constructor(config: FreeswitchConfig, { desks, variables, log, timers, wholeSwitch }: DriverContext) {
    super("FreeSWITCH", { log, timers });
    const site = {
      desks: desks.map(({ extension, aliases }) => ({
        extension,
        presence: [`${extension}@${config.domain}`, ...aliases],
      })),
      outsideProfiles: config.outsideProfiles,
      variables,
    };
    this.#options = {
      config,
      site,
      memory: agentMemory(desks.map(({ extension }) => extension), config),
      log,
      timers,
      wholeSwitch: wholeSwitch === true,
    };
  }

  check(legs: ReturnType<KnownLegs>): void {
    this.session?.check(legs);
  }

  async passwordOf(user: string): Promise<string | undefined> {
    if (!this.session) throw new Error(this.noLink);
    return await this.session.passwordOf(user);
  }

  protected override async connect(
    { signal, known, report, onSession, onDelay, onUp }: ConnectionAttempt<Session>,
  ): Promise<string> {
    const session = await Session.open({ ...this.#options, known, report, onDelay }, signal);
    onSession(session);
    const { host, port } = this.#options.config;
    return await session.run(() => onUp({ at: `${host}:${port}` }));
  }
}
