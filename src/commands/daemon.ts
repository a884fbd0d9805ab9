/** The running daemon, which is replaced by another one when the fleet has pushed settings to this box. */
import type { App } from "../app.ts";
import type { Config } from "../config/schema.ts";
import type { Trial } from "../fleet/pushed.ts";
import type { Log } from "../log/log.ts";
import { messageOf } from "../platform/text.ts";
import { statusLine } from "../status/status.ts";

/** The settings that the fleet pushes, as far as the daemon uses them. */
export interface PushedTrials {
  /** The configuration with the settings in force; undefined: there are none. */
  initial(): Config | undefined;
  next(): Promise<Trial<Config>>;
  /** The settings in force cannot be used. */
  drop(why: string): void;
}

/** What it needs. */
export interface DaemonOptions {
  /** The configuration of the file. */
  readonly own: Config;
  /** Absent: the box has no fleet. */
  readonly fleet: PushedTrials | undefined;
  readonly start: (config: Config) => Promise<App>;
  readonly log: Log;
}

/** A daemon. */
export class Daemon {
  readonly #options: DaemonOptions;
  #config: Config;
  #app: App | undefined;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.#config = options.own;
  }

  /** Starts it, with the settings of the fleet if it can start with them. @throws Error if it cannot start without them either. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { own, fleet, start } = options;
    const daemon = new Daemon(options);
    const pushed = fleet?.initial();
    if (!pushed) daemon.#app = await start(own);
    else await daemon.#begin(pushed, own, (why) => why === undefined || fleet?.drop(why));
    return daemon;
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#config;
  }

  /** The port that callouts are served on; undefined while it is replaced. */
  get port(): number | undefined {
    return this.#app?.port;
  }

  /** Its state in one line. */
  status(): string {
    return this.#app ? statusLine(this.#app.status()) : "Settings of the fleet are put in force";
  }

  /** See `App.stuck`. */
  stuck(): string | undefined {
    return this.#app?.stuck();
  }

  /** Resolves with the signal, or with the reason why the line has failed. @throws Error if a replaced daemon cannot start. */
  async run(stopped: Promise<NodeJS.Signals>): Promise<NodeJS.Signals | Error> {
    const { fleet, log } = this.#options;
    let next = fleet?.next();
    for (;;) {
      const failed = this.#app?.failed ?? Promise.reject(new Error("not started"));
      const what = await Promise.race(next ? [stopped, failed, next] : [stopped, failed]);
      if (typeof what === "string" || what instanceof Error) return what;
      const [former, app] = [this.#config, this.#app];
      this.#app = undefined;
      await app?.stop();
      await this.#begin(what.config, former, (why) => why === undefined ? what.accept() : what.refuse(why));
      if (this.#config !== former) log.info("Settings of the fleet are in force", { desks: this.#config.desks.length });
      next = fleet?.next();
    }
  }

  /** Stops it. */
  async stop(): Promise<void> {
    await this.#app?.stop();
  }

  /** Starts with a configuration, or else with another one. @param tried is called with the reason why it cannot start. */
  async #begin(config: Config, former: Config, tried: (why: string | undefined) => unknown): Promise<void> {
    try {
      this.#app = await this.#options.start(config);
      this.#config = config;
      tried(undefined);
    } catch (error) {
      // If this fails too, the settings are not to blame.
      this.#app = await this.#options.start(former);
      this.#config = former;
      tried(messageOf(error));
    }
  }
}
