/**
 * The way to the CRM: one POST for one event, over a connection of its own. A connection that was used before may be gone at
 * the moment of sending, and then nobody knows whether the CRM got the event; a new one is either made or not.
 */
import { type IncomingMessage, request } from "node:http";
import type { Crm, CrmEvent, Delivery, Registration } from "../core/crm.ts";
import type { Log } from "../log.ts";
import { decodeAnswer } from "./decode.ts";
import { type Dropped, encodeEvent } from "./encode.ts";

/** How events are posted. */
export interface ClientOptions {
  /** The path of the POST; starts with `/`. */
  readonly path: string;
  readonly contentType: string;
  /** The deadline of the whole exchange, answer included, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

/** How much of an answer is read, in bytes; what the CRM has to say fits in a few hundred. */
export const longestAnswer = 65_536;

/** How many events are remembered as warned about. */
const remembered = 256;

/** What is known of an exchange when it ends, by itself or by its deadline. */
interface Exchange {
  /** Whether the connection was made: from then on the CRM may have got the event. */
  reached: boolean;
  /** The status of the answer, once its header is complete: the CRM has decided, whatever becomes of the body. */
  status?: number;
  body: string;
}

/** Posts events with node:http, which (unlike fetch) takes no proxy from the environment, and follows no redirect. */
export function httpCrm(options: ClientOptions): Crm {
  const warn = warnings(options.log);
  return {
    async deliver(event, to, signal, desk) {
      const { xml, dropped } = encodeEvent(event);
      warn(event, dropped, desk);
      const place = to.address.includes(":") ? `[${to.address}]:${to.port}` : `${to.address}:${to.port}`;
      const about = { desk, call: event.call === "" ? undefined : event.call, to: place };
      tracePost(options, about, xml);
      const delivery = await exchange(xml, to, signal, options).then(
        ({ seen, trouble }) => {
          traceAnswer(options, about, seen, trouble);
          return judged(seen, trouble, place);
        },
        // node:http refuses some options (a bad header, a bad path) with an exception: nothing has left the box then.
        (error: unknown): Delivery => ({ outcome: "refused", why: `Cannot post to ${place}: ${text(error)}`, reached: false }),
      );
      return delivery;
    },
  };
}

type About = Readonly<Record<string, string | undefined>>;

function tracePost({ log, path, contentType }: ClientOptions, about: About, body: string): void {
  if (log.tracing()) log.trace("event posted", { ...about, request: `POST ${path}`, contentType, body });
}

function traceAnswer({ log }: ClientOptions, about: About, { status, body }: Exchange, trouble: string): void {
  if (log.tracing()) log.trace("event answered", { ...about, status, ...(status === undefined ? { trouble } : {}), body });
}

/** Does the exchange; ends when it is over, its deadline is, or the signal says so. `trouble` is why there is no answer. */
function exchange(xml: string, to: Registration, signal: AbortSignal, options: ClientOptions) {
  return new Promise<{ seen: Exchange; trouble: string }>((resolve) => {
    const seen: Exchange = { reached: false, body: "" };
    if (signal.aborted) return resolve({ seen, trouble: "telesetd is stopping" });
    const posting = request({
      host: to.address,
      port: to.port,
      path: options.path,
      method: "POST",
      agent: false,
      headers: {
        // Without the zone of a link-local address, which means nothing to the other side (RFC 6874).
        Host: to.address.includes(":") ? `[${to.address.replace(/%.*/, "")}]:${to.port}` : `${to.address}:${to.port}`,
        "Content-Type": options.contentType,
        "Content-Length": new TextEncoder().encode(xml).length,
      },
    });
    const end = (trouble: string): void => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", stop);
      resolve({ seen, trouble });
      posting.destroy();
    };
    const stop = (): void => end("telesetd is stopping");
    const deadline = setTimeout(() => end(`no answer within ${options.timeoutMs / 1000} s`), options.timeoutMs);
    signal.addEventListener("abort", stop);
    posting.on("socket", (socket) => socket.once("connect", () => seen.reached = true));
    posting.on("response", (response) => collect(response, seen, end));
    // Listened to for ever: destroying a request may still make it complain.
    posting.on("error", (error) => end(text(error)));
    // After the last of the answer, or without one.
    posting.on("close", () => end("the connection was closed"));
    posting.end(xml);
  });
}

function collect(response: IncomingMessage, seen: Exchange, end: (trouble: string) => void): void {
  const decoder = new TextDecoder();
  let room = longestAnswer;
  seen.status = response.statusCode ?? 0;
  response.on("data", (chunk: Uint8Array) => {
    seen.body += decoder.decode(chunk.subarray(0, room), { stream: true });
    room -= chunk.length;
    if (room < 0) end("the answer is endless");
  });
}

/** RFC 9110 section 15. What may be different next time is tried again; a refusal is one until somebody mends something. */
function judged({ reached, status, body }: Exchange, trouble: string, place: string): Delivery {
  if (status === undefined) {
    return { outcome: "retry", why: `${reached ? "No answer from" : "Cannot reach"} the CRM at ${place}: ${trouble}`, reached };
  }
  if (status >= 200 && status < 300) {
    const error = decodeAnswer(body);
    return error === undefined ? { outcome: "done" } : { outcome: "done", note: `the CRM answered with an Error: ${error}` };
  }
  const again = status === 408 || status === 425 || status === 429 || status < 300 || status > 499;
  return { outcome: again ? "retry" : "refused", why: `The CRM at ${place} answered with status ${status}: want 200`, reached };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
