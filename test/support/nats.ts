/** Debian's nats-server, with the configuration of a test. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { until } from "./until.ts";

const binary = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));

/** Why a test with nats-server is skipped; empty if it is not. */
export const noNats = binary === undefined ? " (skipped: nats-server is missing, apt-get install nats-server)" : "";

/** A nats-server that can be stopped and started again. */
export class NatsServer {
  readonly port: number;
  readonly #host: string;
  readonly #folder: string;
  #child: Bun.Subprocess | undefined;

  /** @param text its configuration without `listen`. @param folder for its files. */
  constructor(text: string, folder: string, port: number, host = "127.0.0.1") {
    this.port = port;
    this.#host = host;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "test.conf"), `listen: ${host}:${port}\n${text.replace(/^listen: .*$/m, "")}`);
  }

  /** Starts it; resolves when it accepts connections. */
  async start(): Promise<void> {
    const log = Bun.file(join(this.#folder, "server.log"));
    await Bun.write(log, "");
    const child = Bun.spawn([binary ?? "", "-c", join(this.#folder, "test.conf")], { stdin: "ignore", stdout: log, stderr: log });
    this.#child = child;
    await until("nats-server does not accept connections", () => {
      if (child.exitCode !== null) throw new Error(`nats-server has ended: ${this.log()}`);
      return accepts(this.port, this.#host);
    });
  }

  /** Kills it, as a power cut does. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** The text of its configuration. */
  configuration(): string {
    return readFileSync(join(this.#folder, "test.conf"), "utf8");
  }

  /** What it has logged since its start. */
  log(): string {
    return readFileSync(join(this.#folder, "server.log"), "utf8");
  }
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => end(true)).once("error", () => end(false));
  });
}
