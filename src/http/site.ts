/** An HTTP listener for monitors and a page alone, without callouts: that of a relay. */
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono } from "hono";
import type { Log } from "../log/log.ts";
import { liveDeadline } from "../page/live-path.ts";
import type { Page } from "../page/routes.tsx";
import { type MonitoringOptions, monitoringRoutes } from "./monitoring.ts";
import { createServerFor } from "./server.ts";

/** Settings and collaborators. */
export interface SiteListenerOptions extends Pick<MonitoringOptions, "hostNames" | "now" | "log"> {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The maximum number of open connections; more get 503. */
  readonly connections: number;
  readonly monitoring: Pick<MonitoringOptions, "ready" | "metrics" | "monitorAllow">;
  /** Creates the page, given a function that returns the source address of a request; absent: there is none. */
  readonly page?: (from: (context: Context) => string) => Page;
  readonly log: Log;
}

/** An open listener. */
export interface SiteListener {
  readonly port: number;
  stop(): Promise<void>;
}

/** Opens the listener. @throws Error with the reason if it cannot listen. */
export function openSite(options: SiteListenerOptions): Promise<SiteListener> {
  const { host, port, connections, monitoring, hostNames, now, log } = options;
  const from = (context: Context): string => getConnInfo(context).remote.address ?? "";
  return Promise.try(() => {
    const page = options.page?.(from);
    const app = new Hono();
    app.route("/", monitoringRoutes({ ...monitoring, hostNames, now, log, from }));
    if (page) app.route("/", page.app);
    const server = createServerFor({
      app,
      limits: { connections, headerMs: 10_000, answerMs: 30_000 },
      answerMsOf: liveDeadline,
      refusal: (_, why) => ({ headers: { "Content-Type": "text/plain; charset=utf-8" }, body: `${why}\n` }),
      log,
    });
    const bound = server.listen({ hostname: host, port }) ?? port;
    return {
      port: bound,
      stop: async () => {
        page?.end();
        await server.stop();
      },
    };
  }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot listen on ${host}:${port}: ${error.code ?? error.message}. Choose another port or address.`, {
      cause: error,
    });
  });
}
