/** @jsxImportSource hono/jsx */
/** The routes of the demo, on loopback: guarded as the box's page is, but without a password. */
import { type Context, Hono } from "hono";
import type { IncomingMessage } from "node:http";
import type { Log } from "../../../log/log.ts";
import { addAssets } from "../../../page/assets.ts";
import { pageGuard, root } from "../../../page/guard.ts";
import { Live } from "../../../page/live.ts";
import script from "./assets/demo.js" with { type: "text" };
import style from "./assets/demo.css" with { type: "text" };
import type { Town } from "./town.ts";
import { DemoPage, liveParts, viewName } from "./views.tsx";

/** The maximum number of open pages. */
const maxStreams = 8;

/** The page. */
export interface DemoApp {
  readonly app: Hono;
  /** Something may have changed. */
  changed(): void;
  /** Ends the live updates. */
  end(): void;
}

/** Creates the page. `from`: the address of a request. */
export function demoApp(town: Town, log: Log, from: (context: Context) => string): DemoApp {
  const parts = liveParts(town);
  const live = new Live({ views: { [viewName]: parts }, maxStreams });
  const leave = town.box.follow(() => live.changed());
  const token = crypto.randomUUID();
  const app = new Hono();
  app.use("*", pageGuard({ allow: ["127.0.0.0/8", "::1/128"], hostNames: [], from, now: () => performance.now(), log }));
  app.use("*", async (context, next) => {
    await next();
    if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
  });
  addAssets(app);
  const files = {
    style: addFile(app, "demo.css", "text/css", style),
    script: addFile(app, "demo.js", "text/javascript", script),
  };
  app.get("/", (context) => context.redirect(root));
  app.get(root, (context) => context.html(<DemoPage parts={parts} token={token} files={files} />));
  app.get(`${root}session`, (context) => context.text("ok\n"));
  app.get(`${root}live`, (context) => {
    const { incoming } = context.env as { readonly incoming?: IncomingMessage };
    const cut = (): void => void incoming?.socket.destroy();
    // The server keeps half-closed connections, but a browser that closes its side has left.
    incoming?.socket.once("end", cut);
    return live.respond(context.req.query("view") ?? "", () => true, cut) ?? context.text("Too many pages are open.\n", 503);
  });
  app.post(`${root}do/:what/:id?`, async (context) => {
    const { token: given } = await context.req.parseBody();
    if (given !== token) return context.text("The form is not from this page: load the page again.\n", 403);
    await town.act(context.req.param("what"), context.req.param("id") ?? "");
    return context.redirect(root, 303);
  });
  app.notFound((context) => context.text("The demo has nothing here.\n", 404));
  app.onError((error, context) => {
    log.error("The demo failed", { path: context.req.path, error: error.message });
    return context.text("Internal error in the demo.\n", 500);
  });
  const end = (): void => {
    leave();
    live.end();
  };
  return { app, changed: () => live.changed(), end };
}

/** Serves a file. @returns its URL. */
function addFile(app: Hono, name: string, type: string, text: string): string {
  const headers = { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache" };
  app.get(`${root}assets/${name}`, () => new Response(text, { headers }));
  return `${root}assets/${name}`;
}
