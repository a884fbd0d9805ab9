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
import { present } from "../../core/present.ts";
import { messageOf } from "../../platform/text.ts";

/** How long a reload may take before the watchdog is left alone, in ms. */
const longestReload = 30_000;

/**
 * Runs the daemon until it is told to stop. SIGHUP: reads the configuration again and goes on with it; calls, registrations
 * and what waits to be told are kept. Exit code 2: systemd does not start it again on a wrong configuration.
 */
export async function run(file: string, io: Io): Promise<number> {
  const read = tryConfig(file, io);
  if ("problems" in read) {
    io.err(problemsText(original(file, io), read.problems));
    await notify(statusState(wrong("The configuration has", read.problems)));
    return 2;
  }
  const { config } = read;
  const metrics = new Metrics();
  const counted = (level: LogLevel): void => metrics.logLines.add(level);
  const log = openLog((line) => io.err(`${line}\n`), config.log.level, isJournal(io.environment["JOURNAL_STREAM"]), { counted });
  const kept = { metrics, levels: new Levels(log, config.log.level) };
  const signals = new Signals();
  const reporter = reporterFor(io, log);
  try {
    const running = new Running({ app: await startApp(config, log, kept), config }, { io, log, signals, kept });
    log.info("telesetd runs", { version, http: `${config.http.host}:${running.app.port}`, desks: config.desks.length });
    await reporter.ready(running);
    let wish = await Promise.race([signals.next(), running.app.failed]);
    while (wish === "SIGHUP") {
      await reporter.send("RELOADING=1");
      await running.reload(file);
      await reporter.ready(running);
      wish = await Promise.race([signals.next(), running.app.failed]);
    }
    await reporter.stop();
    await running.app.stop();
    if (wish instanceof Error) throw wish;
    log.info("telesetd has stopped", { signal: wish });
    return 0;
  } catch (error) {
    const why = messageOf(error);
    log.error("telesetd cannot go on", { why });
    await reporter.stop(statusState(`Cannot go on: ${why}`));
    return 1;
  }
}

function reporterFor({ environment }: Io, log: RootLog): Reporter {
  const pingMs = pingEvery(environment, process.pid);
  return new Reporter({
    notify,
    now: () => performance.now(),
    warn: (text, why) => log.error(text, { why }),
    ...present({ pingMs }),
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
function wrong(what: string, problems: readonly string[]): string {
  return `${what} ${count(problems.length, "error")}: ${problems[0]}${problems.length > 1 ? " ..." : ""}`;
}

interface Around {
  readonly io: Io;
  readonly log: RootLog;
  readonly signals: Signals;
  readonly kept: { readonly metrics: Metrics; readonly levels: Levels };
}

interface Now {
  readonly app: App;
  readonly config: Config;
}

/** The daemon over its reloads. */
class Running {
  #now: Now;
  readonly #around: Around;
  /** Since when a reload has been under way. */
  #reloading: number | undefined;
  /** What was wrong with the configuration that was refused last. */
  #refused = "";

  constructor(now: Now, around: Around) {
    this.#now = now;
    this.#around = around;
  }

  get app(): App {
    return this.#now.app;
  }

  /** In one line, for the service manager. */
  status(): string {
    return `${statusLine(this.app.status())}${this.#refused}`;
  }

  stuck(): string | undefined {
    if (this.#reloading === undefined) return this.app.stuck();
    return performance.now() - this.#reloading > longestReload ? "a reload does not come to its end" : undefined;
  }

  /** Goes on with the new configuration; with the old one when the new one is wrong or cannot be started. */
  async reload(file: string): Promise<void> {
    const { io, log } = this.#around;
    const given = handedOver(file, io.environment, process.pid);
    this.#reloading = performance.now();
    const read = tryConfig(given.file, given);
    let problems: readonly string[];
    if ("config" in read) problems = await this.#change(read.config);
    else {
      problems = read.problems;
      for (const problem of problems) log.error("The new configuration is wrong", { file: original(given.file, given), problem });
      log.warning("Nothing is changed: the old configuration stays in force");
    }
    this.#reloading = undefined;
    this.#refused = problems.length === 0 ? "" : `; ${wrong("the old configuration stays in force, the new one has", problems)}`;
    given.answer(problems);
  }

  /** Starts the daemon anew; resolves with what kept it from that. */
  async #change(config: Config): Promise<readonly string[]> {
    const { log, signals, kept } = this.#around;
    await this.app.stop();
    // To start again what shall end would let the end wait twice for what is on the way.
    if (signals.stopWanted) return [];
    kept.levels.configure(config.log.level);
    try {
      this.#now = { app: await startApp(config, log, kept), config };
      log.info("The new configuration is in force", { desks: config.desks.length });
      return [];
    } catch (error) {
      const why = messageOf(error);
      log.error("Cannot go on with the new configuration: back to the old one", { why });
      kept.levels.configure(this.#now.config.log.level);
      this.#now = { app: await startApp(this.#now.config, log, kept), config: this.#now.config };
      return [why];
    }
  }
}
