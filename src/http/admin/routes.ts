/** Endpoints for the administrator's commands (`telesetd status`, `calls`, `outbox`, `dials`, `explain --desk`, `log`). */
import { type Context, Hono } from "hono";
import type { IncomingMessage } from "node:http";
import { type Levels, readLevel } from "../../log/level.ts";
import { noSuchEvent, type OutboxDesk, type Outcome } from "../../outbox/admin.ts";
import { Followers, followPath, maxFollowers, watchPath } from "./followers.ts";
import { jsonPages, upTo } from "./pages.ts";

/** The configuration in force. */
export interface ConfigInForce {
  /** The file that it was read from; absent if it comes from no file. */
  readonly file?: string;
  /** When it was read (ISO 8601). */
  readonly read: string;
  /** Its fingerprint. */
  readonly fingerprint: string;
  /** Where callouts are served. */
  readonly host: string;
  readonly port: number;
  /** The prefix of UWQ's URL. */
  readonly prefix?: string;
  /** The addresses that the driver connects to, as far as known. */
  readonly peers?: readonly string[];
}

/** The state that the endpoints read and change. */
export interface AdminOptions {
  readonly config: ConfigInForce;
  readonly status: () => unknown;
  readonly outbox: Pick<OutboxDesk, "pages" | "show" | "retry" | "retryAll" | "drop">;
  /** The calls in progress and on record. */
  readonly calls: {
    pages(query: { readonly desk?: string }): Iterable<readonly unknown[]>;
    /** Why there is nothing to list for this desk; undefined if it is known. */
    unknownDesk(desk: string): string | undefined;
    /** The call whose id starts with this. */
    find(start: string): { readonly call: unknown } | { readonly status: 404 | 409; readonly why: string };
  };
  /** The recorded dials, page by page, newest first. */
  readonly dials: () => Iterable<readonly unknown[]>;
  /** The page for Prometheus. */
  readonly metrics: () => string | Promise<string>;
  /** The outcome of a MakeCall at a desk now; undefined for an unknown desk. */
  readonly makeCall: (desk: string, dialString: string) => unknown;
  /** Passes the state to a function, now and after each change, until the function that it returns is called. */
  readonly watch: (options: { readonly masked: boolean }, send: (state: unknown) => void) => () => void;
  /** The log level; absent if it cannot be changed. */
  readonly levels?: Pick<Levels, "state" | "set" | "follow">;
}

/**
 * `GET /config`, `GET /status`, `GET /metrics`, `GET /calls?desk=EXTENSION&limit=N`, `GET /calls/ID`, `GET /dials?limit=N`,
 * `GET /dials/foreseen?desk=EXTENSION&dialString=NUMBER`, `GET /outbox?all=1&limit=N`,
 * `GET /outbox/ID`, `POST /outbox/ID/retry`, `POST /outbox/retry`, `POST /outbox/ID/drop`, `GET /log`,
 * `POST /log?level=LEVEL&seconds=N`, `GET /log/follow`, `GET /watch?numbers=1`.
 */
export function adminRoutes(options: AdminOptions, followers = new Followers()): Hono {
  const { config, status, calls, dials, makeCall } = options;
  const app = new Hono();
  app.get("/config", (context) => json(context, config));
  app.get("/status", async (context) => json(context, await status()));
  app.get("/calls", (context) => {
    const { desk, limit } = context.req.query();
    const unknown = desk === undefined ? undefined : calls.unknownDesk(desk);
    if (unknown !== undefined) return context.json({ error: unknown }, 404);
    return jsonPages(upTo(calls.pages(desk === undefined ? {} : { desk }), limitOf(limit)));
  });
  app.get("/calls/:id", (context) => {
    const found = calls.find(context.req.param("id"));
    return "call" in found ? json(context, found.call) : context.json({ error: found.why }, found.status);
  });
  app.get("/metrics", async (context) => json(context, await options.metrics()));
  app.get("/dials", (context) => jsonPages(upTo(dials(), limitOf(context.req.query("limit")))));
  app.get("/dials/foreseen", (context) => {
    const { desk = "", dialString = "" } = context.req.query();
    const decision = makeCall(desk, dialString);
    return decision === undefined
      ? context.json({ error: `This telesetd does not serve desk ${desk}.` }, 404)
      : json(context, decision);
  });
  addOutbox(app, options);
  addLog(app, options, followers);
  app.get(watchPath, (context) => {
    const masked = context.req.query("numbers") !== "1";
    return following(context, followers, (send) => options.watch({ masked }, send));
  });
  app.notFound((context) => context.json({ error: `telesetd does not serve ${context.req.method} ${context.req.path}.` }, 404));
  return app;
}

/** The number of rows that a request asks for; all of them if it names none. */
function limitOf(limit = ""): number {
  return /^\d+$/.test(limit) ? Number(limit) : Infinity;
}

function addOutbox(app: Hono, { outbox }: AdminOptions): void {
  const outcome = (context: Context, result: Outcome): Response =>
    "event" in result ? json(context, result.event) : context.json({ error: result.why }, result.status);
  const id = (context: Context): number => Number(context.req.param("id"));
  app.get("/outbox", (context) => {
    const { all, limit } = context.req.query();
    return jsonPages(upTo(outbox.pages(all === "1"), limitOf(limit)));
  });
  app.get("/outbox/:id", (context) => {
    const event = outbox.show(id(context));
    return event ? json(context, event) : context.json({ error: noSuchEvent }, 404);
  });
  app.post("/outbox/retry", async (context) => json(context, await outbox.retryAll()));
  app.post("/outbox/:id/retry", (context) => outcome(context, outbox.retry(id(context))));
  app.post("/outbox/:id/drop", (context) => outcome(context, outbox.drop(id(context))));
}

function addLog(app: Hono, { levels }: AdminOptions, followers: Followers): void {
  const fixed = { error: "The log level of this telesetd cannot be changed while it runs." };
  app.get("/log", (context) => levels ? json(context, levels.state()) : context.json(fixed, 404));
  app.get(followPath, (context) => {
    if (!levels) return context.json(fixed, 404);
    return following(
      context,
      followers,
      (send) => levels.follow((entry) => send({ at: new Date().toISOString(), ...entry })),
    );
  });
  app.post("/log", (context) => {
    const wanted = readLevel(context.req.query("level"), context.req.query("seconds"));
    if (typeof wanted === "string") return context.json({ error: wanted }, 400);
    return levels ? json(context, levels.set(wanted.level, wanted.seconds)) : context.json(fixed, 404);
  });
}

/** An answer that continues until the command ends. */
function following(context: Context, followers: Followers, follow: (send: (value: unknown) => void) => () => void): Response {
  const { incoming } = context.env as { readonly incoming?: IncomingMessage };
  const cut = (): void => void incoming?.socket.destroy();
  // The server keeps half-closed connections, but a follower that closes its side has left.
  incoming?.socket.once("end", cut);
  const tooMany = { error: `${maxFollowers} commands follow this telesetd already: end one of them.` };
  return followers.respond(follow, cut) ?? context.json(tooMany, 429);
}

function json(context: Context, value: unknown): Response {
  return context.json(value as never, 200, { "Cache-Control": "no-store" });
}
