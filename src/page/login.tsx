/** @jsxImportSource hono/jsx */
/** Logging in and out of the page. Guessing is limited by address, and for all addresses together. */
import type { Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { count } from "../core/count.ts";
import type { Log } from "../log/log.ts";
import { Lockout } from "../platform/lockout.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import { type GuardOptions, root, sourceOf } from "./guard.ts";
import { type Session, sessionMs, type Sessions } from "./sessions.ts";
import { Document } from "./views/document.tsx";

/** What logging in needs. */
export interface LoginOptions extends Pick<GuardOptions, "from" | "now"> {
  readonly sessions: Sessions;
  /** Whether the password is right. */
  readonly verify: (password: string) => Promise<boolean>;
  readonly log: Log;
  /** What the page is about, a sentence; default: that of a box. */
  readonly about?: string;
  /** Counts an attempt. */
  readonly counted?: (result: LoginResult) => void;
}

/** The result of an attempt to log in: `locked` means that the password was not looked at. */
export type LoginResult = "ok" | "wrong" | "locked";

/** Named after the port that the browser sees: another box may listen on another port of the host, and gets all its cookies. */
function cookieOf({ req }: Context): string {
  const [, port = ""] = /:(\d+)$/.exec(req.header("host") ?? "") ?? [];
  return `telesetd_session_${port}`;
}

/** How often all addresses together may try: a check of a password costs a small box 50 ms of its processor. */
const maxTries: Rate = { perSecond: 1, burst: 10 };

/** The maximum number of characters of a password, so that hashing stays cheap. */
const maxPassword = 256;

/** The session of a request; undefined if nobody has logged in. */
export function sessionOf(context: Context, sessions: Sessions): Session | undefined {
  return sessions.find(getCookie(context, cookieOf(context)));
}

/** `GET` and `POST /ui/login`. */
export function addLogin(app: Hono, options: LoginOptions): void {
  const { sessions, log } = options;
  const enter = limited(options);
  app.get(`${root}login`, (context) => {
    const to = target(context.req.query("to"));
    return sessionOf(context, sessions) ? context.redirect(to, 303) : context.html(<LoginPage to={to} about={options.about} />);
  });
  app.post(`${root}login`, async (context) => {
    const form = await context.req.parseBody();
    const [to, password] = [target(form["to"]), form["password"]];
    const source = sourceOf(context, options);
    const { result, why } = await enter(source, typeof password === "string" ? password.slice(0, maxPassword) : "");
    options.counted?.(result);
    if (result !== "ok") {
      log.rarely(`page login ${source}`, 5).warning("Log-in to the page refused", { from: source, why });
      return context.html(<LoginPage to={to} about={options.about} why={why} />, result === "locked" ? 429 : 401);
    }
    log.info("Log-in to the page", { from: source });
    // Behind TLS the browser must not send it without.
    const secure = context.req.header("origin")?.startsWith("https:") === true;
    setCookie(context, cookieOf(context), sessions.open().id, {
      path: root,
      httpOnly: true,
      sameSite: "Strict",
      secure,
      maxAge: sessionMs / 1000,
    });
    return context.redirect(to, 303);
  });
}

/** `POST /ui/logout`, for a session. */
export function addLogout(app: Hono, sessions: Sessions): void {
  app.post(`${root}logout`, (context) => {
    const session = sessionOf(context, sessions);
    if (session) sessions.close(session);
    deleteCookie(context, cookieOf(context), { path: root });
    return context.redirect(`${root}login`, 303);
  });
}

/** Verifies passwords one at a time, with both limits. */
function limited(
  { verify, now }: LoginOptions,
): (source: string, password: string) => Promise<{ result: LoginResult; why: string }> {
  const lockout = new Lockout(now);
  const granted = rateLimit(maxTries);
  let turn: Promise<unknown> = Promise.resolve();
  const attempt = async (source: string, password: string): Promise<{ result: LoginResult; why: string }> => {
    const locked = lockout.locked(source);
    if (locked) return { result: "locked", why: `Too many wrong passwords: try again in ${count(locked.minutes, "minute")}.` };
    if (!granted("", now())) return { result: "locked", why: "Too many attempts to log in: try again in a few seconds." };
    if (await verify(password)) {
      lockout.forget(source);
      return { result: "ok", why: "" };
    }
    lockout.note(source);
    return { result: "wrong", why: "The password is wrong." };
  };
  return (source, password) => {
    const attempted = turn.then(() => attempt(source, password));
    turn = attempted.catch(() => {});
    return attempted;
  };
}

/** Where to go after the log-in: only a path of the page itself. */
function target(given: unknown): string {
  return typeof given === "string" && /^\/ui\/[a-z/]*[A-Za-z0-9-]*$/.test(given) ? given : root;
}

const aboutBox = "The page of this box: its calls, its state, and what to do when something is wrong.";

const LoginPage = (
  { to, about = aboutBox, why }: { readonly to: string; readonly about?: string | undefined; readonly why?: string },
) => (
  <Document title="Log in">
    <main class="login">
      <form method="post" action={`${root}login`} class="card">
        <h1>telesetd</h1>
        <p class="quiet">{about}</p>
        <input type="hidden" name="to" value={to} />
        {/* For managers of passwords. */}
        <input type="text" name="user" value="telesetd" autocomplete="username" hidden />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby="why"
        />
        <p id="why" class="wrong" role="alert">{why ?? ""}</p>
        <button type="submit" class="primary">Log in</button>
      </form>
    </main>
  </Document>
);
