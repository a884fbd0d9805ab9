/**
 * The smallest driver that keeps the contract (test/contract/line.ts): copy this file to begin one.
 *
 * A driver turns what one kind of switch says into `LineEvent`s, and `LineCommand`s into what that switch understands
 * (src/core/line.ts). It knows nothing of Oracle, HTTP or the store. To make one:
 *
 *  1. Copy this file to `drivers/NAME/mod.ts`, its tests to `test/drivers/NAME/`.
 *  2. Replace `Wire` by the switch's library or socket. Keep what knows that library in one file, so that it can be replaced.
 *  3. Replace `factsOf` by what the switch's messages mean. Keep it pure: recorded messages in, facts out.
 *  4. Put the entry into `drivers/registry.ts`, and a subject into `test/contract/line.test.ts`. What the switch cannot show
 *     goes there as `cannot`, with the reason.
 *
 * docs/drivers.md walks through it; `drivers/freeswitch/` and `drivers/sip/` are the same for real switches.
 */
import * as z from "zod";
import type { CommandResult, KnownLegs, LegFacts, Line, LineCommand, LineEvent } from "../src/core/line.ts";
import type { DriverContext, DriverEntry, Hop } from "./driver.ts";
import { messageOf } from "../src/platform/text.ts";

/** The settings: the `line` part of the configuration. Each has a default where one makes sense, and says what it means. */
export const blueprintConfig = z.strictObject({
  driver: z.literal("blueprint"),
  retrySeconds: z.number().positive().max(60).default(1).meta({
    description: "pause before the next try to connect, in seconds",
  }),
});

/** The settings, checked, with all defaults. */
export type BlueprintConfig = z.infer<typeof blueprintConfig>;

/** The switch as this driver reaches it. */
export interface Wire {
  /** Rejects with an Error that says why, for people. */
  connect(signal: AbortSignal): Promise<WireConnection>;
}

/** One connection: it is lost once, and never comes back by itself. */
export interface WireConnection {
  /** All that lives now. */
  look(): Promise<WireLook>;
  /** What happens from the connect on, in order, kept until it is taken; ends when the connection is lost. */
  readonly events: AsyncIterable<WireEvent>;
  /** Rings a handset. Resolves with the cause when it was not lifted; rejects when the connection was lost meanwhile. */
  dial(extension: string, call: string, number: string): Promise<{ readonly lifted: true } | { readonly cause: string }>;
  close(): void;
}

/** What a switch shows when it is asked. */
export interface WireLook {
  readonly legs: readonly WireLeg[];
  /** The extensions whose phones are registered. */
  readonly registered: readonly string[];
}

/** What a switch says by itself. */
export type WireEvent =
  | { readonly type: "leg"; readonly leg: WireLeg }
  | { readonly type: "gone"; readonly leg: WireLeg; readonly cause: string }
  | { readonly type: "phone"; readonly extension: string; readonly registered: boolean };

/** A leg in the switch's own words. */
export interface WireLeg {
  readonly id: string;
  readonly extension: string;
  readonly direction: "to-desk" | "from-desk";
  /** The caller's number, or the number that was dialled. */
  readonly number: string;
  readonly state: "rings" | "lifted" | "calls" | "talks" | "held";
  /** The mark that our dialling left on it. */
  readonly call?: string;
}

/** The registry's entry. A real driver makes its wire from the settings; here it is given. */
export function blueprint(wire: Wire): DriverEntry<typeof blueprintConfig> {
  return {
    name: "blueprint",
    schema: blueprintConfig,
    open: (config, context) => new BlueprintLine(config, context, wire),
    hosts: () => [],
    probe: (_config, context, signal) => probe(wire, context, signal),
  };
}

/** On a connection of its own: what the administrator must see of each hop is what was found, and what to do about it. */
async function* probe(wire: Wire, { desks }: DriverContext, signal: AbortSignal): AsyncGenerator<Hop> {
  const since = performance.now();
  const ms = () => Math.round(performance.now() - since);
  try {
    const connection = await wire.connect(signal);
    yield { name: "switch", verdict: "good", ms: ms(), message: "The switch answers." };
    const { registered } = await connection.look();
    for (const { extension } of desks) {
      const name = `phone ${extension}`;
      yield registered.includes(extension)
        ? { name, verdict: "good", ms: ms(), message: "The phone is registered." }
        : { name, verdict: "failed", ms: ms(), message: "The phone is not registered.", advice: "Check its cable and power." };
    }
    connection.close();
  } catch (error) {
    const message = messageOf(error);
    yield { name: "switch", verdict: "failed", ms: ms(), message, advice: "Check the switch and the settings of line." };
    for (const { extension } of desks) {
      yield {
        name: `phone ${extension}`,
        verdict: "skipped",
        ms: 0,
        message: "There is no switch.",
        advice: "Mend the switch first.",
      };
    }
  }
}

class BlueprintLine implements Line {
  readonly #config: BlueprintConfig;
  readonly #context: DriverContext;
  readonly #wire: Wire;
  /** The connection that commands go to; nothing while the link is down. */
  #connection: WireConnection | undefined;
  #why = "not connected yet";

  constructor(config: BlueprintConfig, context: DriverContext, wire: Wire) {
    this.#config = config;
    this.#context = context;
    this.#wire = wire;
  }

  /**
   * Connects for ever. `known` are the legs that the daemon believes to live: a switch whose list lags must be asked for
   * each of them too; this one's list is true.
   */
  async *events(signal: AbortSignal, _known: KnownLegs): AsyncGenerator<LineEvent> {
    while (!signal.aborted) {
      const why = yield* this.#connectOnce(signal);
      if (signal.aborted) return;
      // A reason is logged once, not at every try: the log must not wear the flash out.
      if (why !== this.#why) {
        this.#context.log.rarely(`down ${why}`).warning("No connection to the switch: trying again until it is there", { why });
      }
      this.#why = why;
      yield { type: "link-down", why };
      await pause(this.#config.retrySeconds * 1000, signal);
    }
  }

  /** One connection, from the try to its end; the reason of the end. Never throws. */
  async *#connectOnce(signal: AbortSignal): AsyncGenerator<LineEvent, string> {
    let connection: WireConnection | undefined;
    const close = () => connection?.close();
    signal.addEventListener("abort", close);
    try {
      connection = await this.#wire.connect(signal);
      this.#connection = connection;
      yield { type: "link-up", to: "the wire" };
      yield* this.#look(connection);
      // What happened between the connect and the look is told again: facts only add up, so that repeats do no harm.
      for await (const event of connection.events) yield* this.#said(event);
      return "the switch closed the connection";
    } catch (error) {
      return messageOf(error);
    } finally {
      // Reached also when nobody iterates any more.
      signal.removeEventListener("abort", close);
      this.#connection = undefined;
      close();
    }
  }

  /** The snapshot comes first after `link-up`: a leg that it does not name has ended. */
  async *#look(connection: WireConnection): AsyncGenerator<LineEvent> {
    const { legs, registered } = await connection.look();
    const desks = this.#context.desks.map(({ extension }) => extension);
    yield { type: "snapshot", desks, legs: legs.filter((leg) => this.#serves(leg.extension)).map(factsOf) };
    for (const desk of desks) yield { type: "phone", desk, registered: registered.includes(desk) };
  }

  /** Another desk's event is nobody's business here, whatever the switch lets through. */
  *#said(event: WireEvent): Generator<LineEvent> {
    const extension = event.type === "phone" ? event.extension : event.leg.extension;
    if (!this.#serves(extension)) return;
    if (event.type === "leg") yield { type: "leg", facts: factsOf(event.leg) };
    else if (event.type === "phone") yield { type: "phone", desk: extension, registered: event.registered };
    else yield { type: "leg", facts: { desk: extension, leg: event.leg.id, ended: failure(event.cause) } };
  }

  #serves(extension: string): boolean {
    return this.#context.desks.some((desk) => desk.extension === extension);
  }

  /**
   * Carries a command out, once. `failed` is said only when it is certain that the phone does not ring for it; when the
   * connection was lost after the command had gone out, nobody knows, and it is `unknown`.
   */
  async execute(command: LineCommand, _signal: AbortSignal): Promise<CommandResult> {
    if (command.type !== "dial") {
      return {
        outcome: "failed",
        cause: "NOT_SUPPORTED",
        why: "This phone system has no call queues: the state is kept here only.",
      };
    }
    const { desk, call, number } = command;
    if (!this.#serves(desk)) return { outcome: "failed", cause: "NOT_SERVED", why: `Desk ${desk} is not served.` };
    const connection = this.#connection;
    if (!connection) {
      const why = `Cannot dial: the connection to the phone system is down (${this.#why}).`;
      return { outcome: "failed", cause: "NO_LINK", why };
    }
    try {
      const result = await connection.dial(desk, call, number);
      return "lifted" in result ? { outcome: "done" } : { outcome: "failed", ...failure(result.cause) };
    } catch (error) {
      const why = messageOf(error);
      return { outcome: "unknown", why: `The connection to the phone system was lost (${why}).` };
    }
  }
}

/** What a leg in the switch's words says in ours. */
function factsOf({ id, extension, direction, number, state, call }: WireLeg): LegFacts {
  const called = direction === "to-desk";
  const talks = state === "talks" || state === "held";
  return {
    desk: extension,
    leg: id,
    direction,
    ...(call === undefined ? {} : { call }),
    ...(called ? { caller: { identity: number } } : { dialled: number }),
    // Signs are said when they are true, never when they are not: what is absent says nothing.
    ...(called && state === "rings" ? { rings: true } : {}),
    ...(talks || (called && state !== "rings") ? { answered: true } : {}),
    ...(talks || state === "calls" ? { farCalled: true } : {}),
    ...(talks ? { farAnswered: true, held: state === "held" } : {}),
  };
}

/** A cause in words for the agent: what happened, what to do. */
function failure(cause: string): { cause: string; why: string } {
  const words = new Map([
    ["BUSY", "The phone is busy or has declined the call."],
    ["CLEARED", "The handset was put down."],
  ]);
  return { cause, why: words.get(cause) ?? `The switch ended the call: it says ${cause}.` };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
