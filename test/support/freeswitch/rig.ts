/** The driver against the simulated switch over TCP, with all that both say. */
import type { CommandResult, KnownLegs, LegFacts, Line, LineCommand, LineEvent } from "../../../src/core/line.ts";
import { type FreeswitchConfig, freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import { type Connection, Simulator, type SimulatorOptions } from "../../../simulator/freeswitch/mod.ts";
import { listeningLog } from "./rawpeer.ts";
import { secondLookAfter } from "../../../drivers/freeswitch/session.ts";
import { shortestPause } from "../../../drivers/shared/pause.ts";
import { quietPort } from "../ports.ts";
import { FakeTimers } from "../timers.ts";

/** What a rig is made of, where it differs from one desk 1001 at a switch with the usual password. */
export interface RigOptions {
  readonly simulator?: SimulatorOptions;
  /** Deadlines may be shorter than the schema allows. */
  readonly config?: Partial<FreeswitchConfig>;
  readonly desks?: readonly string[];
  /** More presence ids of each desk. */
  readonly aliases?: readonly string[];
  /** What happens before the driver begins. */
  readonly before?: (sim: Simulator) => unknown;
}

type Of<T extends LineEvent["type"]> = Extract<LineEvent, { type: T }>;

/** A driver at work on a simulator. */
export class Rig implements AsyncDisposable {
  readonly events: LineEvent[] = [];
  /** The commands that came, of all connections, in order. */
  readonly commands: string[] = [];
  /** Asked at every command that comes, before it is answered. */
  onCommand: (command: string, connection: Connection) => void = () => {};
  /** What the daemon believes to live. */
  known: ReturnType<KnownLegs> = [];
  readonly lines: string[];
  /** The driver's clock: it stands still until a test lets time pass. Every pause is the shortest. */
  readonly timers = new FakeTimers();
  readonly line: Line;
  /** Resolves when the iteration over the events has ended. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<() => void>();

  private constructor(readonly sim: Simulator, { config = {}, desks = ["1001"], aliases = [] }: RigOptions) {
    const { log, lines } = listeningLog();
    this.lines = lines;
    this.timers.chance = 0;
    const settings = freeswitchConfig.parse({ driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
    const context = { desks: desks.map((extension) => ({ extension, aliases })), variables: [], log, timers: this.timers };
    this.line = freeswitch.open({ ...settings, ...config }, context);
    this.ended = this.#run();
  }

  /** Starts the switch, then the driver. */
  static async open(options: RigOptions = {}): Promise<Rig> {
    const taps: Rig[] = [];
    const sim = new Simulator({
      // Tests let it refuse connections for a while: nobody else may be given its port then.
      port: await quietPort(),
      ...options.simulator,
      onFrame: (direction, text, connection) => {
        if (direction === "in") taps.forEach((rig) => rig.#note(text, connection));
      },
    });
    await sim.start();
    await options.before?.(sim);
    const rig = new Rig(sim, options);
    taps.push(rig);
    return rig;
  }

  /** The same, and waits until the first look is done and the phone is known. */
  static async ready(options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.open(options);
    await rig.next("phone");
    return rig;
  }

  /** Resolves with the first event of this type from number `from` on that passes the test. */
  async next<T extends LineEvent["type"]>(type: T, test: (event: Of<T>) => boolean = () => true, from = 0): Promise<Of<T>> {
    const find = () => this.events.slice(from).find((event): event is Of<T> => event.type === type && test(event as Of<T>));
    await this.until(() => find() !== undefined);
    const found = find();
    if (found === undefined) throw new Error("Cannot find the event that was there");
    return found;
  }

  /** Resolves with the facts of the first leg event that pass the test. */
  async facts(test: (facts: LegFacts) => boolean, from = 0): Promise<LegFacts> {
    return (await this.next("leg", ({ facts }) => test(facts), from)).facts;
  }

  /** All that was told of legs, one by one. */
  legs(): LegFacts[] {
    return this.events.flatMap((event) => event.type === "leg" ? [event.facts] : []);
  }

  /** Resolves as soon as the test holds; asked again after every event and every command. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!test()) return;
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  /** Loses the link and resolves when it is back and looked at; events from the returned number on are new. */
  async reconnect(whileAway: () => unknown = () => {}): Promise<number> {
    const before = this.events.length;
    this.sim.cut("rst");
    this.sim.server.refuse();
    await this.next("link-down", () => true, before);
    // A look of the old connection may have ended after the cut.
    const from = this.events.findIndex(({ type }, index) => index >= before && type === "link-down");
    await whileAway();
    await this.sim.server.listen();
    await this.connectAgain();
    await this.next("phone", () => true, from);
    return from;
  }

  /** Lets the pause before the next attempt to connect pass, once the driver has begun it. */
  async connectAgain(): Promise<void> {
    await this.timers.pass(shortestPause);
  }

  /** Lets the time until the second look at the live legs pass, once the first is done. */
  async secondLook(): Promise<void> {
    await this.timers.pass(secondLookAfter);
  }

  /** Lets the deadline on silence pass. */
  silenceLasts(seconds: number): void {
    this.timers.advance(seconds * 1000 + 1);
  }

  /** How often the switch was told to dial. */
  dials(): number {
    return this.commands.filter((command) => command.includes("originate ")).length;
  }

  dial(call: string, desk = "1001", number = "914155550123"): Promise<CommandResult> {
    return this.execute({ type: "dial", desk, call, number });
  }

  /** Resolves with the command's result, once it is heard. */
  async execute(command: LineCommand): Promise<CommandResult> {
    this.line.execute(command);
    return (await this.next("result", (event) => event.command === command)).result;
  }

  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.ended;
    this.sim.stop();
  }

  async #run(): Promise<void> {
    for await (const event of this.line.events(this.#stop.signal, () => this.known)) {
      this.events.push(event);
      this.#ask();
    }
  }

  #note(command: string, connection: Connection): void {
    this.commands.push(command);
    this.onCommand(command, connection);
    this.#ask();
  }

  #ask(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/**
 * Holds the switch's next answer to an API command back: it is what it was when the command came. Resolves when it came;
 * `release` lets the answer go.
 */
export function holdAnswer(sim: Simulator, command: string): { readonly asked: Promise<void>; release(): void } {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const api = sim.api.bind(sim);
  sim.api = (name, arg) => {
    const answer = api(name, arg);
    if (name !== command) return answer;
    sim.api = api;
    asked.resolve();
    return released.promise.then(() => answer);
  };
  return { asked: asked.promise, release: released.resolve };
}

/** The filters that stand at the switch beyond those of the line itself. */
export function extraFilters(rig: Rig, names = /^(Job-UUID|variable_)/): string[] {
  const standing = new Set<string>();
  for (const command of rig.commands) {
    if (command.startsWith("auth")) standing.clear();
    const [, removed, filter = ""] = /^filter (delete )?(.*)$/.exec(command) ?? [];
    if (removed) standing.delete(filter);
    else if (names.test(filter)) standing.add(filter);
  }
  return [...standing];
}
