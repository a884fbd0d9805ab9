/**
 * The way to the CRM: one POST for one event, over a connection of its own. A connection that was used before may be gone at
 * the moment of sending, and then nobody knows whether the CRM got the event; a new one is either made or not.
 */
import { connect } from "node:net";
import { type Address, addressText, type Crm, type CrmEvent, type Delivery } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import { codeOf } from "../platform/connect-error.ts";
import { AnswerReader } from "./answer.ts";
import { decodeAnswer } from "./decode.ts";
import { type Dropped, encodeEvent } from "./encode.ts";
import { type EventForm, statusText, writeXml } from "./profile.ts";

/** How events are posted, in a form that the configuration has accepted, and by when. */
export interface ClientOptions extends EventForm {
  /** The deadline of the whole exchange, answer included, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** How many events are remembered as warned about. */
const remembered = 256;

/** What is known of an exchange when it ends, by itself or by its deadline. */
interface Exchange {
  /** Whether the connection was made: from then on the CRM may have got the event. */
  readonly reached: boolean;
  readonly answer: AnswerReader;
  /** Why there is no answer, or no whole one. */
  readonly trouble: string;
}

/**
 * Posts events over node:net: without the JIT a request of node:http costs four times as much as all that is said here, and
 * fetch takes a proxy from the environment. No redirect is followed.
 */
export function httpCrm(options: ClientOptions): Crm {
  const warn = warnings(options.log);
  return {
    async deliver(event, to, signal, desk) {
      const { xml, dropped } = encodeEvent(event);
      const body = writeXml(xml, options);
      warn(event, dropped, desk);
      const place = addressText(to);
      const about = { desk, call: event.call === "" ? undefined : event.call, to: place };
      const request = wholeRequest(body, to, options);
      tracePost(options, about, request, body);
      const seen = await exchange(request, to, signal, options.timeoutMs);
      traceAnswer(options, about, seen);
      return judged(seen, place, options.delivered);
    },
  };
}

type About = Readonly<Record<string, string | undefined>>;

function tracePost({ log }: ClientOptions, about: About, request: string, body: string): void {
  if (!log.tracing()) return;
  const head = request.slice(0, request.indexOf("\r\n\r\n"));
  log.trace("event posted", { ...about, request: head.replace(secretHeader, "$1: ***"), body });
}

/** The headers of crm.headers whose values are secrets, by their names. */
const secretHeader = /^([^:\r\n]*(?:authorization|cookie|token|secret|password|key)[^:\r\n]*):[^\r\n]*/gim;

function traceAnswer({ log }: ClientOptions, about: About, { answer: { status, head, body }, trouble }: Exchange): void {
  if (!log.tracing()) return;
  const answer = head.replace(/^(set-cookie\s*:)[^\r\n]*/gim, "$1 ***");
  log.trace("event answered", { ...about, status, ...(status === undefined ? { trouble } : {}), answer, body });
}

/** The bytes of the POST. */
function wholeRequest(body: string, { address, port }: Address, { path, contentType, headers }: EventForm): string {
  // Without the zone of a link-local address, which means nothing to the other side (RFC 6874).
  const host = addressText({ address: address.replace(/%.*/, ""), port });
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** Does the exchange; ends when it is over, its deadline is, or the signal says so. */
function exchange(request: string, to: Address, signal: AbortSignal, timeoutMs: number): Promise<Exchange> {
  return new Promise((resolve) => {
    const answer = new AnswerReader();
    if (signal.aborted) return resolve({ reached: false, answer, trouble: reasonOf(signal) });
    let reached = false;
    const socket = connect({ host: to.address, port: to.port, noDelay: true });
    const end = (trouble: string): void => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", stop);
      resolve({ reached, answer, trouble: answer.trouble ?? trouble });
      socket.destroy();
    };
    const stop = (): void => end(reasonOf(signal));
    const deadline = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    signal.addEventListener("abort", stop);
    socket.once("connect", () => {
      reached = true;
      socket.write(request);
    });
    socket.on("data", (bytes: Buffer) => {
      if (answer.take(bytes)) end("");
    });
    // Listened to for ever: destroying a connection may still make it complain.
    socket.on("error", (error) => end(unreached[codeOf(error) ?? ""] ?? error.message));
    // After the last of the answer, or without one.
    socket.on("close", () => end("the connection was closed"));
  });
}

/** Why an exchange was aborted. */
function reasonOf({ reason }: AbortSignal): string {
  return typeof reason === "string" ? reason : "telesetd is stopping";
}

/** What the system's own words would hide. */
const unreached: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "no machine answers at that address: is the PC on?",
  ENETUNREACH: "the box has no way to that network",
};

/**
 * What an answer means for its event: confirmed, as the site has it in `crm.delivered`; to be tried again, where the next
 * try may end otherwise (RFC 9110 section 15); else refused, until somebody changes something.
 */
function judged(
  { reached, answer: { status, body }, trouble }: Exchange,
  place: string,
  delivered: EventForm["delivered"],
): Delivery {
  if (status === undefined) {
    return { outcome: "retry", why: `${reached ? "No answer from" : "Cannot reach"} the CRM at ${place}: ${trouble}`, reached };
  }
  if (delivered.some(({ from, to }) => status >= from && status <= to)) {
    const error = decodeAnswer(body);
    return error === undefined ? { outcome: "done" } : { outcome: "done", note: `the CRM answered with an Error: ${error}` };
  }
  const again = status === 408 || status === 425 || status === 429 || status < 200 || status > 499;
  const why = `The CRM at ${place} answered with status ${status}: expected ${statusText(delivered)}`;
  return { outcome: again ? "retry" : "refused", why, reached };
}

/** Warns about what was left out of an event, once for each event, however often it is posted. */
function warnings(log: Log): (event: CrmEvent, dropped: readonly Dropped[], desk: string | undefined) => void {
  const warned = new Set<string>();
  return (event, dropped, desk) => {
    const key = `${event.name} ${event.call}`;
    if (dropped.length === 0 || warned.has(key)) return;
    for (const { name, why } of dropped) log.warning(`${event.name}: ${name} is left out`, { desk, call: event.call, why });
    warned.add(key);
    const [oldest] = warned;
    if (warned.size > remembered && oldest !== undefined) warned.delete(oldest);
  };
}
