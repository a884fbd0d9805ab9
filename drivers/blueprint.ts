/**
 * The smallest driver that fulfils the contract (test/contract/line.ts): copy this file to write one.
 *
 * A driver turns the messages of one kind of switch into `LineEvent`s, and `LineCommand`s into commands of that switch
 * (src/core/line.ts). It knows nothing about Oracle, HTTP or the store. To make one:
 *
 *  1. Copy this file to `drivers/NAME/mod.ts`, its tests to `test/drivers/NAME/`.
 *  2. Replace `Wire` by the switch's library or socket. Keep the code that knows that library in one file, so that it can be
 *     replaced.
 *  3. Replace `factsOf` by the meaning of the switch's messages. Keep it pure: recorded messages in, facts out.
 *  4. Put the entry into `drivers/registry.ts`, and a subject into `test/contract/line.test.ts`. What the switch cannot report
 *     goes there as `cannot`, with the reason.
 *
 * docs/drivers.md explains each step; `drivers/freeswitch/` and `drivers/sip/` do the same for real switches.
 */
import * as v from "valibot";
import type { CommandResult, DialCommand, LegFacts, LineCommand, LineEvent } from "../src/core/line.ts";
import type { DriverContext, DriverEntry, Hop, LoadedDriver } from "./driver.ts";
import { type ConnectionAttempt, Reconnection } from "./shared/reconnection.ts";
import { setting } from "../src/config/setting.ts";
import { messageOf } from "../src/platform/text.ts";

/** The settings: the `line` part of the configuration. Each has a default where one makes sense, and a description. */
export const blueprintConfig = v.strictObject({
  driver: v.literal("blueprint"),
  greeting: setting("what the switch is greeted with", v.pipe(v.string(), v.maxLength(60)), "hello"),
});

/** The settings, checked, with all defaults. */
export type BlueprintConfig = v.InferOutput<typeof blueprintConfig>;

/** How this driver reaches the switch. */
export interface Wire {
  /** Connects, and closes when the signal is aborted. Rejects with an Error whose message is the reason, for people. */
  connect(greeting: string, signal: AbortSignal): Promise<WireConnection>;
}

/** One connection: once lost, it never comes back. */
export interface WireConnection {
  /** Lists all live legs. */
  look(): Promise<WireLook>;
  /** All events since the connect, in order, buffered until read; ends when the connection is lost. */
  readonly events: AsyncIterable<WireEvent>;
  /** Rings a handset; the outcome is an event. */
  dial(extension: string, call: string, number: string): void;
  close(): void;
}

/** The answer to a query. */
export interface WireLook {
  readonly legs: readonly WireLeg[];
  /** The extensions whose phones are registered. */
  readonly registered: readonly string[];
}

/** What a switch reports on its own. */
export type WireEvent =
  | { readonly type: "leg"; readonly leg: WireLeg }
  | { readonly type: "gone"; readonly leg: WireLeg; readonly cause: string }
  /** The handset rung for a dial was answered; with a cause: it was not. */
  | { readonly type: "dialled"; readonly call: string; readonly cause?: string }
  | { readonly type: "phone"; readonly extension: string; readonly registered: boolean };

/** A leg as the switch shows it. */
export interface WireLeg {
  readonly id: string;
  readonly extension: string;
  readonly direction: "to-desk" | "from-desk";
  /** The caller's number, or the number that was dialled. */
  readonly number: string;
  readonly state: "rings" | "answered" | "calls" | "talks" | "held";
  /** The mark of the dial that created it. */
  readonly call?: string;
}

/** The driver. A real one makes its wire from the settings; here it is an argument. */
export function blueprint(wire: Wire): LoadedDriver<typeof blueprintConfig> {
  return {
    open: (config, context) => new BlueprintLine(config, context, wire),
    probe: (config, context, signal) => probe(wire, config, context, signal),
  };
}

/** The registry's entry, in a separate file (entry.ts), so that the driver is loaded only where it is configured. */
export function blueprintEntry(wire: Wire): DriverEntry<typeof blueprintConfig> {
  return {
    name: "blueprint",
    schema: blueprintConfig,
    reference: { driver: "blueprint" },
    setup: [{
      questions: [{
        key: "greeting",
        name: "the greeting",
        prompt: "Greeting of the switch",
        expected: "at most 60 characters, for example hello",
      }],
      subject: ({ greeting }) => greeting,
      check: (config, context, signal) => probe(wire, config, context, signal),
    }],
    hosts: () => [],
    load: () => Promise.resolve(blueprint(wire)),
  };
}

/** On a separate connection. The administrator must see for each hop what was found, and what to do about it. */
async function* probe(
  wire: Wire,
  { greeting }: BlueprintConfig,
  { desks, timers }: DriverContext,
  signal: AbortSignal,
): AsyncGenerator<Hop> {
  const since = timers.now();
  const ms = () => Math.round(timers.now() - since);
  try {
    const connection = await wire.connect(greeting, signal);
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
        advice: "Fix the switch first.",
      };
    }
  }
}

/** The line: connection after connection. What all drivers need for that is in `shared/reconnection.ts`. */
class BlueprintLine extends Reconnection<Session> {
  readonly #config: BlueprintConfig;
  readonly #context: DriverContext;
  readonly #wire: Wire;

  constructor(config: BlueprintConfig, context: DriverContext, wire: Wire) {
    super("the switch", context);
    this.#config = config;
    this.#context = context;
    this.#wire = wire;
  }

  /**
   * One connection from the attempt to its end; the reason of the end. Rejects with an Error for people if it cannot connect.
   * `known`, in the attempt, are the legs that the daemon believes to be alive: if a switch's list lags, query each of them too;
   * this one's list is up to date.
   */
  protected override async connect({ signal, report, onSession, onUp }: ConnectionAttempt<Session>): Promise<string> {
    const connection = await this.#wire.connect(this.#config.greeting, signal);
    const session = new Session(connection, this.#context, report);
    report({ type: "link-up", to: "the wire" });
    onSession(session);
    try {
      await session.look();
      onUp({ at: "the wire" });
      // What happened between the connect and the query is reported again: facts only add up, so repeats do no harm.
      for await (const event of connection.events) session.on(event);
      return "the switch closed the connection";
    } finally {
      session.onLost();
      connection.close();
    }
  }
}

/** One connection at work. */
class Session {
  readonly #connection: WireConnection;
  readonly #desks: readonly string[];
  readonly #send: (event: LineEvent) => void;
  /** The dials without a result yet, by call. */
  readonly #dials = new Map<string, DialCommand>();

  constructor(connection: WireConnection, { desks }: DriverContext, send: (event: LineEvent) => void) {
    this.#connection = connection;
    this.#desks = desks.map(({ extension }) => extension);
    this.#send = send;
  }

  /** The snapshot comes first after `link-up`: a leg that it does not list has ended. */
  async look(): Promise<void> {
    const { legs, registered } = await this.#connection.look();
    const ours = legs.filter(({ extension }) => this.#desks.includes(extension));
    this.#send({ type: "snapshot", desks: this.#desks, legs: ours.map(factsOf) });
    for (const desk of this.#desks) this.#send({ type: "phone", desk, registered: registered.includes(desk) });
  }

  /** Handles an event of the switch. Those of other desks are dropped, whatever the switch sends. */
  on(event: WireEvent): void {
    if (event.type === "dialled") return this.#onDialled(event.call, event.cause);
    const desk = event.type === "phone" ? event.extension : event.leg.extension;
    if (!this.#desks.includes(desk)) return;
    if (event.type === "leg") this.#send({ type: "leg", facts: factsOf(event.leg) });
    else if (event.type === "phone") this.#send({ type: "phone", desk, registered: event.registered });
    else this.#send({ type: "leg", facts: { desk, leg: event.leg.id, ended: failure(event.cause) } });
  }

  /** `failed` is reported only when it is certain that the phone does not ring for the command. */
  execute(command: LineCommand): void {
    const fail = (cause: string, why: string) => this.#report(command, { outcome: "failed", cause, why });
    if (command.type !== "dial") {
      return fail("NOT_SUPPORTED", "This phone system has no call queues: telesetd alone keeps the state.");
    }
    const { desk, call, number } = command;
    if (!this.#desks.includes(desk)) return fail("NOT_SERVED", `Desk ${desk} is not served.`);
    this.#dials.set(call, command);
    this.#connection.dial(desk, call, number);
  }

  /** The connection is lost, and the outcome of dials in progress will not be reported. */
  onLost(): void {
    for (const command of this.#dials.values()) {
      this.#report(command, { outcome: "unknown", why: "The connection to the phone system was lost" });
    }
  }

  #onDialled(call: string, cause?: string): void {
    const command = this.#dials.get(call);
    this.#dials.delete(call);
    if (command) this.#report(command, cause === undefined ? { outcome: "done" } : { outcome: "failed", ...failure(cause) });
  }

  #report(command: LineCommand, result: CommandResult): void {
    this.#send({ type: "result", command, result });
  }
}

/** A leg of the switch as facts of the line. */
function factsOf({ id, extension, direction, number, state, call }: WireLeg): LegFacts {
  const called = direction === "to-desk";
  const talks = state === "talks" || state === "held";
  return {
    desk: extension,
    leg: id,
    direction,
    ...(call === undefined ? {} : { call }),
    ...(called ? { caller: { identity: number } } : { dialled: number }),
    // Signs are present when they are true, and absent otherwise: absent fields carry no information.
    ...(called && state === "rings" ? { rings: true } : {}),
    ...(talks || (called && state !== "rings") ? { answered: true } : {}),
    ...(talks || state === "calls" ? { farCalled: true } : {}),
    ...(talks ? { farAnswered: true, held: state === "held" } : {}),
  };
}

/** A cause as a sentence for the agent: what happened, what to do. */
function failure(cause: string): { cause: string; why: string } {
  const sentences = new Map([
    ["BUSY", "The phone is busy or has declined the call."],
    ["CLEARED", "The handset was put down."],
  ]);
  return { cause, why: sentences.get(cause) ?? `The switch ended the call: it says ${cause}.` };
}
