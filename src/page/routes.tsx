/** @jsxImportSource hono/jsx */
/** The page of the box at `/ui/`: who may see it, its views, their live updates. Absent unless `http.page` is configured. */
import { type Context, Hono } from "hono";
import type { IncomingMessage } from "node:http";
import { addAssets } from "./assets.ts";
import { type GuardOptions, pageGuard, root } from "./guard.ts";
import { addChanges, Notices } from "./changes.ts";
import { DoctorRun } from "./doctor-run.ts";
import { Live, type LiveViews } from "./live.ts";
import { addLogin, addLogout, type LoginResult, sessionOf } from "./login.tsx";
import type { Sessions } from "./sessions.ts";
import type { PageSource } from "./source.ts";
import { Trace } from "./trace.ts";
import { addViews, liveViews, type ViewOptions } from "./views.tsx";
import { wireList, WireRow } from "./views/wire.tsx";

/** Settings and collaborators of the page. */
export interface PageOptions extends GuardOptions {
  /** The argon2id hash of its password. */
  readonly password: string;
  readonly source: PageSource;
  readonly sessions: Sessions;
  /** The maximum number of open pages with live updates. */
  readonly maxStreams: number;
  /** Counts an attempt to log in. */
  readonly loggedIn?: (result: LoginResult) => void;
}

/** The page. */
export interface Page {
  readonly app: Hono;
  /** Ends the live updates, so that the listener can stop. */
  end(): void;
}

/** The path of the live updates, and how long one request may last, in ms. */
export const livePath = `${root}live`;
export const maxLiveMs = 3_600_000;

/** Creates the page. @throws Error if an entry of `allow` is not a range. */
export function createPage(options: PageOptions): Page {
  const { source, log, sessions } = options;
  const { doctor, trace, parts, live } = livingParts(options);
  const notices = new Notices();
  const leave = source.follow(() => live.changed());
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
  const visit = (context: Context) => {
    const session = sessionOf(context, sessions);
    if (!session) throw new Error("a view without a session");
    return { session, notice: notices.take(session) };
  };
  addViews(app, { source, doctor, trace }, parts, visit);
  addChanges(app, {
    source,
    doctor,
    trace,
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
  const end = (): void => {
    leave();
    trace?.stop();
    live.end();
  };
  return { app, end };
}

/** What changes while the page is open, and its live updates. */
function livingParts({ source, maxStreams }: PageOptions): ViewOptions & { readonly parts: LiveViews; readonly live: Live } {
  const { tools, followLog } = source;
  const changed = (): void => live.changed();
  const doctor = tools && new DoctorRun(() => tools.doctor(), changed);
  const trace = tools && followLog && new Trace({
    follow: followLog,
    message: (entry) => tools.wireMessage(entry),
    added: (message) => live.append("wire", wireList, String(<WireRow message={message} />)),
    changed,
  });
  const parts = liveViews({ source, doctor, trace });
  const live: Live = new Live({ views: parts, maxStreams });
  return { source, doctor, trace, parts, live };
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
