/** Endpoints for monitors: `/healthz`, `/readyz` and `/metrics`, for this machine and the addresses in http.monitorAllow. */
import { type Context, Hono } from "hono";
import { isForThisBox } from "../cctsdk/guard.ts";
import { contentTypes, type Format, formatFor } from "../metrics/exposition.ts";
import type { Log } from "../log/log.ts";
import { authorityOf, isLoopback, normaliseAddress, parseRanges } from "../platform/address.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import { type Readiness, readyText } from "../status/readiness.ts";

/** The state that the endpoints read, and who may read them. */
export interface MonitoringOptions {
  /** Addresses and ranges that may read, besides this machine. */
  readonly monitorAllow: readonly string[];
  readonly ready: () => Readiness;
  readonly metrics: (format: Format) => string | Promise<string>;
  readonly log: Log;
  /** Counts a refused request by its status. */
  readonly refused?: (status: 403 | 405 | 429) => void;
  /** Steady ms. */
  readonly now: () => number;
  /** Accepted host names in requests. */
  readonly hostNames: readonly string[];
  readonly from: (context: Context) => string;
}

/** How often one address may read: more often than any monitor does, and little work for the box. */
const maxRate: Rate = { perSecond: 5, burst: 30 };

/** How often per hour the refusal of one address is logged. */
const maxRepeats = 5;

/**
 * `GET` and `HEAD` of `/healthz` (without a limit), `/readyz` and `/metrics`. Each answer ends its connection, so that monitors
 * do not take the connections of UWQ.
 * @throws Error if an entry of `monitorAllow` is not a range.
 */
export function monitoringRoutes(options: MonitoringOptions): Hono {
  const app = new Hono();
  const { ready, metrics, from, hostNames, now, log } = options;
  const allowed = parseRanges(options.monitorAllow);
  const granted = rateLimit(maxRate);
  const say = (status: number, type: string, body: string, more: Record<string, string> = {}): Response =>
    new Response(body, { status, headers: { "Content-Type": type, "Cache-Control": "no-store", Connection: "close", ...more } });
  const refuse = (path: string, from: string, status: 403 | 405 | 429, why: string, more?: Record<string, string>): Response => {
    options.refused?.(status);
    log.rarely(`monitoring refused ${from}`, maxRepeats).warning("Request refused", { from, path, status, why });
    return say(status, "text/plain; charset=utf-8", `${why}\n`, more);
  };
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    const sent = from(context);
    const source = normaliseAddress(sent) ?? sent;
    const { method, path } = context.req;
    if (!isLoopback(source) && !allowed(source)) {
      return refuse(path, source, 403, `Requests from ${source} may not read this: list the address in http.monitorAllow.`);
    }
    if (isForeign(context, hostNames)) {
      return refuse(
        path,
        source,
        403,
        "Web pages may not read this, and the Host must be an address of this box or a name in http.hostNames.",
      );
    }
    if (method !== "GET" && method !== "HEAD") {
      return refuse(path, source, 405, `Method ${method} is not supported: use GET.`, { Allow: "GET, HEAD" });
    }
    if (path !== "/healthz" && !granted(source, now())) {
      return refuse(path, source, 429, `Too many requests from ${source}: expected at most ${maxRate.perSecond} a second.`);
    }
    return await next();
  };
  for (const path of ["/healthz", "/readyz", "/metrics"]) app.use(path, guarded);
  app.get("/healthz", () => say(200, "text/plain", "ok"));
  app.get("/readyz", (context) => {
    const readiness = ready();
    const status = readiness.ready ? 200 : 503;
    return /text\/plain/.test(context.req.header("accept") ?? "")
      ? say(status, "text/plain; charset=utf-8", readyText(readiness))
      : say(status, "application/json", `${JSON.stringify(readiness, null, 2)}\n`);
  });
  app.get("/metrics", async (context) => {
    const format = formatFor(context.req.header("accept"));
    return say(200, contentTypes[format], await metrics(format), { Vary: "Accept" });
  });
  return app;
}

/** Whether a web page sent the request, or it names another host (a web page can make its own name point at this box). */
function isForeign({ req }: Context, hostNames: readonly string[]): boolean {
  const header = (name: string): string | undefined => req.header(name);
  const site = header("sec-fetch-site");
  return header("origin") !== undefined || header("referer") !== undefined || (site !== undefined && site !== "none") ||
    !isForThisBox({ header, authority: authorityOf(req.url) }, hostNames);
}
