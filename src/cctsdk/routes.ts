/**
 * The callouts over HTTP: guard, decode, submit, answer. The only file of the CRM side with hono.
 */
import { type Context, Hono } from "hono";
import { authorityOf, normaliseAddress, parseRanges } from "../platform/address.ts";
import type { Callout, CalloutName, CheckStatus, Reply } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import { decodeCallout } from "./decode.ts";
import { type Asked, guard, type GuardOptions, type Refusal } from "./guard.ts";
import { type AnswerForm, defaultAnswers, type ParameterAliases } from "./profile.ts";
import { readQuery } from "./query.ts";
import { refusal as refusalOf, replyTo, type WrittenReply } from "./reply.ts";
import { requestText } from "./redact.ts";

/** What the callouts need to know and whom they speak to. */
export interface CalloutOptions extends GuardOptions {
  /** Addresses and ranges that a Register may name although it comes from another address. */
  readonly crmAllow: readonly string[];
  /** The extensions of this box, as they are now. */
  readonly desks: () => readonly string[];
  /** Does what the callout asks; the promise settles when the answer is known. */
  readonly submit: (callout: Callout | CheckStatus) => Promise<Answered>;
  /** Further names that this site's UWQ gives to parameters. */
  readonly parameters: ParameterAliases;
  /** The port of UWQ for a Register that names none. */
  readonly defaultPort?: number | undefined;
  /** How this site's UWQ expects answers. */
  readonly answers: AnswerForm;
  readonly log: Log;
  /** The time in milliseconds, never going back. */
  readonly now: () => number;
  /** Hears what became of each request, for those who count. */
  readonly counted?: CalloutCounts;
  /** The source address of a request. */
  readonly from: (context: Context) => string;
}

/** What became of a callout; a dial's with the id of its call, for the log. */
export type Answered = Reply & { readonly call?: string };

/** What can be counted of callouts. `unknown`: a function that Oracle does not have. */
export interface CalloutCounts {
  callout(name: CalloutName | "unknown", result: "ok" | "error" | "malformed"): void;
  /** A request that was turned away before it counted as a callout: an HTTP status (RFC 9110, section 15). */
  refused(status: Refusal["status"] | 400 | 408 | 413 | 431 | 503): void;
}

/** A refusal with an Error body in the default form: for what is not the CRM's. */
export function refused(status: number, why: string): Response {
  return responseOf(refusalOf(status, why, defaultAnswers));
}

/** A written answer for the HTTP server. */
export function responseOf({ status, headers, body }: WrittenReply): Response {
  return new Response(body, { status, headers });
}

/**
 * Serves the callouts at the prefix, with or without a slash at the end. Whatever becomes of a callout, the status is 200
 * unless the site sets another: an old Java client may not read the body of another. Before a request is one, it gets 403,
 * 404, 405, 414 or 429.
 * @throws Error when `allow` or `crmAllow` holds what is no range.
 */
export function callouts(options: CalloutOptions): Hono {
  const { log, now, answers } = options;
  const refusal = guard(options);
  const { parameters, defaultPort } = options;
  const decoding = { aliases: parameters, defaultPort, addressAllowed: parseRanges(options.crmAllow) };
  const turnAway = (asked: Asked, { status, why }: Refusal): Response => {
    options.counted?.refused(status);
    log.rarely(`refused ${asked.from}`, repeats).warning("request refused", { from: asked.from, status, why });
    return traced(refusalOf(status, why, answers), { to: asked.from }, log);
  };
  const app = new Hono();
  app.all("*", async (context) => {
    const asked = read(context, options);
    if (log.tracing()) traceRequest(asked, context, options);
    const refused = refusal(asked, now());
    if (refused !== undefined) return turnAway(asked, refused);
    const decoded = decodeCallout(asked.query, { ...decoding, from: asked.from, desks: options.desks() });
    if (!decoded.ok) {
      options.counted?.callout(decoded.name ?? "unknown", "malformed");
      log.rarely(`malformed ${asked.from}`, repeats).info("callout not understood", { from: asked.from, why: decoded.why });
      return traced(replyTo(decoded.name, decoded, answers), { to: asked.from }, log);
    }
    return await done(decoded.callout, asked.from, options);
  });
  return app;
}

/** How often in an hour the same source's same trouble is written: it must not fill the journal. */
const repeats = 5;

function traceRequest(asked: Asked, context: Context, { log, prefix, parameters }: CalloutOptions): void {
  const named = readQuery(asked.query, parameters).get("telesetNumber");
  log.trace("callout received", {
    desk: named?.sound ? named.value : undefined,
    from: asked.from,
    ...requestText(asked, context.req.header(), prefix, parameters),
  });
}

async function done(callout: Callout | CheckStatus, from: string, options: CalloutOptions): Promise<Response> {
  const { submit, log, counted, answers } = options;
  const reply = await submitted(callout, submit).catch((error: unknown): Answered => {
    log.rarely(`${callout.name} failed`, repeats).error(`${callout.name} failed inside`, {
      error: error instanceof Error ? error.message : String(error),
    });
    // The name in front is Oracle's (E13402).
    return {
      ok: false,
      why:
        `UnexpectedError: internal error in telesetd during ${callout.name}: try again; if it persists, tell the administrator.`,
    };
  });
  counted?.callout(callout.name, reply.ok ? "ok" : "error");
  const outcome = reply.ok ? { outcome: "ok" } : { outcome: "error", why: reply.why };
  if (callout.name === "CheckStatus") log.debug("CheckStatus", { from, ...outcome });
  else {
    // What is refused again and again is said now and then; a dial is a fact of its own.
    const again = reply.ok || reply.call !== undefined
      ? log
      : log.rarely(`${callout.name} ${callout.desk} ${reply.why}`, repeats);
    again.info(callout.name, { desk: callout.desk, call: reply.call, agent: callout.agent, from, ...outcome });
  }
  const about = callout.name === "CheckStatus" ? {} : { desk: callout.desk, call: reply.call };
  return traced(replyTo(callout.name, reply, answers), { ...about, to: from }, log);
}

/** The answer for the HTTP server; on trace it is logged as it goes over the wire. */
function traced(written: WrittenReply, about: Readonly<Record<string, string | undefined>>, log: Log): Response {
  if (log.tracing()) {
    const { status, headers, body } = written;
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("; ");
    log.trace("callout answered", { ...about, status, headers: head, body });
  }
  return responseOf(written);
}

/** Makes an exception of `submit` itself a rejection like any other. */
async function submitted(callout: Callout | CheckStatus, submit: CalloutOptions["submit"]): Promise<Answered> {
  return await submit(callout);
}

function read(context: Context, { from }: CalloutOptions): Asked {
  const source = from(context);
  const { url, method } = context.req;
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
  const mark = target.indexOf("?");
  return {
    from: normaliseAddress(source) ?? source,
    method,
    authority: authorityOf(url),
    path: mark < 0 ? target : target.slice(0, mark),
    // A raw `#` is kept: nobody sends fragments, but UWQ may send a dial string such as *98# as it is.
    query: mark < 0 ? "" : target.slice(mark + 1),
    header: (name) => context.req.header(name),
  };
}
