/** A place for the doctor to check: a folder, a configuration, a simulated switch, and a daemon if needed. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineSchemas } from "../../../drivers/registry.ts";
import { Simulator, type SimulatorOptions } from "../../../simulator/freeswitch/mod.ts";
import { type App, startApp } from "../../../src/app.ts";
import type { Hop } from "../../../drivers/registry.ts";
import { type Machine, thisMachine } from "../../../src/commands/doctor/machine.ts";
import { doctor } from "../../../src/commands/doctor/mod.ts";
import { sendCallout } from "../../../simulator/crm/mod.ts";
import { type Config, parseConfig } from "../../../src/config/schema.ts";
import { openLog } from "../../../src/log/log.ts";
import { quietPort } from "../ports.ts";
import { until } from "../until.ts";

/** Secrets, which must never be shown. */
export const secrets = { password: "Cl3verS3cret", prefix: "/hidd3n" };

/** The doctor's JSON report. */
export interface Report {
  readonly ok: boolean;
  readonly version: string;
  readonly desks: readonly string[];
  readonly first: string | null;
  readonly hops: readonly Hop[];
}

/** A box where everything works until a test breaks something. */
export class Place implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "telesetd-doctor-"));
  readonly file = join(this.folder, "config.json");
  store = join(this.folder, "telesetd.db");
  /** A machine whose network and clock are fine, whatever this one's are. */
  machine: Machine = {
    clocks: thisMachine.clocks,
    synchronised: () => Promise.resolve(true),
    addresses: () => [{ interface: "eth0", address: "10.1.2.3" }],
    hasDefaultRoute: () => true,
    image: () => undefined,
    addressTowards: () => Promise.resolve(undefined),
    service: () => Promise.resolve(undefined),
  };
  readonly #servers: Server[] = [];
  #app: App | undefined;

  private constructor(readonly sim: Simulator, readonly port: number) {}

  static async open(simulator: SimulatorOptions = {}): Promise<Place> {
    const sim = new Simulator({ password: secrets.password, ...simulator });
    await sim.start();
    const place = new Place(sim, await quietPort());
    place.configure();
    return place;
  }

  /** Writes the configuration, with these parts changed. */
  configure({ line, http, store, ...rest }: Readonly<Record<string, object>> = {}): void {
    this.write({
      desks: [{ extension: "1001" }],
      line: { driver: "freeswitch", port: this.sim.port, password: secrets.password, domain: "127.0.0.1", ...line },
      http: { host: "0.0.0.0", port: this.port, prefix: secrets.prefix, ...http },
      store: { path: this.store, ...store },
      ...rest,
    });
  }

  /** Writes this as the configuration. */
  write(config: unknown): void {
    writeFileSync(this.file, typeof config === "string" ? config : JSON.stringify(config));
    chmodSync(this.file, 0o600);
  }

  get config(): Config {
    return parseConfig(readFileSync(this.file, "utf8"), lineSchemas, {});
  }

  /** Starts the daemon, and waits until it knows its phone. */
  async start(config: Config = this.config): Promise<App> {
    const app = this.#app = await startApp(config, openLog(() => {}, "error", false));
    await until("a phone stays unknown", () => app.status().desks.every(({ phone }) => phone !== "unknown"));
    return app;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    this.#app = undefined;
  }

  /** Sends a Register as UWQ does, for a CRM that listens on this port. */
  register(port: number, telesetNumber = "1001"): Promise<string> {
    const values = { FunctionName: "Register", telesetNumber, agentID: "7", IPAddress: "127.0.0.1", port: String(port) };
    return sendCallout(this.port, `${secrets.prefix}/`, values);
  }

  /** A program that listens and sends nothing. */
  async listener(port = 0): Promise<number> {
    const server = createServer((socket) => socket.on("error", () => {}));
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** The doctor's text. */
  async printed(file = this.file): Promise<{ readonly code: number; readonly out: string }> {
    let out = "";
    const io = { out: (text: string) => void (out += text), err: () => {}, terminal: false, environment: {} };
    const code = await doctor({ config: file }, io, this.machine);
    return { code, out };
  }

  /** The doctor's JSON report; fails if it contains a secret. */
  async examined(file = this.file): Promise<Report & { readonly code: number; hop(name: string): Hop }> {
    let out = "";
    const io = { out: (text: string) => void (out += text), err: () => {}, terminal: false, environment: {} };
    const code = await doctor({ config: file, json: true }, io, this.machine);
    for (const secret of Object.values(secrets)) {
      if (out.includes(secret)) throw new Error(`The secret ${secret} is shown: ${out}`);
    }
    const report = JSON.parse(out) as Report;
    const hop = (name: string): Hop => {
      const found = report.hops.find((hop) => hop.name === name);
      if (!found) throw new Error(`There is no hop ${name}: ${out}`);
      return found;
    };
    return { ...report, code, hop };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.sim.stop();
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Each hop as `name: verdict`. */
export const brief = ({ hops }: Pick<Report, "hops">): string[] => hops.map(({ name, verdict }) => `${name}: ${verdict}`);
