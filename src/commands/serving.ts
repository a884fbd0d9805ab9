/** What commands that run until a signal have in common. */
import { omitUndefined } from "../core/omit-undefined.ts";
import type { RootLog } from "../log/log.ts";
import { notify, pingEvery, Reporter } from "../platform/systemd.ts";
import type { Io } from "./io.ts";

/** The first signal to stop: SIGTERM by systemd, SIGINT by Ctrl-C, SIGHUP by a closed terminal. Further ones are ignored. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
  });
}

/** Reports to the service manager. */
export function reporterFor({ environment }: Io, log: RootLog): Reporter {
  const pingMs = pingEvery(environment, process.pid);
  return new Reporter({
    notify,
    now: () => performance.now(),
    warn: (text, why) => log.error(text, { why }),
    ...omitUndefined({ pingMs }),
  });
}
