/**
 * The FreeSWITCH driver: keeps one connection to the event socket, with a pause of full jitter between the attempts.
 * `session.ts` is one connection, `link.ts` its wire, `translate.ts` what its events mean.
 */
import type { KnownLegs, Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { DriverContext, DriverEntry } from "../driver.ts";
import { type Attempt, Reconnection } from "../shared/reconnection.ts";
import { type AgentMemory, agentMemory } from "./agents.ts";
import { type FreeswitchConfig, freeswitchConfig } from "./config.ts";
import { probe } from "./probe/mod.ts";
import { Session } from "./session.ts";
import { setup } from "./setup.ts";
import type { Site } from "./translate.ts";

/** The registry's entry. */
export const freeswitch: DriverEntry<typeof freeswitchConfig> = {
  name: "freeswitch",
  schema: freeswitchConfig,
  open: (config, context) => new FreeswitchLine(config, context),
  reference: { driver: "freeswitch", host: "127.0.0.1", port: 8021, password: "ClueCon", domain: "127.0.0.1" },
  setup,
  hosts: ({ host }) => [host],
  drivesAgents: ({ acd }) => acd !== "none",
  probe,
  simulated: ({ user: _, ...config }, peer) => ({ ...config, host: "127.0.0.1", ...peer }),
};

class FreeswitchLine implements Line {
  readonly #config: FreeswitchConfig;
  readonly #context: DriverContext;
  readonly #site: Site;
  readonly #agents: AgentMemory;
  readonly #connection: Reconnection<Session>;

  constructor(config: FreeswitchConfig, context: DriverContext) {
    this.#config = config;
    this.#context = context;
    this.#agents = agentMemory(context.desks.map(({ extension }) => extension), config);
    this.#site = {
      desks: context.desks.map(({ extension, aliases }) => ({
        extension,
        presence: [`${extension}@${config.domain}`, ...aliases],
      })),
      outsideProfiles: config.outsideProfiles,
      variables: context.variables,
    };
    this.#connection = new Reconnection({
      name: "FreeSWITCH",
      log: context.log,
      timers: context.timers,
      connect: (attempt) => this.#connect(attempt),
    });
  }

  events(signal: AbortSignal, known: KnownLegs): AsyncGenerator<LineEvent> {
    return this.#connection.events(signal, known);
  }

  stuck(): string | undefined {
    return this.#connection.stuck();
  }

  async passwordOf(user: string): Promise<string | undefined> {
    const { session, why } = this.#connection;
    if (!session) throw new Error(`The connection to the phone system is down (${why}).`);
    return await session.passwordOf(user);
  }

  execute(command: LineCommand): void {
    this.#connection.execute(command);
  }

  async #connect({ signal, known, report, onSession, onDelay, onUp }: Attempt<Session>): Promise<string> {
    const { log, timers } = this.#context;
    const session = await Session.open(
      { config: this.#config, site: this.#site, agents: this.#agents, known, log, timers, report, onDelay },
      signal,
    );
    onSession(session);
    return await session.run(() => onUp({ at: `${this.#config.host}:${this.#config.port}` }));
  }
}
