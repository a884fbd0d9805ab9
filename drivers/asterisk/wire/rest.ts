/**
 * The REST half of ARI: one request, one answer, within a deadline. node:http is used because it takes no proxy from the
 * environment, unlike fetch (test/drivers/asterisk/wire/proxy.test.ts), and names the address that did not answer.
 */
import http from "node:http";
import https from "node:https";
import { type ConnectFailure, connectFailure } from "../../shared/connect-failure.ts";
import { deadline } from "../../shared/deadline.ts";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { readObject, textOf } from "./message.ts";
import { oneLine } from "../../../src/platform/text.ts";

/** How to reach ARI. Times in ms. */
export interface AriAddress {
  readonly host: string;
  readonly port: number;
  /** What precedes `/ari` in all paths. */
  readonly prefix: string;
  readonly tls: boolean;
  /** The certificates, in PEM, one of which must have signed that of the server; absent: those of the system. */
  readonly ca?: string | undefined;
  readonly user: string;
  readonly password: string;
}

/** What requests need besides the address. */
export interface RestOptions extends AriAddress {
  readonly commandMs: number;
  readonly log: Log;
  readonly timers: Timers;
}

/**
 * Why a request has no answer: no connection (`ConnectFailure`); `tls`: the server's certificate is not trusted, or it does not
 * speak TLS; `silent`: no answer in time; `broken`: an answer that is not HTTP, or ended early; `closed`: the link was closed.
 */
export type RestFailure = ConnectFailure | "tls" | "silent" | "broken" | "closed";

/** A request without an answer; its message is a clause for people. */
export class NoAnswer extends Error {
  /** @param sent whether the request may have been carried out. */
  constructor(readonly code: RestFailure, message: string, readonly sent: boolean) {
    super(message);
  }
}

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly ok: boolean;
  readonly text: string;
}

/** A request. */
export interface Asked {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/ari/`, each part encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** The longest answer that is read, in bytes: a list of thousands of channels has a few MB. */
const maxAnswerBytes = 32 * 1024 * 1024;

/** Open connections that are kept; Asterisk allows 100 sessions in all (`session_limit` of http.conf). */
const maxSockets = 8;

/** The `Authorization` header. */
export function basic({ user, password }: Pick<AriAddress, "user" | "password">): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** `host:port`, an IPv6 address in brackets. */
export function placeOf({ host, port }: Pick<AriAddress, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Why Asterisk refused a request, in its own words if it gives a reason. */
export function refusalOf({ status, text }: Answer): string {
  const fields = readObject(text);
  const words = oneLine(textOf(fields?.["message"]) || textOf(fields?.["error"])).slice(0, 120);
  return words === "" ? `${status}` : `${status}, ${words}`;
}

/** The requests of one connection to the switch. */
export class Rest {
  readonly #options: RestOptions;
  readonly #agent: http.Agent;
  readonly #open = new Set<(why: string) => void>();
  #closed: string | undefined;

  constructor(options: RestOptions) {
    this.#options = options;
    const { Agent } = options.tls ? https : http;
    this.#agent = new Agent({ keepAlive: true, maxSockets });
  }

  /** Asks what changes nothing. See `again`. */
  async get(path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.again({ method: "GET", path, query });
  }

  /** Sends what may be sent twice: a kept connection that the server has closed is replaced once. Rejects with NoAnswer. */
  async again(asked: Asked): Promise<Answer> {
    try {
      return await this.#send(asked, this.#agent);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
      return await this.#send(asked, false);
    }
  }

  /** Sends a command once, on a separate connection: whatever happens, it is never repeated. Rejects with NoAnswer. */
  async command(asked: Asked): Promise<Answer> {
    return await this.#send(asked, false);
  }

  /** Ends all requests and connections. */
  close(why: string): void {
    this.#closed ??= why;
    for (const end of this.#open) end(why);
    this.#agent.destroy();
  }

  #send(asked: Asked, agent: http.Agent | false): Promise<Answer> {
    if (this.#closed !== undefined) return Promise.reject(new NoAnswer("closed", this.#closed, false));
    const { host, port, tls, ca, commandMs, timers } = this.#options;
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = (tls ? https : http).request({
      host,
      port,
      agent,
      method: asked.method,
      path: `${this.#options.prefix}${pathOf(asked)}`,
      headers: {
        Authorization: basic(this.#options),
        ...(body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
      },
      ...(tls && ca !== undefined ? { ca } : {}),
    });
    const fail = (error: Error) => {
      reject(error);
      request.destroy();
    };
    const onClose = (why: string) => fail(new NoAnswer("closed", why, true));
    this.#open.add(onClose);
    const silent = `Asterisk at ${placeOf(this.#options)} did not answer within ${commandMs / 1000} s`;
    const cancel = deadline(timers, commandMs, () => fail(new NoAnswer("silent", silent, true)));
    request.on("response", (response) => this.#read(response, resolve, fail));
    request.on("error", (error: Error) => fail(this.#failure(error, request.reusedSocket)));
    request.end(body);
    return promise.finally(() => {
      cancel();
      this.#open.delete(onClose);
    }).then((answer) => {
      this.#trace(asked, answer);
      return answer;
    });
  }

  #read(response: http.IncomingMessage, resolve: (answer: Answer) => void, fail: (error: Error) => void): void {
    const { statusCode: status = 0 } = response;
    const chunks: Buffer[] = [];
    let size = 0;
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxAnswerBytes) return fail(this.#broken(`an answer of more than ${maxAnswerBytes} bytes`));
      chunks.push(chunk);
    });
    response.on("end", () => resolve({ status, ok: status >= 200 && status <= 299, text: Buffer.concat(chunks).toString() }));
    response.on("error", () => fail(this.#broken("an answer that ended early")));
    response.on("aborted", () => fail(this.#broken("an answer that ended early")));
  }

  #broken(what: string): NoAnswer {
    return new NoAnswer("broken", `Asterisk at ${placeOf(this.#options)} sent ${what}`, true);
  }

  #failure(error: NodeJS.ErrnoException, reused: boolean): Error {
    const { code = "", message } = error;
    const at = placeOf(this.#options);
    if (reused && (code === "ECONNRESET" || code === "EPIPE")) return new Stale("broken", `${at} closed the connection`, true);
    if (/CERT|SELF_SIGNED|UNABLE_TO_|SSL|TLS|ALTNAME/.test(code)) {
      return new NoAnswer(
        "tls",
        `no trusted TLS connection to ${at} (${code}): check line.ca, line.tls and the certificate`,
        false,
      );
    }
    if (error.syscall === "connect" || error.syscall === "getaddrinfo") {
      const peer = { name: "Asterisk", host: this.#options.host, port: this.#options.port };
      const failure = connectFailure(error, {
        ...peer,
        isRunning: "is Asterisk running, with its HTTP server",
        machine: "the switch",
      });
      return new NoAnswer(failure.code, failure.why, false);
    }
    if (code === "ECONNRESET" && this.#options.tls) {
      return new NoAnswer("tls", `${at} does not speak TLS: check line.tls and line.port`, true);
    }
    return new NoAnswer("broken", `the connection to Asterisk at ${at} failed (${code || oneLine(message).slice(0, 60)})`, true);
  }

  #trace({ method, path, query }: Asked, { status, text }: Answer): void {
    const { log } = this.#options;
    if (log.tracing()) {
      log.trace("from the switch", { request: `${method} ${path} ${JSON.stringify(query ?? {})}`, status, text });
    }
  }
}

/** A connection that was kept has turned out to be closed: the request was not answered, and may be sent again if it is a GET. */
class Stale extends NoAnswer {}

function pathOf({ path, query = {} }: Asked): string {
  const search = Object.entries(query).map(([name, value]) => `${name}=${encoded(value)}`).join("&");
  return `/ari/${path}${search === "" ? "" : `?${search}`}`;
}

/** What a query may contain is not encoded: Asterisk reads 4096 characters of a request's first line (http.c). */
export function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%24", "$").replaceAll("%2C", ",");
}
