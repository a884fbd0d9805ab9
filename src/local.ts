/** What the daemon tells and does for the box itself: status and outbox. Served to loopback only, never to a browser. */
import { type Context, Hono } from "hono";
import { hostAllowed, isLoopback } from "./address.ts";
import { answer } from "./cctsdk/routes.ts";
import type { OutboxDesk } from "./outbox/desk.ts";

/** What the routes speak to. */
export interface LocalOptions {
  readonly status: () => unknown;
  readonly outbox: Pick<OutboxDesk, "list" | "show" | "retry" | "retryAll" | "drop">;
  /** The dials on record, the newest first. */
  readonly dials: () => unknown[];
  /** Host names that a request may carry. */
  readonly names: readonly string[];
  readonly from: (context: Context) => string;
}

/** `GET /status`, `GET /dials`, `GET /outbox`, `GET /outbox/ID`, `POST /outbox/ID/retry`, `POST /outbox/retry`, `POST /outbox/ID/drop`. */
export function localRoutes({ status, outbox, dials, names, from }: LocalOptions): Hono {
  const app = new Hono();
  const guarded = async (context: Context, next: () => Promise<void>): Promise<Response | void> => {
    const browser = context.req.header("origin") ?? context.req.header("referer");
    if (isLoopback(from(context)) && hostAllowed(context.req.header("host"), names) && browser === undefined) return await next();
    return answer({ ok: false, why: "This is told on the box itself only: run telesetd status there." }, 403);
  };
  const json = (context: Context, value: unknown): Response =>
    value === undefined
      ? context.json({ error: "There is no such event in the outbox: see telesetd outbox list --all" }, 404)
      : context.json(value as never, 200, { "Cache-Control": "no-store" });
  const id = (context: Context): number => Number(context.req.param("id"));
  for (const path of ["/status", "/dials", "/outbox", "/outbox/*"]) app.use(path, guarded);
  app.get("/status", async (context) => json(context, await status()));
  app.get("/dials", (context) => json(context, dials()));
  app.get("/outbox", (context) => json(context, outbox.list(context.req.query("all") === "1")));
  app.get("/outbox/:id", (context) => json(context, outbox.show(id(context))));
  app.post("/outbox/retry", (context) => json(context, { retried: outbox.retryAll() }));
  app.post("/outbox/:id/retry", (context) => json(context, outbox.retry(id(context))));
  app.post("/outbox/:id/drop", (context) => json(context, outbox.drop(id(context))));
  return app;
}
