/** HTTP route for callouts: guard, decode, submit, answer. The only file of the CRM side that uses hono. */
import { type Context, Hono } from "hono";
import { authorityOf, normaliseAddress, parseRanges } from "../platform/address.ts";
import type { Callout, CalloutName, RefusedCallout, Reply } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import { calloutName, decodeCallout, type Undecoded } from "./decode.ts";
import { type CalloutRequest, guard, type GuardOptions, type Refusal } from "./guard.ts";
import type { AnswerForm, ParameterAliases } from "./profile.ts";
import { readQuery } from "./query.ts";
import { refusal as refusalOf, replyTo, type WrittenReply } from "./reply.ts";
import { requestText } from "./redact.ts";
import { messageOf } from "../platform/text.ts";
import { remembered } from "../platform/remembered.ts";
import { omitUndefined } from "../core/omit-undefined.ts";

/** Settings and collaborators of the callout route. */
export interface CalloutOptions extends GuardOptions {
  /** Addresses and ranges that a Register from another address may name. */
  readonly registerAllow: readonly string[];
  /** The current extensions of this box. */
  readonly desks: () => readonly string[];
  /** Executes the callout; settles when the answer is known. */
  readonly submit: (callout: Callout) => Promise<Answered>;
  /** The answer to a CheckStatus from this address. */
  readonly checkStatus: (from: string) => Reply;
  /** Additional parameter names used by this site's UWQ. */
  readonly parameters: ParameterAliases;
  /** UWQ's port for a Register without a port. */
  readonly defaultPort?: number | undefined;
  /** The form of answers that this site's UWQ expects. */
  readonly answers: AnswerForm;
  readonly log: Log;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
  /** Counts the outcome of each request. */
  readonly counted?: CalloutCounts;
  /** Is given what the administrator looks for when a callout has no effect. */
  readonly refusals?: {
    note(refused: RefusedCallout): void;
    /** A callout was executed: an earlier refusal of the same kind is history. */
    accepted(callout: Callout, from: string): void;
  };
  /** The source address of a request. */
  readonly from: (context: Context) => string;
}

/** The reply to a callout; for a dial with the id of its call, for the log. */
export type Answered = Reply & { readonly call?: string };

/** Counters of callouts. `unknown`: a function that Oracle does not define. */
export interface CalloutCounts {
  callout(name: CalloutName | "unknown", result: "ok" | "error" | "refused" | "malformed"): void;
  /** A request refused before it counted as a callout: an HTTP status (RFC 9110, section 15). */
  refused(status: Refusal["status"] | 400 | 408 | 413 | 431 | 503): void;
}

/** Converts an answer for the HTTP server. */
export function responseOf({ status, headers, body }: WrittenReply): Response {
  return new Response(body, { status, headers });
}

/** The callouts of a site. */
export interface Callouts {
  /** Serves all of them. */
  readonly app: Hono;
  /** The answer to an accepted CheckStatus, the most frequent callout; undefined for anything else, which is for the app. */
  readonly atOnce: (request: CalloutRequest) => WrittenReply | undefined;
}

/**
 * Serves the callouts at the prefix, with or without a slash at the end. The status of every callout is 200 unless the site
 * sets another for Errors, whose body an old Java client may not read. A refused request gets 403, 404, 405, 414 or 429.
 * @throws Error if an entry of `allow` or `registerAllow` is not a range.
 */
export function callouts(options: CalloutOptions): Callouts {
  const { log, now, answers } = options;
  const refusal = guard(options);
  const { parameters, defaultPort } = options;
  const decoding = { aliases: parameters, defaultPort, addressAllowed: parseRanges(options.registerAllow) };
  const refuse = ({ from, query }: CalloutRequest, { status, why }: Refusal): Response => {
    options.counted?.refused(status);
    const name = calloutName(query, parameters);
    log.rarely(`refused ${from}`, maxRepeats).warning("Request refused", { from, status, function: name, why });
    if (name !== undefined) options.refusals?.note({ name, from, why });
    return traced(refusalOf(status, why, answers), { to: from }, log);
  };
  const undecoded = (decoded: Undecoded, from: string): Response => {
    const { name, refused, desk, agent } = decoded;
    const why = withoutNumber(name, decoded.why);
    options.counted?.callout(name ?? "unknown", refused ? "refused" : "malformed");
    const seldom = log.rarely(`malformed ${from}`, maxRepeats);
    if (refused) seldom.warning(`${name} refused`, { from, why });
    else seldom.warning("Malformed callout", { from, why });
    options.refusals?.note({ from, why, ...omitUndefined({ name, desk, agent }) });
    return traced(replyTo(name, decoded, answers), { to: from }, log);
  };
  const status = statusOf(options);
  const app = new Hono();
  app.all("*", async (context) => {
    const request = read(context, options);
    const { from, query } = request;
    if (log.tracing()) traceRequest(request, context, options);
    const refused = refusal(request, now());
    if (refused !== undefined) return refuse(request, refused);
    const decoded = decodeCallout(query, { ...decoding, from, desks: options.desks() });
    if (!decoded.ok) return undecoded(decoded, from);
    const { callout } = decoded;
    if (callout.name === "CheckStatus") return traced(status(from), { to: from }, log);
    return await execute(callout, from, options);
  });
  const isCheckStatus = remembered((query) => {
    const decoded = decodeCallout(query, { ...decoding, from: "", desks: [] });
    return decoded.ok && decoded.callout.name === "CheckStatus";
  });
  const atOnce = (request: CalloutRequest): WrittenReply | undefined => {
    // Other queries may contain a password, and are not remembered.
    if (log.tracing() || !/checkstatus/i.test(request.query) || !isCheckStatus(request.query)) return undefined;
    return refusal(request, now()) === undefined ? status(request.from) : undefined;
  };
  return { app, atOnce };
}

/** How often per hour the same problem of the same source is logged: it must not fill the journal. */
const maxRepeats = 5;

function traceRequest(request: CalloutRequest, context: Context, { log, prefix, parameters }: CalloutOptions): void {
  const desk = readQuery(request.query, parameters).get("telesetNumber");
  log.trace("Callout received", {
    desk: desk?.valid ? desk.value : undefined,
    from: request.from,
    ...requestText(request, context.req.header(), prefix, parameters),
  });
}

async function execute(callout: Callout, from: string, options: CalloutOptions): Promise<Response> {
  const { submit, log, counted, answers } = options;
  const reply = await submitted(callout, submit).catch((error: unknown) => internalError(callout.name, error, log));
  counted?.callout(callout.name, reply.ok ? "ok" : reply.refused ? "refused" : "error");
  noteOutcome(callout, reply, from, options);
  return traced(replyTo(callout.name, reply, answers), { desk: callout.desk, call: reply.call, to: from }, log);
}

/** Returns the function that answers a CheckStatus from an address. */
function statusOf({ checkStatus, log, counted, answers }: CalloutOptions): (from: string) => WrittenReply {
  const success = replyTo("CheckStatus", { ok: true }, answers);
  const failure = remembered((why) => replyTo("CheckStatus", { ok: false, why }, answers));
  const asked = (from: string): Reply => {
    try {
      return checkStatus(from);
    } catch (error) {
      return internalError("CheckStatus", error, log);
    }
  };
  return (from) => {
    const reply = asked(from);
    counted?.callout("CheckStatus", reply.ok ? "ok" : "error");
    log.debug("CheckStatus", { from, outcome: reply.ok ? "ok" : "error", why: reply.ok ? undefined : reply.why });
    return reply.ok ? success : failure(reply.why);
  };
}

function internalError(name: CalloutName, error: unknown, log: Log): Answered {
  log.rarely(`${name} failed`, maxRepeats).error(`${name}: internal error`, { error: messageOf(error) });
  // UnexpectedError is Oracle's name (E13402).
  const why = `UnexpectedError: internal error in telesetd during ${name}: try again; if it persists, tell the administrator.`;
  return { ok: false, why };
}

/** Logs the outcome of a callout; a refusal is also kept for the status. */
function noteOutcome(callout: Callout, reply: Answered, from: string, { log, refusals }: CalloutOptions): void {
  const { name, desk, agent } = callout;
  const why = reply.ok ? undefined : withoutNumber(name, reply.why);
  const fields = { desk, call: reply.call, agent, from, why };
  if (why === undefined) {
    refusals?.accepted(callout, from);
    return log.info(name, fields);
  }
  const refused = !reply.ok && reply.refused === true;
  // A dial that has failed is the desk's last dial in the status.
  if (refused || reply.call === undefined) refusals?.note({ name, desk, agent, from, why });
  // Repeated ones are logged rarely, except those of a dial.
  const seldom = reply.call === undefined ? log.rarely(`${name} ${desk} ${why}`, maxRepeats) : log;
  seldom.warning(`${name} ${refused ? "refused" : "failed"}`, fields);
}

/** The reason without the number that a dial names: it is the quoted text. */
function withoutNumber(name: CalloutName | undefined, why: string): string {
  return name === "MakeCall" || name === "DialCanonical" ? why.replace(/(?<!telesetNumber is )"[^"]*"/g, '"..."') : why;
}

/** Converts an answer for the HTTP server, and traces it. */
function traced(written: WrittenReply, about: Readonly<Record<string, string | undefined>>, log: Log): Response {
  if (log.tracing()) {
    const { status, headers, body } = written;
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("; ");
    log.trace("Callout answered", { ...about, status, headers: head, body });
  }
  return responseOf(written);
}

/** Turns an exception thrown by `submit` into a rejection. */
async function submitted(callout: Callout, submit: CalloutOptions["submit"]): Promise<Answered> {
  return await submit(callout);
}

function read(context: Context, { from }: CalloutOptions): CalloutRequest {
  const source = from(context);
  const { url, method } = context.req;
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
  const mark = target.indexOf("?");
  return {
    from: normaliseAddress(source) ?? source,
    method,
    authority: authorityOf(url),
    path: mark < 0 ? target : target.slice(0, mark),
    // A raw `#` is kept: nobody sends fragments, but UWQ may send a dial string such as *98# unencoded.
    query: mark < 0 ? "" : target.slice(mark + 1),
    header: (name) => context.req.header(name),
  };
}
