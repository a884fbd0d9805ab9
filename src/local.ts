/**
 * What the daemon tells and does for the box itself: status and outbox, to loopback only; its numbers and its state, to
 * those who watch it too. Never to a browser.
 */
import { type Context, Hono } from "hono";
import { hostAllowed, isLoopback, normaliseAddress, parseRanges } from "./address.ts";
import { refused } from "./cctsdk/routes.ts";
import { type Rate, rateLimit } from "./cctsdk/rate.ts";
import { type Levels, wantedLevel } from "./levels.ts";
import { contentTypes, type Format, formatFor } from "./metrics/exposition.ts";
import { type Readiness, readyText } from "./readiness.ts";
import type { OutboxDesk } from "./outbox/desk.ts";

/** What the routes speak to. */
export interface LocalOptions {
  readonly status: () => unknown;
  readonly outbox: Pick<OutboxDesk, "list" | "show" | "retry" | "retryAll" | "drop">;
  /** The dials on record, the newest first. */
  readonly dials: () => unknown[];
  /** Addresses and ranges that may watch, besides this machine. */
  readonly monitors: readonly string[];
  readonly ready: () => Readiness;
  readonly metrics: (format: Format) => string;
  /** The log's level; absent where it cannot be changed. */
  readonly levels?: Pick<Levels, "state" | "set">;
  /** Steady ms. */
  readonly now: () => number;
  /** Host names that a request may carry. */
  readonly names: readonly string[];
  readonly from: (context: Context) => string;
}

/** How often one address may watch: more than any monitor does, and what a box can do beside its work. */
const watching: Rate = { perSecond: 5, burst: 30 };

/**
 * `GET /status`, `GET /dials`, `GET /outbox`, `GET /outbox/ID`, `POST /outbox/ID/retry`, `POST /outbox/retry`,
 * `POST /outbox/ID/drop`, `GET /log`, `POST /log?level=LEVEL&seconds=N`; for monitors `GET /healthz`, `GET /readyz` and `GET /metrics`.
 * @throws Error when `monitors` holds what is no range.
 */
export function localRoutes(options: LocalOptions): Hono {
  const { status, outbox, dials, from } = options;
  const app = new Hono();
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    if (isLoopback(from(context)) && !isForeign(context, options.names)) return await next();
    return refused(403, "This is told on the box itself only: run telesetd status there.");
  };
  const json = (context: Context, value: unknown): Response =>
    value === undefined
      ? context.json({ error: "There is no such event in the outbox: see telesetd outbox list --all" }, 404)
      : context.json(value as never, 200, { "Cache-Control": "no-store" });
  const id = (context: Context): number => Number(context.req.param("id"));
  for (const path of ["/status", "/dials", "/outbox", "/outbox/*", "/log"]) app.use(path, guarded);
  app.get("/status", async (context) => json(context, await status()));
  app.get("/dials", (context) => json(context, dials()));
  app.get("/outbox", (context) => json(context, outbox.list(context.req.query("all") === "1")));
  app.get("/outbox/:id", (context) => json(context, outbox.show(id(context))));
  app.post("/outbox/retry", (context) => json(context, { retried: outbox.retryAll() }));
  app.post("/outbox/:id/retry", (context) => json(context, outbox.retry(id(context))));
  app.post("/outbox/:id/drop", (context) => json(context, outbox.drop(id(context))));
  const { levels } = options;
  app.get("/log", (context) => json(context, levels?.state()));
  app.post("/log", (context) => {
    const wanted = wantedLevel(context.req.query("level"), context.req.query("seconds"));
    if (typeof wanted === "string") return context.json({ error: wanted }, 400);
    return json(context, levels?.set(wanted.level, wanted.seconds));
  });
  addWatched(app, options);
  return app;
}

/** What a monitor reads, `/healthz` as often as it likes. Each answer ends its connection: those who watch take no place from those who work. */
function addWatched(app: Hono, options: LocalOptions): void {
  const { ready, metrics, from, names, now } = options;
  const mayWatch = parseRanges(options.monitors);
  const granted = rateLimit(watching);
  const say = (status: number, type: string, body: string, more: Record<string, string> = {}): Response =>
    new Response(body, { status, headers: { "Content-Type": type, "Cache-Control": "no-store", Connection: "close", ...more } });
  const refuse = (status: number, why: string, more?: Record<string, string>): Response =>
    say(status, "text/plain; charset=utf-8", `${why}\n`, more);
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    const sent = from(context);
    const source = normaliseAddress(sent) ?? sent;
    if (!isLoopback(source) && !mayWatch(source)) {
      return refuse(403, `Requests from ${source} may not read this: list the address in http.monitors.`);
    }
    if (isForeign(context, names)) {
      return refuse(403, "This is not told to web pages, nor under a name that is not in http.names.");
    }
    const { method } = context.req;
    if (method !== "GET" && method !== "HEAD") {
      return refuse(405, `The method ${method} does nothing here: want GET.`, { Allow: "GET, HEAD" });
    }
    if (context.req.path !== "/healthz" && !granted(source, now())) {
      return refuse(429, `Too many requests from ${source}: want at most ${watching.perSecond} a second.`);
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
  app.get("/metrics", (context) => {
    const format = formatFor(context.req.header("accept"));
    return say(200, contentTypes[format], metrics(format), { Vary: "Accept" });
  });
}

/** A web page's request, or one by a name that is not ours (which a page can bend to this box). */
function isForeign(context: Context, names: readonly string[]): boolean {
  const header = (name: string): string | undefined => context.req.header(name);
  const site = header("sec-fetch-site");
  return header("origin") !== undefined || header("referer") !== undefined || !hostAllowed(header("host"), names) ||
    site !== undefined && site !== "none";
}
