/** The way from a box to the switch through a fleet: a real nats-server and relays as processes, all of which can be killed. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NatsServer } from "../nats.ts";
import { quietPort } from "../ports.ts";
import { until } from "../until.ts";
import { binary } from "./box.ts";

/** Which relay, where. */
export interface RelayProcessOptions {
  readonly folder: string;
  readonly name: string;
  readonly rank: number;
  readonly broker: string;
  readonly switchPort: number;
  readonly desks: readonly string[];
  /** Further keys of the section `relay`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A relay as a process. */
export class RelayProcess {
  readonly #file: string;
  readonly #log: string;
  #child: Bun.Subprocess | undefined;

  constructor({ folder, name, rank, broker, switchPort, desks, more }: RelayProcessOptions) {
    this.#file = join(folder, `relay-${name}.json`);
    this.#log = join(folder, `relay-${name}.log`);
    writeFileSync(
      this.#file,
      JSON.stringify({
        relay: {
          name,
          rank,
          servers: [broker],
          desks: desks.map((extension) => ({ extension })),
          dial: { perMinute: 100_000, perDay: 1e9 },
          ...more,
        },
        line: { driver: "freeswitch", host: "127.0.0.1", port: switchPort, password: "ClueCon", domain: "127.0.0.1" },
      }),
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Starts it; resolves when it is connected to the switch and to the broker. */
  async start(): Promise<void> {
    const log = openSync(this.#log, "w");
    const child = Bun.spawn([binary, "relay", "--config", this.#file], { stdin: "ignore", stdout: "ignore", stderr: log });
    closeSync(log);
    this.#child = child;
    await until(() => `the relay is not ready: ${this.log}`, () => {
      if (child.exitCode !== null) throw new Error(`the relay has ended: ${this.log}`);
      return this.log.includes("Connected to FreeSWITCH") && this.log.includes("Connected to the broker");
    });
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** SIGTERM. @returns the exit code. */
  async stop(): Promise<number> {
    this.#child?.kill("SIGTERM");
    return await this.#child?.exited ?? -1;
  }
}

/** The parts between a box and the switch. */
export class FleetWay {
  readonly server: NatsServer;
  readonly relays: readonly RelayProcess[];

  private constructor(server: NatsServer, relays: readonly RelayProcess[]) {
    this.server = server;
    this.relays = relays;
  }

  /** Starts a broker and two relays. */
  static async start(folder: string, switchPort: number, desks: readonly string[]): Promise<FleetWay> {
    const port = await quietPort();
    const place = join(folder, `way-${port}`);
    mkdirSync(place, { recursive: true });
    const server = new NatsServer("", place, port);
    await server.start();
    const relays = ["a", "b"].map((name, index) =>
      new RelayProcess({ folder: place, name, rank: index + 1, broker: `nats://127.0.0.1:${port}`, switchPort, desks })
    );
    await Promise.all(relays.map((relay) => relay.start()));
    return new FleetWay(server, relays);
  }

  /** The line of a box that goes this way. */
  get line(): Readonly<Record<string, unknown>> {
    return { driver: "relay", servers: [`nats://127.0.0.1:${this.server.port}`] };
  }

  /** kill -9 of one part, and its return; one relay at least lives at any time. @param which from 0 to 1. */
  async killOne(which: number): Promise<string> {
    if (which < 1 / 3) {
      await this.server.kill();
      await this.server.start();
      return "the broker";
    }
    const relay = this.relays[which < 2 / 3 ? 0 : 1];
    await relay?.kill();
    await relay?.start();
    return "a relay";
  }

  async stop(): Promise<void> {
    await Promise.all(this.relays.map((relay) => relay.kill()));
    await this.server.kill();
  }
}
