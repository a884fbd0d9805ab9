/** What every page of telesetd has: who may see it, the log-in, the files, the live updates. Its views are added by others. */
import { type Context, Hono } from "hono";
import type { IncomingMessage } from "node:http";
import { addAssets } from "./assets.ts";
import { Notices } from "./changes.ts";
import { type GuardOptions, pageGuard, root } from "./guard.ts";
import type { Live } from "./live.ts";
import { livePath } from "./live-path.ts";
import { addLogin, addLogout, type LoginResult, sessionOf } from "./login.tsx";
import type { Session, Sessions } from "./sessions.ts";

/** Settings and collaborators of a site. */
export interface SiteOptions extends GuardOptions {
  /** The argon2id hash of its password. */
  readonly password: string;
  readonly sessions: Sessions;
  /** What the page is about, a sentence for the log-in; default: that of a box. */
  readonly about?: string;
  /** Counts an attempt to log in. */
  readonly loggedIn?: (result: LoginResult) => void;
}

/** What every view knows about its request. */
export interface Visit {
  readonly session: Session;
  /** What has just been done, once. */
  readonly notice?: string | undefined;
}

/** What the views use. */
export interface SiteTools {
  /** The session of a request to a view, which exists. */
  visit(context: Context): Visit;
  /** Leaves a notice for the next view of the session. */
  say(context: Context, text: string): void;
}

/** Creates the routes. @param add adds the views, behind the log-in. @throws Error if an entry of `allow` is not a range. */
export function createSite(options: SiteOptions, live: Live, add: (app: Hono, tools: SiteTools) => void): Hono {
  const { log, sessions } = options;
  const notices = new Notices();
  const app = new Hono();
  app.use(`${root}*`, pageGuard(options));
  app.use(`${root}*`, async (context, next) => {
    await next();
    // As with the monitors, idle connections are left to UWQ.
    if (context.req.path !== livePath) context.res.headers.set("Connection", "close");
    if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
  });
  addAssets(app);
  const verify = (password: string) => Bun.password.verify(password, options.password).catch(() => false);
  addLogin(app, { ...options, sessions, verify, counted: (result) => options.loggedIn?.(result) });
  app.use(`${root}*`, async (context, next) => {
    const session = sessionOf(context, sessions);
    if (!session) return refuseStranger(context);
    if (context.req.method === "POST" && !await hasToken(context, session.token)) {
      return context.text("The form is not from this session: load the page again.\n", 403);
    }
    return await next();
  });
  app.get(`${root}session`, (context) => context.text("ok\n"));
  addLogout(app, sessions);
  addLive(app, live, sessions);
  add(app, {
    visit: (context) => {
      const session = sessionOf(context, sessions);
      if (!session) throw new Error("a view without a session");
      return { session, notice: notices.take(session) };
    },
    say: (context, text) => {
      const session = sessionOf(context, sessions);
      if (session) notices.leave(session, text);
    },
  });
  app.all("/ui", (context) => context.redirect(root, 308));
  app.all(`${root}*`, (context) => context.text("The page has nothing here.\n", 404));
  app.onError((error, context) => {
    log.rarely("page failed").error("The page failed: internal error", { path: context.req.path, error: error.message });
    return context.text("Internal error in telesetd: journalctl -u telesetd has the reason.\n", 500);
  });
  return app;
}

/** A person gets the log-in; a script does not. */
function refuseStranger(context: Context): Response {
  const { method, path } = context.req;
  if (!(context.req.header("accept") ?? "").includes("text/html")) return context.text("Log in first.\n", 401);
  const to = method === "GET" && path !== root ? `?to=${encodeURIComponent(path)}` : "";
  return context.redirect(`${root}login${to}`, 303);
}

async function hasToken(context: Context, token: string): Promise<boolean> {
  const { token: given } = await context.req.parseBody();
  if (typeof given !== "string") return false;
  const [sent, expected] = [Buffer.from(given), Buffer.from(token)];
  return sent.length === expected.length && crypto.timingSafeEqual(sent, expected);
}

function addLive(app: Hono, live: Live, sessions: Sessions): void {
  app.get(livePath, (context) => {
    const id = sessionOf(context, sessions)?.id;
    const { incoming } = context.env as { readonly incoming?: IncomingMessage };
    const cut = (): void => void incoming?.socket.destroy();
    // The server keeps half-closed connections, but a browser that closes its side has left.
    incoming?.socket.once("end", cut);
    return live.respond(context.req.query("view") ?? "", () => sessions.find(id) !== undefined, cut) ??
      context.text("Too many pages are open.\n", 503);
  });
}
