/** A relay with a simulated FreeSWITCH behind it, on a real nats-server: as much of a fleet as a test needs. */
import { freeswitchConfig } from "../../drivers/freeswitch/config.ts";
import { parse } from "valibot";
import { freeswitch } from "../../drivers/freeswitch/mod.ts";
import { relayConfig } from "../../drivers/relay/config.ts";
import { relay as relayDriver } from "../../drivers/relay/mod.ts";
import { Simulator } from "../../simulator/freeswitch/mod.ts";
import { KeptBroker } from "../../src/broker/keep.ts";
import type { Line } from "../../src/core/line.ts";
import { type Log, openLog } from "../../src/log/log.ts";
import { systemTimers, type Timers } from "../../src/platform/timers.ts";
import { type GateRules } from "../../src/relay/gate.ts";
import { bootNow, Relay } from "../../src/relay/relay.ts";
import { NatsServer } from "./nats.ts";
import { quietPort } from "./ports.ts";
import { until } from "./until.ts";

/** The machine's time, with the shortest pauses before each attempt to connect. */
export const quickTimers: Timers = { ...systemTimers, random: () => 0 };

const silent = openLog(() => {}, "error", false);

/** Rules that refuse one number, and allow an emergency number whatever else applies. */
export const testRules: GateRules = {
  numbers: { internal: [/^\d{2,5}$/], toCrm: [], toDial: [], deny: [/^900/], allow: [], emergency: [/^112$/] },
  perMinute: 6,
  perDay: 100,
  agentPerMinute: 10,
};

/** What a driver is opened with. */
type LineContext = Parameters<typeof freeswitch.open>[1];

/** What a test may choose. */
export interface RelayRigOptions {
  /** The line of the relays; default one to the simulated FreeSWITCH. */
  readonly lineOf?: (context: LineContext) => Line;
  readonly desks?: readonly string[];
  readonly timers?: Timers;
  readonly log?: Log;
  readonly rules?: GateRules;
}

/** One relay at work. */
export interface RunningRelay {
  readonly relay: Relay;
  readonly broker: KeptBroker;
  stop(): Promise<void>;
}

/** The broker, the switch and the relays. */
export class RelayRig implements AsyncDisposable {
  readonly sim: Simulator;
  readonly server: NatsServer;
  readonly relays: RunningRelay[] = [];
  readonly #monitor: number;
  readonly #options: RelayRigOptions;

  private constructor(sim: Simulator, server: NatsServer, monitor: number, options: RelayRigOptions) {
    this.sim = sim;
    this.server = server;
    this.#monitor = monitor;
    this.#options = options;
  }

  /** Starts broker and switch. @param folder for the broker's files. */
  static async start(folder: string, options: RelayRigOptions = {}): Promise<RelayRig> {
    const [port, monitor] = [await quietPort(), await quietPort()];
    const server = new NatsServer(`http: 127.0.0.1:${monitor}`, `${folder}/${port}`, port);
    const sim = new Simulator({ port: await quietPort() });
    await Promise.all([server.start(), sim.start()]);
    return new RelayRig(sim, server, monitor, options);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.server.port}`;
  }

  /** Starts a relay; resolves when it is connected to the broker. */
  async relay(name = "a", rank = 1): Promise<RunningRelay> {
    const { desks = ["1001"], timers = quickTimers, log = silent, rules = testRules, lineOf } = this.#options;
    const settings = parse(freeswitchConfig, {
      driver: "freeswitch",
      port: this.sim.port,
      password: "ClueCon",
      domain: "127.0.0.1",
    });
    const context: LineContext = {
      desks: desks.map((extension) => ({ extension, aliases: [] })),
      variables: [],
      log,
      timers,
      wholeSwitch: true,
    };
    const broker = new KeptBroker({ servers: [this.url], name: `relay-${name}`, connectMs: 5000, log, timers });
    const relay = new Relay({
      name,
      rank,
      boot: bootNow(Date.now()),
      prefix: "tele",
      desks,
      line: lineOf?.(context) ?? freeswitch.open(settings, context),
      broker,
      rules,
      log,
      timers,
    });
    await until("the relay is not connected to the broker", () => broker.server !== undefined);
    const stop = async () => {
      await relay.stop();
      await broker.close();
    };
    const running = { relay, broker, stop };
    this.relays.push(running);
    return running;
  }

  /** A box's line. */
  line(desks: readonly string[] = ["1001"], timers: Timers = quickTimers): Line {
    const settings = parse(relayConfig, { driver: "relay", servers: [this.url] });
    const context = { desks: desks.map((extension) => ({ extension, aliases: [] })), variables: [], log: silent, timers };
    return relayDriver.open(settings, context);
  }

  /** The number of boxes that are connected to the broker. */
  async boxes(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#monitor}/connz`);
    const { connections } = await response.json() as { connections: { name?: string }[] };
    return connections.filter(({ name }) => name?.startsWith("telesetd")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.relays.map((running) => running.stop()));
    this.sim.stop();
    await this.server.kill();
  }
}
