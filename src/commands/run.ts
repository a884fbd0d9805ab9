/** `telesetd run` */
import { startApp } from "../app.ts";
import { openLog } from "../log.ts";
import { notify } from "../systemd.ts";
import { version } from "../version.ts";
import { configOr2, type Io } from "./io.ts";

/** Runs the daemon until it is told to stop. Exit code 2: systemd does not start it again on a wrong configuration. */
export async function run(file: string, io: Io): Promise<number> {
  const config = configOr2(file, io);
  if (config === 2) return 2;
  const log = openLog((line) => io.err(`${line}\n`), config.log.level, io.environment["JOURNAL_STREAM"] !== undefined);
  const stopped = Promise.withResolvers<string>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.resolve(signal));
  try {
    const app = await startApp(config, log);
    log.info("telesetd runs", { version, http: `${config.http.host}:${app.port}`, desks: config.desks.length });
    await notify("READY=1");
    const end = await Promise.race([stopped.promise, app.failed]);
    await notify("STOPPING=1");
    await app.stop();
    if (end instanceof Error) throw end;
    log.info("telesetd has stopped", { signal: end });
    return 0;
  } catch (error) {
    log.error("telesetd cannot go on", { why: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}
