/** A box: the compiled binary as a process, its configuration file, its signals and its commands. For tests that end it badly. */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ShownEvent } from "../../../src/outbox/admin.ts";
import type { Status } from "../../../src/status/status.ts";
import { socketOf } from "../../../src/platform/admin-socket.ts";
import { getJson } from "../get-json.ts";
import { until } from "../until.ts";
import { type Ran, run } from "../run.ts";

/** The binary that is tested: the one that scripts/build made, or another by name. */
export const binary = process.env["TELESETD_BINARY"] ?? join(import.meta.dir, `../../../dist/telesetd-linux-${process.arch}`);
/** Why the tests of the binary are skipped; empty when they are not. */
export const noBinary = existsSync(binary) ? "" : ` (skipped: ${binary} is not there, run ./scripts/build)`;

/** Where it runs and to whom it talks. */
export interface BoxOptions {
  readonly folder: string;
  readonly port: number;
  readonly switchPort: number;
  /** Default: 1001. */
  readonly desks?: readonly string[];
  /** Further keys of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A daemon that can be started, signalled and killed, again and again, on the same store. */
export class Box {
  readonly config: string;
  readonly store: string;
  /** What its environment has beside ours. */
  environment: Readonly<Record<string, string>> = {};
  #options: BoxOptions;
  readonly #log: string;
  #child: Bun.Subprocess | undefined;

  constructor(options: BoxOptions) {
    this.#options = options;
    this.config = join(options.folder, `box-${options.port}.json`);
    this.store = join(options.folder, `box-${options.port}.db`);
    this.#log = join(options.folder, `box-${options.port}.log`);
    this.configure({});
  }

  /** Writes the configuration again, with these changes. A text is written unchanged. */
  configure(changes: Partial<BoxOptions> | string): void {
    if (typeof changes === "string") return writeFileSync(this.config, changes);
    const options = this.#options = { ...this.#options, ...changes };
    writeFileSync(
      this.config,
      JSON.stringify({
        desks: (options.desks ?? ["1001"]).map((extension) => ({ extension })),
        line: { driver: "freeswitch", host: "127.0.0.1", port: options.switchPort, password: "ClueCon", domain: "127.0.0.1" },
        http: { host: "127.0.0.1", port: options.port, perSecond: 1000, burst: 1000 },
        store: { path: this.store },
        ...options.more,
      }),
    );
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Its socket for the administrator's commands. */
  get socket(): string {
    return socketOf(this.environment, this.store);
  }

  get port(): number {
    return this.#options.port;
  }

  /** What it has written to its log since its last start. */
  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /**
   * Starts the process; it runs some time later. Its log goes to a file: with a pipe, Bun 1.4.5 sometimes loses the last words.
   */
  spawn(): void {
    const log = openSync(this.#log, "w");
    this.#child = Bun.spawn([binary, "run", "--config", this.config], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: log,
      env: { ...process.env, ...this.environment },
    });
    closeSync(log);
  }

  /** Starts it and waits until it reports that it is running. */
  async start(): Promise<void> {
    this.spawn();
    await this.says("telesetd is running");
  }

  /** Resolves when the log has `text`, this many times. */
  async says(text: string, times = 1): Promise<void> {
    const missing = () => `"${text}" is not in the log: ${this.log}`;
    await until(missing, () => {
      if (this.log.split(text).length > times) return true;
      if (this.#child?.exitCode) throw new Error(missing());
      return false;
    });
  }

  /** Asks for the status until it is as wanted. */
  until(otherwise: string, wanted: (status: Status) => boolean): Promise<Status> {
    return until(() => `${otherwise}: ${this.log}`, async () => {
      const status = await this.status().catch(() => undefined);
      return status && wanted(status) && status;
    });
  }

  /** Waits until the line of every desk is up and its phone known. */
  connected(): Promise<Status> {
    return this.until("the line does not come up", ({ desks }) => desks.every(({ trouble }) => trouble === undefined));
  }

  /** Waits until the CRM has confirmed everything, and this is in the store: a kill then repeats nothing. */
  async delivered(): Promise<Status> {
    const status = await this.until("the outbox does not empty", ({ outbox }) => outbox.waiting === 0);
    // The confirmations are written within 50 ms, or before the events are listed.
    await this.outbox();
    return status;
  }

  async status(): Promise<Status> {
    return await getJson<Status>(this.socket, "/status");
  }

  /** What `telesetd outbox list --all` shows. */
  async outbox(): Promise<ShownEvent[]> {
    return await getJson<ShownEvent[]>(this.socket, "/outbox?all=1");
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** The exit code, once it has ended. */
  async ended(): Promise<number> {
    return await this.#child?.exited ?? -1;
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#child?.exited;
  }

  /** SIGTERM; gives the exit code. */
  terminate(): Promise<number> {
    this.signal("SIGTERM");
    return this.ended();
  }

  /** Runs another command of the binary, with this box's configuration. */
  run(...args: readonly string[]): Promise<Ran> {
    return run([binary, ...args, "--config", this.config]);
  }
}
