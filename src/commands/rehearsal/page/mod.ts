/** `telesetd demo --page`: the demo in a browser, to play with. */
import { loopbackSite } from "../../../http/loopback.ts";
import { openLog } from "../../../log/log.ts";
import { messageOf } from "../../../platform/text.ts";
import type { Io } from "../../io.ts";
import { type DemoApp, demoApp } from "./routes.tsx";
import { Town } from "./town.ts";

/** The port where the page is, if it is free. */
const usualPort = 8095;

/** Serves the page until a signal. `given`: its port; default: the usual one, or any that is free. */
export async function demoPage(given: string | undefined, io: Io): Promise<number> {
  const port = given === undefined ? undefined : Number(given);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    io.err(`--port is ${given}: expected a port from 0 to 65535.\n`);
    return 2;
  }
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  const log = openLog((line) => io.err(`${line}\n`), "error", false);
  let page: DemoApp | undefined;
  const town = await Town.start(() => page?.changed(), io.err);
  try {
    const site = loopbackSite((from) => (page = demoApp(town, log, from)).app, {
      ports: port === undefined ? [usualPort, 0] : [port],
      log,
    });
    io.out(`The demo is at http://127.0.0.1:${site.port}/ until you press Ctrl-C.\n`);
    await stopped;
    page?.end();
    await site.stop();
    return 0;
  } catch (error) {
    io.err(`The demo cannot be served: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await town.stop();
  }
}
