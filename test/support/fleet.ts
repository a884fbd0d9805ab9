/** A fleet of a test: its folder, made by the commands, and the nats-server that the folder configures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type AddOptions, addToFleet } from "../../src/commands/fleet/add.ts";
import { initFleet } from "../../src/commands/fleet/init.ts";
import type { Io } from "../../src/commands/io.ts";
import { NatsServer } from "./nats.ts";
import { quietPort } from "./ports.ts";

/** What a command has printed. */
export class Output implements Io {
  text = "";
  readonly terminal = false;
  readonly environment = {};
  readonly out = (text: string): void => void (this.text += text);
  readonly err = (text: string): void => void (this.text += text);
}

/** A fleet with one server on this machine, reached as 127.0.0.1. */
export class TestFleet {
  readonly io = new Output();
  readonly folder: string;
  readonly port: number;
  readonly server: NatsServer;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    const text = readFileSync(join(folder, "server/nats-server.conf"), "utf8");
    this.server = new NatsServer(text, join(folder, "nats"), port);
  }

  /** Makes it; the server is not started. */
  static async make(folder: string): Promise<TestFleet> {
    const port = await quietPort();
    const io = new Output();
    const options = { server: [`127.0.0.1:${port}`], prefix: "tele", serverFolder: join(folder, "server") };
    const code = await initFleet({ folder, ...options, serverState: join(folder, "nats/accounts") }, io);
    if (code !== 0) throw new Error(io.text);
    return new TestFleet(folder, port);
  }

  /** The same fleet with a new server, which has only the configuration as it is now. */
  again(): TestFleet {
    return new TestFleet(this.folder, this.port);
  }

  /** Issues credentials, as `telesetd fleet add` does. */
  async add(name: string, options: Partial<AddOptions> = {}): Promise<void> {
    const code = await addToFleet(name, { folder: this.folder, ...options }, this.io);
    if (code !== 0) throw new Error(this.io.text);
  }

  /** The credentials of a user. */
  credentials(name: string): string {
    return this.read(`credentials/${name}.creds`);
  }

  /** The certificate that the boxes trust. */
  get authority(): string {
    return this.read("server/ca.pem");
  }

  /** A file of its folder. */
  read(name: string): string {
    return readFileSync(join(this.folder, name), "utf8");
  }
}
