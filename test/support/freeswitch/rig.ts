/** The driver against the simulated switch over TCP, with all that both say. */
import type { CommandResult, LegFacts } from "../../../src/core/line.ts";
import { parse } from "valibot";
import { type FreeswitchConfig, freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import {
  type Connection,
  type DialledCall,
  type InboundCall,
  Simulator,
  type SimulatorOptions,
} from "../../../simulator/freeswitch/mod.ts";
import { listeningLog } from "./rawpeer.ts";
import { secondSnapshotAfter } from "../../../drivers/shared/switch-session.ts";
import { shortestPause } from "../../../src/platform/backoff.ts";
import { quietPort } from "../ports.ts";
import { LineListener } from "../line-listener.ts";
import { FakeTimers } from "../timers.ts";

/** What a rig is made of, where it differs from one desk 1001 at a switch with the usual password. */
export interface RigOptions {
  readonly simulator?: SimulatorOptions;
  /** Deadlines may be shorter than the schema allows. */
  readonly config?: Partial<FreeswitchConfig>;
  readonly desks?: readonly string[];
  /** More presence ids of each desk. */
  readonly aliases?: readonly string[];
  /** See `DriverContext.wholeSwitch`. */
  readonly wholeSwitch?: true;
  /** What happens before the driver starts. */
  readonly before?: (sim: Simulator) => unknown;
}

/** A driver at work on a simulator. */
export class Rig extends LineListener implements AsyncDisposable {
  /** The received commands, from all connections, in order. */
  readonly commands: string[] = [];
  /** Called for every received command, before it is answered. */
  onCommand: (command: string, connection: Connection) => void = () => {};
  readonly lines: string[];

  private constructor(
    readonly sim: Simulator,
    /** The driver's clock: it stands still until a test lets time pass. Every pause is the shortest. */
    readonly timers: FakeTimers,
    { config = {}, desks = ["1001"], aliases = [], ...others }: RigOptions,
  ) {
    const { log, lines } = listeningLog();
    timers.chance = 0;
    const whole = others.wholeSwitch ? { wholeSwitch: true as const } : {};
    const settings = parse(freeswitchConfig, { driver: "freeswitch", port: sim.port, password: "ClueCon", domain: "127.0.0.1" });
    const context = { desks: desks.map((extension) => ({ extension, aliases })), variables: [], log, timers, ...whole };
    super(freeswitch.open({ ...settings, ...config }, context));
    this.lines = lines;
  }

  /** Starts the switch, then the driver. */
  static async open(options: RigOptions = {}): Promise<Rig> {
    const taps: Rig[] = [];
    const sim = new Simulator({
      // Tests make it refuse connections for a while: its port must not be given to anybody else then.
      port: await quietPort(),
      ...options.simulator,
      onFrame: (direction, text, connection) => {
        if (direction === "in") taps.forEach((rig) => rig.#note(text, connection));
      },
    });
    await sim.start();
    await options.before?.(sim);
    const rig = new Rig(sim, new FakeTimers(), options);
    taps.push(rig);
    return rig;
  }

  /** The same, and waits until the first snapshot is done and the phone is known. */
  static async ready(options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.open(options);
    await rig.next("phone");
    return rig;
  }

  /** The facts of all leg events, in order. */
  legs(): LegFacts[] {
    return this.events.flatMap((event) => event.type === "leg" ? [event.facts] : []);
  }

  /** Loses the link and resolves when it is back, with its snapshot; events from the returned number on are new. */
  async reconnect(whileAway: () => unknown = () => {}): Promise<number> {
    const before = this.events.length;
    this.sim.cut("rst");
    this.sim.server.refuse();
    await this.next("link-down", () => true, before);
    // A query of the old connection may have ended after the cut.
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

  /** Lets the time until the second snapshot pass, once the first is done. */
  async startSecondSnapshot(): Promise<void> {
    await this.timers.pass(secondSnapshotAfter);
  }

  /** Lets the deadline on silence pass. */
  silenceLasts(seconds: number): void {
    this.timers.advance(seconds * 1000 + 1);
  }

  /** The legs of the first snapshot from event number `from` on. */
  async snapshot(from = 0): Promise<readonly LegFacts[]> {
    return (await this.next("snapshot", () => true, from)).legs;
  }

  /** The legs of the second snapshot. */
  async secondSnapshot(): Promise<readonly LegFacts[]> {
    await this.startSecondSnapshot();
    return await this.snapshot(this.events.length);
  }

  /** A customer calls desk 1001: the phone rings, and the daemon knows the leg. */
  async ringing(): Promise<InboundCall> {
    const call = await this.sim.inbound({ from: "14155550123", to: "1001" });
    await this.facts(({ leg, rings }) => leg === call.uuid && rings === true);
    this.known = [{ desk: "1001", leg: call.uuid }];
    return call;
  }

  /** Dials from desk 1001; resolves when the switch rings the phone, whose outcome is not known yet. */
  async dialling(call?: string): Promise<{ readonly dialled: DialledCall; readonly outcome: Promise<CommandResult> }> {
    const ringing = this.sim.nextDialled();
    const outcome = this.dial(call);
    return { dialled: await ringing, outcome };
  }

  /** The link is lost when the next command comes that contains this text. */
  cutAt(text: string): void {
    this.onCommand = (command) => {
      if (!command.includes(text)) return;
      this.onCommand = () => {};
      this.sim.cut("rst");
    };
  }

  /** How many dials the switch was asked for. */
  dials(): number {
    return this.commands.filter((command) => command.includes("originate ")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.ended;
    this.sim.stop();
  }

  #note(command: string, connection: Connection): void {
    this.commands.push(command);
    this.onCommand(command, connection);
    this.look();
  }
}

/** From now on the switch gives these answers to API commands, where there is one; undefined for its own. */
export function answerInstead(sim: Simulator, instead: (command: string, arg: string) => string | undefined): void {
  const api = sim.api.bind(sim);
  sim.api = (command, arg) => instead(command, arg) ?? api(command, arg);
}

/**
 * Holds back the switch's next answer to an API command, as it was when the command arrived. Resolves when it has arrived;
 * `release` sends the answer.
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

/** The filters at the switch beyond those of the line itself. */
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
