/** `telesetd run` */
import { resolve } from "node:path";
import { type App, startApp } from "../app.ts";
import { type Config, ConfigError } from "../config/schema.ts";
import { Levels } from "../log/level.ts";
import { isJournal, type LogLevel, openLog } from "../log/log.ts";
import { Metrics } from "../metrics/metrics.ts";
import { socketOf } from "../platform/admin-socket.ts";
import { notify, statusState } from "../platform/systemd.ts";
import { version } from "../version.ts";
import { count } from "../core/count.ts";
import { Daemon } from "./daemon.ts";
import { pageTools } from "./page-tools.ts";
import { reporterFor, stopSignal } from "./serving.ts";
import { type Io, original, problemsText, readConfig } from "./io.ts";
import { messageOf } from "../platform/text.ts";

/**
 * Runs the daemon until a signal stops it. Exit code 2 means an invalid configuration: systemd does not start the daemon again
 * then.
 */
export async function run(
  { config: file, socket }: { readonly config: string; readonly socket?: string },
  io: Io,
): Promise<number> {
  const own = await configOrProblems(file, io);
  if (own === undefined) return 2;
  const metrics = new Metrics();
  const counted = (level: LogLevel): void => metrics.logLines.add(level);
  const log = openLog((line) => io.err(`${line}\n`), own.log.level, isJournal(io.environment["JOURNAL_STREAM"]), { counted });
  const stopped = stopSignal();
  const reporter = reporterFor(io, log);
  try {
    const fleet = own.fleet && new (await import("./pushed.ts")).PushedConfig(file, own, io, log);
    const place = { config: file, socket: socket ?? socketOf(io.environment, own.store.path) };
    const start = (config: Config): Promise<App> => {
      log.setLevel(config.log.level);
      const tools = pageTools(config, place, io);
      const levels = new Levels(log, config.log.level);
      return startApp(config, log, { metrics, tools, levels, fleet, file: resolve(original(file, io)), socket: place.socket });
    };
    const daemon = await Daemon.start({ own, fleet, start, log });
    const { config, port } = daemon;
    log.info("telesetd is running", { version, http: `${config.http.host}:${port}`, desks: config.desks.length });
    await reporter.ready({ status: () => daemon.status(), stuck: () => daemon.stuck() });
    const end = await daemon.run(stopped);
    await reporter.stop();
    await daemon.stop();
    if (end instanceof Error) throw end;
    log.info("telesetd has stopped", { signal: end });
    return 0;
  } catch (error) {
    const why = messageOf(error);
    log.error("telesetd failed", { why });
    await reporter.stop(statusState(`Failed: ${why}`));
    return 1;
  }
}

/** The configuration; its errors go to the log and to the service manager. */
async function configOrProblems(file: string, io: Io): Promise<Config | undefined> {
  try {
    return readConfig(file, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.placed;
    io.err(problemsText(original(file, io), problems));
    const more = problems.length > 1 ? " ..." : "";
    await notify(statusState(`The configuration has ${count(problems.length, "error")}: ${problems[0]}${more}`));
    return undefined;
  }
}
