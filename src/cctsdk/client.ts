/**
 * Delivery to the CRM: one POST per event, each over its own connection. If a reused connection breaks during sending, it is
 * unknown whether the CRM received the event; a new connection is either established or not.
 */
import { type Address, addressText, type Crm, type CrmEvent, type Delivery, type Expected } from "../core/crm.ts";
import type { Log } from "../log/log.ts";
import { AnswerReader } from "./answer.ts";
import { Connections } from "./connections.ts";
import { decodeAnswer } from "./decode.ts";
import { type Dropped, encodeEvent } from "./encode.ts";
import { type EventForm, statusText, writeXml } from "./profile.ts";
import { unreachable } from "./unreachable.ts";
import { omitUndefined } from "../core/omit-undefined.ts";

/** How events are posted; validated by the configuration. */
export interface ClientOptions extends EventForm {
  /** Deadline of the whole exchange, answer included, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether a connection is made as soon as an event is expected. */
  readonly connectAhead: boolean;
  readonly log: Log;
}

/** The CRM over HTTP. */
export interface HttpCrm extends Crm {
  /** Makes a connection ahead of the event, or closes it. */
  expect(expected: Expected): void;
  /** Closes the connections that were made ahead. */
  close(): void;
}

/** The maximum number of events remembered as already warned about. */
const maxWarnedEvents = 256;

/** The outcome of an exchange. */
interface Exchange {
  /** Whether the request was sent: from then on the CRM may have received the event. */
  readonly reached: boolean;
  readonly answer: AnswerReader;
  /** Why the answer is missing or incomplete. */
  readonly trouble: string;
  /** The error's code if the connection failed, `ETIMEDOUT` at the deadline. */
  readonly code?: string;
}

/**
 * Posts events over plain TCP: without the JIT, node:http costs ten times as much, and fetch would use a proxy from the
 * environment. Redirects are not followed.
 */
export function httpCrm(options: ClientOptions): HttpCrm {
  const warn = warnings(options.log);
  const connections = new Connections(options.connectAhead, options.log);
  return {
    expect: ({ call, to, soon }) => soon ? connections.to(to).expect(call) : connections.to(to).expectNoMore(call),
    close: () => connections.close(),
    async deliver(event, to, signal, desk) {
      const { xml, dropped } = encodeEvent(event);
      const body = writeXml(xml, options);
      warn(event, dropped, desk);
      const place = addressText(to);
      const about = { desk, call: event.call === "" ? undefined : event.call, to: place };
      const request = wholeRequest(body, to, options);
      tracePost(options, about, request, body);
      const seen = await exchange({ event, request, to, signal, timeoutMs: options.timeoutMs }, connections);
      traceAnswer(options, about, seen);
      return deliveryOf(seen, to, options);
    },
  };
}

type About = Readonly<Record<string, string | undefined>>;

function tracePost({ log }: ClientOptions, about: About, request: string, body: string): void {
  if (!log.tracing()) return;
  const head = request.slice(0, request.indexOf("\r\n\r\n"));
  log.trace("Event posted", { ...about, request: head.replace(secretHeader, "$1: ***"), body });
}

/** Matches headers of crm.headers whose names suggest that the value is secret. */
const secretHeader = /^([^:\r\n]*(?:authorization|cookie|token|secret|password|key)[^:\r\n]*):[^\r\n]*/gim;

function traceAnswer({ log }: ClientOptions, about: About, { answer: { status, head, body }, trouble }: Exchange): void {
  if (!log.tracing()) return;
  const answer = head.replace(/^(set-cookie\s*:)[^\r\n]*/gim, "$1 ***");
  log.trace("Event answered", { ...about, status, ...(status === undefined ? { trouble } : {}), answer, body });
}

/** The bytes of the POST. */
function wholeRequest(body: string, { address, port }: Address, { path, contentType, headers }: EventForm): string {
  // Without the zone of a link-local address, which is meaningless to the peer (RFC 6874).
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

/** What is posted, where, and until when. */
interface Post {
  readonly event: CrmEvent;
  readonly request: string;
  readonly to: Address;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Sends the request and reads the answer, until complete, past the deadline, or aborted. */
function exchange({ event, request, to, signal, timeoutMs }: Post, connections: Connections): Promise<Exchange> {
  return new Promise((resolve) => {
    const answer = new AnswerReader();
    if (signal.aborted) return resolve({ reached: false, answer, trouble: reasonOf(signal) });
    const place = connections.to(to);
    let reached = false;
    const end = (trouble: string, code?: string): void => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", stop);
      connection.close();
      if (reached && answer.status === undefined && !signal.aborted) place.unanswered(connection);
      resolve({ reached, answer, trouble: answer.trouble ?? trouble, ...omitUndefined({ code }) });
    };
    const stop = (): void => end(reasonOf(signal));
    const deadline = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`, "ETIMEDOUT"), timeoutMs);
    signal.addEventListener("abort", stop);
    const connection = place.post(event, request, {
      sent: () => {
        reached = true;
        place.prepare();
      },
      received: (bytes) => {
        if (answer.take(bytes)) end("");
      },
      // The end of an answer without a length, or a lost connection.
      closed: end,
    });
  });
}

/** Why an exchange was aborted. */
function reasonOf({ reason }: AbortSignal): string {
  return typeof reason === "string" ? reason : "telesetd is stopping";
}

/**
 * The outcome for the event: confirmed if the status is in `crm.delivered`; retried if another attempt may succeed
 * (RFC 9110 section 15); otherwise refused.
 */
function deliveryOf(
  { reached, answer: { status, body }, trouble, code }: Exchange,
  to: Address,
  options: ClientOptions,
): Delivery {
  const { delivered, timeoutMs } = options;
  const place = addressText(to);
  if (status === undefined) {
    if (!reached && code !== undefined) return { outcome: "retry", reached, ...unreachable(code, to, timeoutMs) };
    const why = `${reached ? "No answer from" : "Cannot reach"} the CRM at ${place}: ${trouble}`;
    return { outcome: "retry", why, reached };
  }
  if (delivered.some(({ from, to }) => status >= from && status <= to)) {
    const error = decodeAnswer(body);
    return error === undefined ? { outcome: "done" } : { outcome: "done", note: `the CRM answered with an Error: ${error}` };
  }
  const again = status === 408 || status === 425 || status === 429 || status < 200 || status > 499;
  const why = `The CRM at ${place} answered with status ${status}: expected ${statusText(delivered)}`;
  return { outcome: again ? "retry" : "refused", why, reached };
}

/** Warns about values omitted from an event, once per event however often it is posted. */
function warnings(log: Log): (event: CrmEvent, dropped: readonly Dropped[], desk: string | undefined) => void {
  const warned = new Set<string>();
  return (event, dropped, desk) => {
    const key = `${event.name} ${event.call}`;
    if (dropped.length === 0 || warned.has(key)) return;
    for (const { name, why } of dropped) log.warning(`${event.name}: ${name} is omitted`, { desk, call: event.call, why });
    warned.add(key);
    const [oldest] = warned;
    if (warned.size > maxWarnedEvents && oldest !== undefined) warned.delete(oldest);
  };
}
