/** `telesetd run` */
import { type App, startApp } from "../../app.ts";
import { type Config, ConfigError } from "../../config/schema.ts";
import { Levels } from "../../log/level.ts";
import { isJournal, type LogLevel, openLog, type RootLog } from "../../log/log.ts";
import { Metrics } from "../../metrics/metrics.ts";
import { statusLine } from "../../status/status.ts";
import { notify, pingEvery, Reporter, statusState } from "../../platform/systemd.ts";
import { version } from "../../version.ts";
import { handedOver } from "./hand-over.ts";
import { count } from "../../core/count.ts";
import { type Io, original, problemsText, readConfig } from "../io.ts";
import { Signals } from "./signals.ts";
import { omitUndefined } from "../../core/omit-undefined.ts";
import { messageOf } from "../../platform/text.ts";

/** How long a reload may take before the watchdog is no longer pinged, in ms. */
const maxReloadMs = 30_000;

/**
 * Runs the daemon until a signal stops it. On SIGHUP it reads the configuration again and restarts with it; calls, registrations
 * and pending events are kept. Exit code 2 means an invalid configuration: systemd does not start the daemon again then.
 */
export async function run(file: string, io: Io): Promise<number> {
  const read = tryConfig(file, io);
  if ("problems" in read) {
    io.err(problemsText(original(file, io), read.problems));
    await notify(statusState(summary("The configuration has", read.problems)));
    return 2;
  }
  const { config } = read;
  const metrics = new Metrics();
  const counted = (level: LogLevel): void => metrics.logLines.add(level);
  const log = openLog((line) => io.err(`${line}\n`), config.log.level, isJournal(io.environment["JOURNAL_STREAM"]), { counted });
  const carryover = { metrics, levels: new Levels(log, config.log.level) };
  const signals = new Signals();
  const reporter = reporterFor(io, log);
  try {
    const app = await startApp(config, log, carryover);
    const daemon = new Daemon({ app, config }, { io, log, signals, carryover });
    log.info("telesetd is running", { version, http: `${config.http.host}:${daemon.app.port}`, desks: config.desks.length });
    await reporter.ready(daemon);
    let request = await Promise.race([signals.next(), daemon.app.failed]);
    while (request === "SIGHUP") {
      await reporter.send("RELOADING=1");
      await daemon.reload(file);
      await reporter.ready(daemon);
      request = await Promise.race([signals.next(), daemon.app.failed]);
    }
    await reporter.stop();
    await daemon.app.stop();
    if (request instanceof Error) throw request;
    log.info("telesetd has stopped", { signal: request });
    return 0;
  } catch (error) {
    const why = messageOf(error);
    log.error("telesetd failed", { why });
    await reporter.stop(statusState(`Failed: ${why}`));
    return 1;
  }
}

function reporterFor({ environment }: Io, log: RootLog): Reporter {
  const pingMs = pingEvery(environment, process.pid);
  return new Reporter({
    notify,
    now: () => performance.now(),
    warn: (text, why) => log.error(text, { why }),
    ...omitUndefined({ pingMs }),
  });
}

type Read = { readonly config: Config } | { readonly problems: readonly string[] };

function tryConfig(file: string, io: Pick<Io, "environment">): Read {
  try {
    return { config: readConfig(file, io) };
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.placed };
    throw error;
  }
}

/** `The configuration has 3 errors: desks is missing: expected a list ...` */
function summary(what: string, problems: readonly string[]): string {
  return `${what} ${count(problems.length, "error")}: ${problems[0]}${problems.length > 1 ? " ..." : ""}`;
}

/** The collaborators of a daemon, the same for its whole life. */
interface Environment {
  readonly io: Io;
  readonly log: RootLog;
  readonly signals: Signals;
  readonly carryover: { readonly metrics: Metrics; readonly levels: Levels };
}

/** The running app and the configuration in force. */
interface Current {
  readonly app: App;
  readonly config: Config;
}

/** The daemon, which lives on when a reload replaces its app. */
class Daemon {
  #current: Current;
  readonly #environment: Environment;
  /** When the current reload started, in steady ms. */
  #reloading: number | undefined;
  /** The errors of the configuration that was refused last, for the status line. */
  #refused = "";

  constructor(current: Current, environment: Environment) {
    this.#current = current;
    this.#environment = environment;
  }

  get app(): App {
    return this.#current.app;
  }

  /** The status line for the service manager. */
  status(): string {
    return `${statusLine(this.app.status())}${this.#refused}`;
  }

  stuck(): string | undefined {
    if (this.#reloading === undefined) return this.app.stuck();
    return performance.now() - this.#reloading > maxReloadMs ? "a reload does not end" : undefined;
  }

  /** Restarts with the new configuration, or with the old one when the new one has errors or cannot be started. */
  async reload(file: string): Promise<void> {
    const { io, log } = this.#environment;
    const given = handedOver(file, io.environment, process.pid);
    this.#reloading = performance.now();
    const read = tryConfig(given.file, given);
    let problems: readonly string[];
    if ("config" in read) problems = await this.#change(read.config);
    else {
      problems = read.problems;
      for (const problem of problems) {
        log.error("The new configuration has an error", { file: original(given.file, given), problem });
      }
      log.warning("Nothing changed: the old configuration stays in force");
    }
    this.#reloading = undefined;
    this.#refused = problems.length === 0
      ? ""
      : `; ${summary("the old configuration stays in force, the new one has", problems)}`;
    given.answer(problems);
  }

  /** Starts the app again with this configuration; resolves with the reason if that fails. */
  async #change(config: Config): Promise<readonly string[]> {
    const { log, signals, carryover } = this.#environment;
    await this.app.stop();
    // A daemon that is about to stop does not start again, so that nobody waits twice for requests in progress.
    if (signals.stopWanted) return [];
    carryover.levels.configure(config.log.level);
    try {
      this.#current = { app: await startApp(config, log, carryover), config };
      log.info("The new configuration is in force", { desks: config.desks.length });
      return [];
    } catch (error) {
      const why = messageOf(error);
      log.error("Cannot start with the new configuration: back to the old one", { why });
      carryover.levels.configure(this.#current.config.log.level);
      this.#current = { app: await startApp(this.#current.config, log, carryover), config: this.#current.config };
      return [why];
    }
  }
}
