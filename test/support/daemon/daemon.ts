/** The compiled daemon as a process of its own, for the end-to-end tests. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Status } from "../../../src/status/status.ts";

export { quietPort as freePort } from "./box.ts";

/** Where it runs and to whom it talks. */
export interface DaemonOptions {
  readonly folder: string;
  /** Port of its HTTP. */
  readonly port: number;
  readonly switchPort: number;
  /** Further keys of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A daemon that can be started, killed and started again on the same store. */
export class Daemon {
  readonly #binary: string;
  readonly #options: DaemonOptions;
  readonly #config: string;
  #child: Bun.Subprocess | undefined;
  /** What it has written to its log since its last start. */
  log = "";

  constructor(binary: string, options: DaemonOptions) {
    this.#binary = binary;
    this.#options = options;
    this.#config = join(options.folder, `config-${options.port}.json`);
    writeFileSync(
      this.#config,
      JSON.stringify({
        desks: [{ extension: "1001" }],
        line: { driver: "freeswitch", host: "127.0.0.1", port: options.switchPort, password: "ClueCon", domain: "127.0.0.1" },
        http: { host: "127.0.0.1", port: options.port },
        store: { path: join(options.folder, `store-${options.port}.db`) },
        ...options.more,
      }),
    );
  }

  /** Starts it and waits until it says that it runs. */
  async start(): Promise<void> {
    const child = Bun.spawn([this.#binary, "run", "--config", this.#config], { stdout: "ignore", stderr: "pipe" });
    this.#child = child;
    this.log = "";
    const running = Promise.withResolvers<void>();
    const follow = async () => {
      const decoder = new TextDecoder();
      for await (const part of child.stderr) {
        this.log += decoder.decode(part, { stream: true });
        if (this.log.includes("telesetd runs")) running.resolve();
      }
      running.reject(new Error(`the daemon ended: ${this.log}`));
    };
    follow().catch(running.reject);
    running.promise.catch(() => {});
    await running.promise;
  }

  /** Waits until the line is up and the phone known. */
  connected(): Promise<void> {
    return this.until("the line does not come up", ({ desks }) => desks.every(({ trouble }) => trouble === undefined));
  }

  /** Waits until the CRM has confirmed everything. */
  told(): Promise<void> {
    return this.until("the outbox does not empty", ({ outbox }) => outbox.waiting === 0);
  }

  /** Asks for the status until it is as wanted, at most 10 s. */
  async until(otherwise: string, wanted: (status: Status) => boolean): Promise<void> {
    const late = performance.now() + 50_000;
    while (performance.now() < late) {
      const answer = await fetch(`http://127.0.0.1:${this.#options.port}/status`);
      if (wanted(await answer.json() as Status)) return;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`${otherwise}: ${this.log}`);
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** SIGTERM; gives the exit code. */
  async terminate(): Promise<number> {
    this.#child?.kill("SIGTERM");
    return await this.#child?.exited ?? -1;
  }
}
