/**
 * The Asterisk driver: keeps one connection to ARI, with a pause of full jitter between the attempts. `session.ts` is one
 * connection, `wire/` its websocket and its requests, `translate.ts` what the events mean. No channel enters Stasis: the dialplan
 * need not be changed.
 */
import type { KnownLegs } from "../../src/core/line.ts";
import { pause } from "../../src/platform/timers.ts";
import type { DriverContext, LoadedDriver } from "../driver.ts";
import { type ConnectionAttempt, Reconnection } from "../shared/reconnection.ts";
import type { AgentMemory } from "./agents.ts";
import { addressOf, applicationOf } from "./address.ts";
import type { AsteriskConfig, asteriskConfig } from "./config.ts";
import { probe } from "./probe.ts";
import { Session } from "./session.ts";
import { type Site, siteOf } from "./site.ts";
import { Translator } from "./translate.ts";
import { placeOf } from "./wire/rest.ts";

/** The longest pause between two attempts, in ms: a switch that was restarted is watched again soon. */
export const longestPause = 10_000;

/** The pause after another program has taken over the application, in ms: two boxes with one name must not fight. */
export const replacedPause = 15_000;

/** See `DriverEntry.load`. */
export const asterisk: LoadedDriver<typeof asteriskConfig> = {
  open: (config, context) => new AsteriskLine(config, context),
  probe,
};

class AsteriskLine extends Reconnection<Session> {
  readonly #config: AsteriskConfig;
  readonly #context: DriverContext;
  readonly #site: Site;
  readonly #translator: Translator;
  readonly #memory: AgentMemory = { outdated: new Set() };

  constructor(config: AsteriskConfig, context: DriverContext) {
    super("Asterisk", context, longestPause);
    this.#config = config;
    this.#context = context;
    this.#site = siteOf(config, context.desks, context.variables);
    this.#translator = new Translator(this.#site);
  }

  check(legs: ReturnType<KnownLegs>): void {
    this.session?.check(legs);
  }

  protected override async connect(
    { signal, known, report, onSession, onDelay, onUp }: ConnectionAttempt<Session>,
  ): Promise<string> {
    const { log, timers } = this.#context;
    const address = addressOf(this.#config);
    const application = applicationOf(this.#config);
    const session = await Session.open(
      {
        config: this.#config,
        address,
        application,
        site: this.#site,
        translator: this.#translator,
        memory: this.#memory,
        known,
        log,
        timers,
        report,
      },
      signal,
    );
    onSession(session);
    const why = await session.run(() => onUp({ at: placeOf(address), application }));
    if (!session.isReplaced || signal.aborted) return why;
    onDelay(why);
    await pause(timers, replacedPause * (1 + timers.random()), signal);
    return why;
  }
}
