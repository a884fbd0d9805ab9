/**
 * The FreeSWITCH driver: keeps one connection to the event socket, for ever, with a pause of full jitter between tries.
 * `session.ts` is one connection, `link.ts` its wire, `translate.ts` what its events mean.
 */
import type { CommandResult, KnownLegs, Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import type { DriverContext, DriverEntry } from "../entry.ts";
import { pause, pauseBefore } from "../parts/pause.ts";
import { AsyncQueue } from "../parts/queue.ts";
import { type AgentMemory, agentMemory } from "./agents.ts";
import { type FreeswitchConfig, freeswitchConfig } from "./config.ts";
import { domains, probe } from "./probe.ts";
import { Session } from "./session.ts";
import type { Site } from "./translate.ts";

/** The registry's entry. */
export const freeswitch: DriverEntry<typeof freeswitchConfig> = {
  name: "freeswitch",
  schema: freeswitchConfig,
  open: (config, context) => new FreeswitchLine(config, context),
  hosts: ({ host }) => [host],
  probe,
  domains,
};

/** How often in an hour a link that comes and goes is in the log, each way. */
const flaps = 10;

/**
 * How long the loop may stand where it should go on, in ms: far beyond what the deadlines for connecting and for all commands
 * of a login add up to.
 */
const stuckAfter = 300_000;

class FreeswitchLine implements Line {
  readonly #config: FreeswitchConfig;
  readonly #context: DriverContext;
  readonly #site: Site;
  readonly #agents: AgentMemory;
  #session: Session | undefined;
  #why = "not connected yet";
  /** By when the loop must have gone on, in ms of performance.now(). */
  #goesOnBy = Infinity;

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
  }

  async *events(signal: AbortSignal, known: KnownLegs): AsyncGenerator<LineEvent> {
    const queue = new AsyncQueue<LineEvent>();
    const over = this.#keepConnected(queue, signal, known).finally(() => queue.end());
    yield* queue;
    await over;
  }

  stuck(): string | undefined {
    if (performance.now() < this.#goesOnBy) return undefined;
    return "the driver neither connects to FreeSWITCH nor waits to try again";
  }

  async passwordOf(user: string): Promise<string | undefined> {
    if (!this.#session) throw new Error(`The connection to the phone system is down (${this.#why}).`);
    return await this.#session.passwordOf(user);
  }

  async execute(command: LineCommand, _signal: AbortSignal): Promise<CommandResult> {
    const session = this.#session;
    if (!session) {
      return {
        outcome: "failed",
        cause: "NO_LINK",
        why: `The connection to the phone system is down (${this.#why}).`,
      };
    }
    return await session.execute(command);
  }

  async #keepConnected(queue: AsyncQueue<LineEvent>, signal: AbortSignal, known: KnownLegs): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const why = await this.#connectOnce(queue, signal, known, () => {
        this.#context.log.rarely("connected", flaps).info("Connected to FreeSWITCH", {
          at: `${this.#config.host}:${this.#config.port}`,
          failed: attempt === 0 ? undefined : attempt,
        });
        attempt = 0;
      });
      if (signal.aborted) return;
      this.#down(why, queue);
      const ms = pauseBefore(attempt, Math.random());
      this.#goesOnBy = performance.now() + ms + stuckAfter;
      await pause(ms, signal);
    }
  }

  /** One connection from its try to its end; resolves with the reason of the end. */
  async #connectOnce(queue: AsyncQueue<LineEvent>, signal: AbortSignal, known: KnownLegs, onUp: () => void): Promise<string> {
    const { log } = this.#context;
    this.#goesOnBy = performance.now() + stuckAfter;
    try {
      const tell = (event: LineEvent) => queue.push(event);
      const session = await Session.open(
        { config: this.#config, site: this.#site, agents: this.#agents, known, log, tell },
        signal,
      );
      this.#session = session;
      await session.begin();
      this.#why = "";
      onUp();
      // From here on the link's own deadline on silence ends it.
      this.#goesOnBy = Infinity;
      return await session.closed;
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
      this.#context.log.rarely(`down ${why}`, flaps).warning("No connection to FreeSWITCH: trying again until it is there", {
        why,
      });
    }
  }
}
