/**
 * What the daemon tells and does for the box itself: status and outbox, to loopback only; its numbers and its state, to
 * those who watch it too. Never to a browser.
 */
import { type Context, Hono } from "hono";
import { authorityOf, hostAllowed, isLoopback, normaliseAddress, parseRanges } from "../platform/address.ts";
import { refused } from "../cctsdk/routes.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import { type Levels, readLevel } from "../log/level.ts";
import { contentTypes, type Format, formatFor } from "../metrics/exposition.ts";
import { type Readiness, readyText } from "../status/readiness.ts";
import { noSuchEvent, type OutboxDesk, type Outcome } from "../outbox/admin.ts";

/** What the routes speak to. */
export interface LocalOptions {
  readonly status: () => unknown;
  readonly outbox: Pick<OutboxDesk, "pages" | "show" | "retry" | "retryAll" | "drop">;
  /** The dials on record, page by page, the newest first. */
  readonly dials: () => Iterable<readonly unknown[]>;
  /** What a MakeCall at a desk would get now; nothing when the desk is not served. */
  readonly makeCall: (desk: string, dialString: string) => unknown;
  /** Addresses and ranges that may watch, besides this machine. */
  readonly monitorAllow: readonly string[];
  readonly ready: () => Readiness;
  readonly metrics: (format: Format) => string;
  /** The log's level; absent where it cannot be changed. */
  readonly levels?: Pick<Levels, "state" | "set">;
  /** Steady ms. */
  readonly now: () => number;
  /** Host names that a request may carry. */
  readonly hostNames: readonly string[];
  readonly from: (context: Context) => string;
}

/** How often one address may watch: more than any monitor does, and what a box can do beside its work. */
const watching: Rate = { perSecond: 5, burst: 30 };

/**
 * `GET /status`, `GET /dials`, `GET /dials/foreseen?desk=EXTENSION&dialString=NUMBER`, `GET /outbox?all=1&limit=N`, `GET /outbox/ID`, `POST /outbox/ID/retry`, `POST /outbox/retry`,
 * `POST /outbox/ID/drop`, `GET /log`, `POST /log?level=LEVEL&seconds=N`; for monitors `GET /healthz`, `GET /readyz` and `GET /metrics`.
 * @throws Error when `monitorAllow` holds what is no range.
 */
export function localRoutes(options: LocalOptions): Hono {
  const { status, outbox, dials, makeCall, from } = options;
  const app = new Hono();
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    if (isLoopback(from(context)) && !isForeign(context, options.hostNames)) return await next();
    return refused(403, "Only the box itself may read this: run telesetd status there.");
  };
  const json = (context: Context, value: unknown): Response => context.json(value as never, 200, { "Cache-Control": "no-store" });
  const outcome = (context: Context, result: Outcome): Response =>
    "event" in result ? json(context, result.event) : context.json({ error: result.why }, result.status);
  const id = (context: Context): number => Number(context.req.param("id"));
  for (const path of ["/status", "/dials", "/dials/*", "/outbox", "/outbox/*", "/log"]) app.use(path, guarded);
  app.get("/status", async (context) => json(context, await status()));
  app.get("/dials", () => pages(dials()));
  app.get("/dials/foreseen", (context) => {
    const { desk = "", dialString = "" } = context.req.query();
    const decision = makeCall(desk, dialString);
    return decision === undefined
      ? context.json({ error: `This telesetd does not serve desk ${desk}.` }, 404)
      : json(context, decision);
  });
  app.get("/outbox", (context) => {
    const { all, limit } = context.req.query();
    return pages(upTo(outbox.pages(all === "1"), /^\d+$/.test(limit ?? "") ? Number(limit) : Infinity));
  });
  app.get("/outbox/:id", (context) => {
    const event = outbox.show(id(context));
    return event ? json(context, event) : context.json({ error: noSuchEvent }, 404);
  });
  app.post("/outbox/retry", async (context) => json(context, await outbox.retryAll()));
  app.post("/outbox/:id/retry", (context) => outcome(context, outbox.retry(id(context))));
  app.post("/outbox/:id/drop", (context) => outcome(context, outbox.drop(id(context))));
  addLog(app, options, json);
  addWatched(app, options);
  return app;
}

/** The log's level. */
function addLog(app: Hono, { levels }: LocalOptions, json: (context: Context, value: unknown) => Response): void {
  const fixed = { error: "The log level of this telesetd cannot be changed while it runs." };
  app.get("/log", (context) => levels ? json(context, levels.state()) : context.json(fixed, 404));
  app.post("/log", (context) => {
    const wanted = readLevel(context.req.query("level"), context.req.query("seconds"));
    if (typeof wanted === "string") return context.json({ error: wanted }, 400);
    return levels ? json(context, levels.set(wanted.level, wanted.seconds)) : context.json(fixed, 404);
  });
}

/**
 * A list as one JSON array, sent page by page: it may be long, and the daemon's other work goes in between. A slow reader
 * gets the next page when there is room for it.
 */
function pages(all: Iterable<readonly unknown[]>): Response {
  const iterator = all[Symbol.iterator]();
  let before = "[";
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      const { value: page, done } = iterator.next();
      if (done === true) {
        controller.enqueue(encoder.encode(before === "[" ? "[]" : "]"));
        return controller.close();
      }
      for (const row of page) {
        controller.enqueue(encoder.encode(before + JSON.stringify(row)));
        before = ",";
      }
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } });
}

/** The first rows of a list. */
function* upTo(all: Iterable<readonly unknown[]>, limit: number): Generator<readonly unknown[]> {
  let left = limit;
  for (const page of all) {
    if (left <= 0) return;
    yield page.slice(0, left);
    left -= page.length;
  }
}

const encoder = new TextEncoder();

/** What a monitor reads, `/healthz` as often as it likes. Each answer ends its connection: those who watch take no place from those who work. */
function addWatched(app: Hono, options: LocalOptions): void {
  const { ready, metrics, from, hostNames, now } = options;
  const mayWatch = parseRanges(options.monitorAllow);
  const granted = rateLimit(watching);
  const say = (status: number, type: string, body: string, more: Record<string, string> = {}): Response =>
    new Response(body, { status, headers: { "Content-Type": type, "Cache-Control": "no-store", Connection: "close", ...more } });
  const refuse = (status: number, why: string, more?: Record<string, string>): Response =>
    say(status, "text/plain; charset=utf-8", `${why}\n`, more);
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    const sent = from(context);
    const source = normaliseAddress(sent) ?? sent;
    if (!isLoopback(source) && !mayWatch(source)) {
      return refuse(403, `Requests from ${source} may not read this: list the address in http.monitorAllow.`);
    }
    if (isForeign(context, hostNames)) {
      return refuse(403, "This is not told to web pages, nor under a name that is not in http.hostNames.");
    }
    const { method } = context.req;
    if (method !== "GET" && method !== "HEAD") {
      return refuse(405, `Method ${method} is not supported: use GET.`, { Allow: "GET, HEAD" });
    }
    if (context.req.path !== "/healthz" && !granted(source, now())) {
      return refuse(429, `Too many requests from ${source}: expected at most ${watching.perSecond} a second.`);
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
function isForeign(context: Context, hostNames: readonly string[]): boolean {
  const header = (name: string): string | undefined => context.req.header(name);
  const site = header("sec-fetch-site");
  const hosts = [header("host"), authorityOf(context.req.url)];
  return header("origin") !== undefined || header("referer") !== undefined ||
    !hosts.every((host) => hostAllowed(host, hostNames)) ||
    site !== undefined && site !== "none";
}
