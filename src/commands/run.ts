/** `telesetd run` */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type App, startApp } from "../app.ts";
import { type Config, ConfigError } from "../config.ts";
import { Levels } from "../levels.ts";
import { isJournal, type LogLevel, openLog, type RootLog } from "../log.ts";
import { Metrics } from "../metrics/metrics.ts";
import { notify } from "../systemd.ts";
import { version } from "../version.ts";
import { configOr2, type Io, readConfig } from "./io.ts";

/**
 * Runs the daemon until it is told to stop. SIGHUP: reads the configuration again and goes on with it; calls, registrations
 * and what waits to be told are kept. Exit code 2: systemd does not start it again on a wrong configuration.
 */
export async function run(file: string, io: Io): Promise<number> {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const metrics = new Metrics();
  const counted = (level: LogLevel): void => metrics.logLines.add(level);
  const log = openLog((line) => io.err(`${line}\n`), config.log.level, isJournal(io.environment["JOURNAL_STREAM"]), { counted });
  const kept = { metrics, levels: new Levels(log, config.log.level) };
  const signals = new Signals();
  try {
    let running: Running = { app: await startApp(config, log, kept), config };
    log.info("telesetd runs", { version, http: `${config.http.host}:${running.app.port}`, desks: config.desks.length });
    await notify("READY=1");
    let wish = await Promise.race([signals.next(), running.app.failed]);
    while (wish === "SIGHUP") {
      running = await reload(running, reloadedFile(file, io), { io, log, signals, kept });
      wish = await Promise.race([signals.next(), running.app.failed]);
    }
    await notify("STOPPING=1");
    await running.app.stop();
    if (wish instanceof Error) throw wish;
    log.info("telesetd has stopped", { signal: wish });
    return 0;
  } catch (error) {
    log.error("telesetd cannot go on", { why: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}

interface Running {
  readonly app: App;
  readonly config: Config;
}

/**
 * The file to read on SIGHUP. Under the shipped unit the daemon cannot read the configuration's own place, and systemd does
 * not renew credentials on a reload: the unit's ExecReload puts a copy into the runtime directory.
 */
function reloadedFile(file: string, { environment }: Io): string {
  const copy = join(environment["RUNTIME_DIRECTORY"] ?? "/nonexistent", "config.json");
  return existsSync(copy) ? copy : file;
}

interface Around {
  readonly io: Io;
  readonly log: RootLog;
  readonly signals: Signals;
  readonly kept: { readonly metrics: Metrics; readonly levels: Levels };
}

/** Goes on with the new configuration; with the old one when the new one is wrong or cannot be started. */
async function reload(running: Running, file: string, { io, log, signals, kept }: Around): Promise<Running> {
  let config: Config;
  try {
    config = readConfig(file, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) log.error("The new configuration is wrong", { file, problem });
    log.warning("Nothing is changed: the old configuration stays in force");
    return running;
  }
  await running.app.stop();
  // To start again what shall end would let the end wait twice for what is on the way.
  if (signals.stopWanted) return running;
  kept.levels.configure(config.log.level);
  try {
    const app = await startApp(config, log, kept);
    log.info("The new configuration is in force", { desks: config.desks.length });
    return { app, config };
  } catch (error) {
    log.error("Cannot go on with the new configuration: back to the old one", {
      why: error instanceof Error ? error.message : String(error),
    });
    kept.levels.configure(running.config.log.level);
    return { app: await startApp(running.config, log, kept), config: running.config };
  }
}

type Wish = "SIGTERM" | "SIGINT" | "SIGHUP";

/** Signals as they come, none lost. */
class Signals {
  readonly #come: Wish[] = [];
  #wake: (() => void) | undefined;

  constructor() {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => {
        this.#come.push(signal);
        this.#wake?.();
      });
    }
  }

  /** Somebody wants the daemon to end. */
  get stopWanted(): boolean {
    return this.#come.some((signal) => signal !== "SIGHUP");
  }

  /** The next one. A wish to stop goes before one to reload. */
  async next(): Promise<Wish> {
    while (this.#come.length === 0) await new Promise<void>((wake) => this.#wake = wake);
    const stop = this.#come.find((signal) => signal !== "SIGHUP");
    if (stop === undefined) this.#come.length = 0;
    return stop ?? "SIGHUP";
  }
}
