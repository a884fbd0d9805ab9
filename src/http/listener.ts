/** The HTTP listener for callouts and monitors. */
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono } from "hono";
import { refusal } from "../cctsdk/reply.ts";
import { type CalloutOptions, callouts, responseOf } from "../cctsdk/routes.ts";
import { addressText } from "../core/crm.ts";
import type { ConnectionLimits } from "./connections.ts";
import { type MonitoringOptions, monitoringRoutes } from "./monitoring.ts";
import type { Log } from "../log/log.ts";
import type { PlainAnswer, PlainRequest } from "./plain.ts";
import { liveDeadline } from "../page/live-path.ts";
import type { Page, PageOptions } from "../page/routes.tsx";
import { RequestLines } from "./request-line.ts";
import { createServerFor, type HttpServer, maxHeaderBytes, type ServerOptions } from "./server.ts";

/** Settings and collaborators of the listener. */
export interface HttpOptions {
  /** The address to listen on, such as `0.0.0.0` or `::`. */
  readonly host: string;
  /** The port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** The maximum number of open connections; more get 503. */
  readonly connections: number;
  readonly callouts: Omit<CalloutOptions, "from">;
  readonly monitoring: Omit<MonitoringOptions, "from" | "hostNames" | "log" | "now" | "refused">;
  /** The page of the box; absent: there is none. */
  readonly page?: Omit<PageOptions, keyof SharedOptions>;
  readonly log: Log;
  /** Deadlines for tests; default: 10 s for a header, 30 s for an answer. */
  readonly deadlines?: Pick<ConnectionLimits, "headerMs" | "answerMs">;
}

/** What the routes have in common. */
interface SharedOptions extends Pick<PageOptions, "hostNames" | "now" | "log" | "from" | "refused"> {}

/** An open listener. */
export interface Listener extends Pick<HttpServer, "drain" | "stop"> {
  /** The port that it listens on. */
  readonly port: number;
}

/** Opens the listener. @throws Error with the reason and a remedy if it cannot listen. */
export function openHttp(options: HttpOptions): Promise<Listener> {
  const { host, port, log, callouts: { answers, counted }, deadlines = { headerMs: 10_000, answerMs: 30_000 } } = options;
  return Promise.try(async () => {
    // Loaded only if there is one.
    const page = options.page && (await import("../page/routes.tsx")).createPage({ ...options.page, ...shared(options) });
    const server = createServerFor({
      ...site(options, page),
      ...(page ? { answerMsOf: liveDeadline } : {}),
      limits: { connections: options.connections, ...deadlines },
      refusal: (status, why) => refusal(status, why, answers),
      counted: (status) => counted?.refused(status),
      lines: () => new RequestLines(maxHeaderBytes),
      log,
    });
    const drain = (): Promise<void> => {
      page?.end();
      return server.drain();
    };
    return { port: server.listen({ hostname: host, port }) ?? port, drain, stop: server.stop };
  }).catch((error: NodeJS.ErrnoException) => {
    throw error.syscall === "listen" ? cannotListen(options, error) : error;
  });
}

function shared({ log, callouts: { hostNames, now, counted } }: HttpOptions): SharedOptions {
  return { hostNames, now, log, from: source, refused: (status) => counted?.refused(status) };
}

/** All routes. The prefix applies to callouts only, not to `/healthz`, `/readyz`, `/metrics` and `/ui/`. */
function site(options: HttpOptions, page: Page | undefined): Required<Pick<ServerOptions, "app" | "atOnce">> {
  const { log } = options;
  const app = new Hono();
  app.route("/", monitoringRoutes({ ...options.monitoring, ...shared(options) }));
  if (page) app.route("/", page.app);
  const served = callouts({ ...options.callouts, from: source });
  app.route("/", served.app);
  app.onError((error) => {
    log.rarely("request failed").error("Request failed: internal error", { error: error.message });
    const why = "UnexpectedError: internal error in telesetd: try again; if it persists, tell the administrator.";
    return responseOf(refusal(500, why, options.callouts.answers));
  });
  const atOnce = ({ target, header }: PlainRequest, from: string): PlainAnswer | undefined => {
    const mark = target.indexOf("?");
    return mark < 0 ? undefined : served.atOnce({
      from,
      method: "GET",
      path: target.slice(0, mark),
      query: target.slice(mark + 1),
      header,
    });
  };
  return { app, atOnce };
}

function source(context: Context): string {
  return getConnInfo(context).remote.address ?? "";
}

const reasons: Record<string, string> = {
  EADDRINUSE: "address in use: stop the other process (another telesetd?) or choose another http.port",
  EADDRNOTAVAIL: "this box has no such address: set http.host to one of its addresses, or to 0.0.0.0 for all",
  EACCES: "not permitted: set http.port to 1024 or above",
};

function cannotListen({ host, port }: HttpOptions, error: NodeJS.ErrnoException): Error {
  const place = addressText({ address: host, port });
  return new Error(`Cannot listen on ${place}: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error });
}
