/** A small site for the demo of a fleet: a simulated FreeSWITCH, a real nats-server, and processes of telesetd. */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReceivedEvent, sendCallout, SmallCrm } from "../../../../simulator/crm/mod.ts";
import { Simulator } from "../../../../simulator/freeswitch/mod.ts";
import { mergePatch } from "../../../fleet/merge-patch.ts";
import { addToFleet } from "../../fleet/add.ts";
import { initFleet } from "../../fleet/init.ts";
import type { Io } from "../../io.ts";

/** Where Debian and others put it. */
const natsServer = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/** The program of nats-server; undefined if it is not installed. */
export function findNatsServer(): string | undefined {
  return natsServer.find((path) => existsSync(path));
}

/** The desks of the site, with their groups. */
export const desks = [["1001", "sales"], ["1002", "sales"], ["1003", "support"]] as const;

/** How long a part may take to start, in ms. */
const startMs = 20_000;

/** How often a box is asked whether it is ready, in ms: it answers five times a second at most. */
const pollMs = 400;

/** The domain of the simulated switch. */
const domain = "pbx.example.com";

/** The site. */
export class Town {
  readonly sim = new Simulator({ domain });
  readonly folder = mkdtempSync(join(tmpdir(), "telesetd-fleet-"));
  /** What UWQ gets at each desk. */
  readonly crms = new Map<string, SmallCrm>();
  readonly #ports = new Map<string, number>();
  readonly #children = new Map<string, Bun.Subprocess>();
  readonly #nats: string;

  constructor(nats: string) {
    this.#nats = nats;
  }

  /** The folder of the fleet's keys. */
  get keys(): string {
    return join(this.folder, "fleet");
  }

  /** The address of nats-server. */
  get server(): string {
    return `127.0.0.1:${this.#port("nats")}`;
  }

  /** A file in the folder of the fleet's keys. */
  read(name: string): string {
    return readFileSync(join(this.keys, name), "utf8");
  }

  /** Makes the keys, credentials and configurations. @param io prints what the commands say. @throws Error if that fails. */
  async prepare(io: Io, onEvent: (desk: string, event: ReceivedEvent) => void): Promise<void> {
    await this.sim.start();
    const place = { folder: this.keys, serverFolder: join(this.keys, "server"), serverState: join(this.folder, "accounts") };
    const made = await initFleet({ ...place, server: [this.server], prefix: "tele" }, { ...io, out: () => {} });
    if (made !== 0) throw new Error("The fleet was not made.");
    for (const [desk, group] of desks) {
      this.crms.set(desk, await SmallCrm.open((event) => onEvent(desk, event)));
      const shared = {
        http: { host: "127.0.0.1", port: this.#port(desk) },
        store: { path: join(this.folder, desk, "telesetd.db") },
      };
      const file = join(this.folder, "shared.json");
      writeFileSync(file, JSON.stringify(shared));
      if (await addToFleet(desk, { folder: this.keys, group, imageConfig: file }, io) !== 0) {
        throw new Error("No credential was issued.");
      }
    }
    const line = { driver: "freeswitch", host: "127.0.0.1", port: this.sim.port, password: "ClueCon", user: null, domain };
    for (const name of ["relay-a", "relay-b"]) {
      const relay = mergePatch(JSON.parse(this.read(`relays/${name}.json`)), {
        relay: { desks: { file: join(this.keys, "desks.json") } },
        line,
      });
      writeFileSync(join(this.folder, `${name}.json`), JSON.stringify(relay), { mode: 0o600 });
    }
    const text = this.read("server/nats-server.conf").replace("0.0.0.0", "127.0.0.1");
    writeFileSync(join(this.folder, "nats-server.conf"), text);
  }

  /** Starts nats-server. */
  startBroker(): void {
    this.#start("nats-server", [this.#nats, "-c", join(this.folder, "nats-server.conf")]);
  }

  /** Starts a relay. */
  startRelay(name: string): void {
    this.#start(name, [
      ...telesetd(),
      "relay",
      "--config",
      join(this.folder, `${name}.json`),
      "--state",
      join(this.folder, name),
    ]);
  }

  /** Starts a box. */
  startBox(desk: string): void {
    const config = join(this.keys, "boxes", `${desk}.json`);
    this.#start(desk, [...telesetd(), "run", "--config", config, "--socket", join(this.folder, `${desk}.sock`)]);
  }

  /** Waits until the boxes are ready, and registers an agent at each. @throws Error if one does not become ready. */
  async ready(): Promise<void> {
    await Promise.all(desks.map(async ([desk]) => {
      await this.#wait(desk, async () => (await fetch(`http://127.0.0.1:${this.#port(desk)}/readyz`)).ok);
      const port = String(this.crms.get(desk)?.port);
      await this.callout(desk, "Register", { agentID: `agent-${desk}`, ipAddress: "127.0.0.1", port });
    }));
  }

  /** Sends a callout to a box. */
  callout(desk: string, name: string, parameters: Readonly<Record<string, string>> = {}): Promise<string> {
    return sendCallout(this.#port(desk), "/", { FunctionName: name, telesetNumber: desk, ...parameters });
  }

  /** Ends a part as a power cut does. */
  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    child?.kill("SIGKILL");
    await child?.exited;
  }

  /** Ends all parts, and removes all files. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((name) => this.kill(name)));
    for (const crm of this.crms.values()) crm.close();
    await this.sim.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #port(name: string): number {
    const known = this.#ports.get(name);
    if (known !== undefined) return known;
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const { port } = listener;
    listener.stop(true);
    this.#ports.set(name, port);
    return port;
  }

  #start(name: string, command: readonly string[]): void {
    const log = openSync(join(this.folder, `${name}.log`), "a");
    const child = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log });
    closeSync(log);
    this.#children.set(name, child);
  }

  async #wait(name: string, look: () => Promise<boolean>): Promise<void> {
    for (const late = performance.now() + startMs; performance.now() < late; await Bun.sleep(pollMs)) {
      if (await look().catch(() => false)) return;
      if (this.#children.get(name)?.exitCode !== null) break;
    }
    throw new Error(`${name} did not become ready: ${readFileSync(join(this.folder, `${name}.log`), "utf8").slice(-2000)}`);
  }
}

/** The command line of this telesetd: the compiled binary, or its sources in Bun. */
function telesetd(): readonly string[] {
  const isCompiled = import.meta.dir.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, join(import.meta.dir, "../../../main.ts")];
}
