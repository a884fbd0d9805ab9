/**
 * An HTTP server for a hono app. Bun's socket server in front enforces the connection limits, because Bun's http.Server has
 * none, and answers some plain requests at once.
 */
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { createServer as createHttpServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import { Connection, ConnectionStream } from "./connection.ts";
import { type ConnectionLimits, Connections, turns } from "./connections.ts";
import type { Log } from "../log/log.ts";
import { normaliseAddress } from "../platform/address.ts";
import { type PlainAnswer, type PlainRequest, readPlain, writePlain } from "./plain.ts";
import type { RequestLines } from "./request-line.ts";

/** Settings and collaborators of a server. */
export interface ServerOptions {
  readonly app: Hono;
  readonly limits: ConnectionLimits;
  /** The deadline of the answer to a path, in ms, where it is not that of the limits. */
  readonly answerMsOf?: (path: string) => number | undefined;
  /** The answer to a request that the app does not get to see. */
  readonly refusal: (
    status: number,
    why: string,
  ) => { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Counts the requests that the app does not get to see. */
  readonly counted?: (status: RefusedStatus) => void;
  /** The filter for the bytes of a new connection. */
  readonly lines?: () => RequestLines;
  /** The answer to a plain request that needs no waiting, for a source address; undefined: it is for the app. */
  readonly atOnce?: (request: PlainRequest, from: string) => PlainAnswer | undefined;
  readonly log: Log;
}

/** The statuses of requests that do not reach the app. */
export type RefusedStatus = 400 | 405 | 408 | 413 | 431 | 503;

/** A server. */
export interface HttpServer {
  /** Listens; returns the port, if it has one. @throws Error with the system's code if it cannot. */
  listen(where: { readonly hostname: string; readonly port: number } | { readonly unix: string }): number | undefined;
  /** Accepts no more connections, and waits at most 1 s for requests in progress or received in part. */
  drain(): Promise<void>;
  /** Drains unless done, then closes all connections within 1 s, during which the requests in progress must be answered. */
  stop(): Promise<void>;
}

/** The maximum number of bytes of a request header and of a request body. No request needs a body; a small one is ignored. */
export const maxHeaderBytes = 16_384;
const maxBodyBytes = 16_384;

/** How long `drain` waits for requests in progress, and `stop` for their answers to be received, in milliseconds. */
const drainMs = 1000;
const stopMs = 1000;

/** How often `drain` waits for connections already accepted by the system. */
const maxDrainTurns = 50;

/** Creates a server, which does not listen yet. */
export function createServerFor(options: ServerOptions): HttpServer {
  const connections = new Connections(options.limits, {
    answer: (status, why) => wholeAnswer(status, options.refusal(status, why)),
    counted: (status) => options.counted?.(status),
  });
  const server = httpServer(connections, options);
  let accepted = 0;
  let listener: Bun.SocketListener<Client> | undefined;
  const open = (socket: Bun.Socket<Client>): void => {
    accepted += 1;
    socket.setNoDelay(true);
    const from = normaliseAddress(socket.remoteAddress ?? "");
    const connection = new Connection(socket, from, (stream) => void server.emit("connection", stream));
    socket.data = { connection, lines: options.lines?.() };
    connections.accept(connection);
  };
  let drained: Promise<void> | undefined;
  const drain = async () => {
    // The system may have accepted connections that we have not seen yet; closing now would reset them without an answer. So
    // close only after a wait that has brought no new ones.
    for (let turn = 0, before = -1; turn < maxDrainTurns && before !== accepted; turn++) {
      before = accepted;
      await turns();
    }
    listener?.stop();
    await connections.drain(drainMs);
  };
  return {
    listen: (where) => {
      // Half open: a client may close its sending side after the request and still expect the answer.
      const how = { allowHalfOpen: true, socket: { open, ...handlers(connections, options) } };
      const bound = "unix" in where ? Bun.listen<Client>({ ...where, ...how }) : Bun.listen<Client>({ ...where, ...how });
      listener = bound;
      return "port" in bound ? bound.port : undefined;
    },
    drain: () => drained ??= drain(),
    stop: async () => {
      await (drained ??= drain());
      await connections.stop(stopMs);
    },
  };
}

/** The parts of a connection. */
interface Client {
  readonly connection: Connection;
  readonly lines: RequestLines | undefined;
  /** The last request that was answered at once: most clients repeat it. */
  last?: { readonly text: string; readonly request: PlainRequest };
}

/** What happens on a connection that is open. */
function handlers(connections: Connections, { atOnce, log }: ServerOptions): Bun.SocketHandler<Client> {
  const answered = (client: Client, bytes: Buffer): boolean => {
    const { connection, last } = client;
    const text = bytes.toString("latin1");
    const request = last?.text === text ? last.request : readPlain(text);
    const answer = request && atOnce?.(request, connection.from ?? "");
    if (request === undefined || answer === undefined) return false;
    client.last = { text, request };
    const { isLast } = request;
    if (connection.send(writePlain(answer, isLast), () => connections.requestEnded(connection))) {
      connections.answered(connection, isLast);
    } else {
      connection.isLast = isLast;
      connections.requestStarted(connection);
    }
    return true;
  };
  return {
    data: ({ data: client }, bytes) => {
      const { connection, lines } = client;
      // Whatever follows the last answer is read, so that the close does not become a reset (RFC 9112 section 9.6).
      if (!connection.writable) return;
      const isStart = connection.isBetweenRequests && lines?.isBetweenRequests !== false;
      connection.bytesRead += bytes.length;
      if (isStart && atOnce && answered(client, bytes)) return;
      const passed = lines === undefined ? bytes : lines.through(bytes);
      if (passed.length > 0) connection.pass(passed);
    },
    drain: ({ data }) => data.connection.drained(),
    end: ({ data: { connection, lines } }) => {
      const passed = lines?.end();
      if (passed && passed.length > 0) connection.pass(passed);
      connection.peerEnded();
    },
    // Also after a reset by the peer, which is harmless.
    close: ({ data: { connection } }) => {
      connections.closed(connection);
      connection.closed();
    },
    error: ({ data: { connection } }, error) => {
      log.rarely("connection failed").error("A connection failed: internal error", { error: error.message });
      connection.destroy();
    },
  };
}

function httpServer(connections: Connections, { app, log, refusal, counted, answerMsOf }: ServerOptions): Server {
  const listener = getRequestListener(app.fetch, {
    // For requests without a Host (HTTP/1.0).
    hostname: "localhost",
    overrideGlobalObjects: false,
    errorHandler: () => {
      counted?.(400);
      const { headers, body } = refusal(400, "The request has an invalid URL or Host header: check the URL configured in UWQ.");
      return new Response(body, { status: 400, headers });
    },
  });
  const server = createHttpServer({ maxHeaderSize: maxHeaderBytes, requireHostHeader: false }, (incoming, outgoing) => {
    const connection = connectionOf(incoming.socket);
    if (connection) {
      connections.requestStarted(connection, answerMsOf?.(incoming.url ?? ""));
      outgoing.once("close", () => connections.requestEnded(connection));
    }
    if (bodyTooLong(incoming)) {
      counted?.(413);
      const { headers, body } = refusal(413, "The request has a body: send the parameters of a callout in the URL.");
      outgoing.writeHead(413, { ...headers, Connection: "close" }).end(body);
    } else {
      void listener(incoming, outgoing);
    }
  });
  // Without this a client that closes its sending side gets no answer. Node's own option, missing from its types.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("connect", (_request, socket) => {
    const connection = connectionOf(socket);
    if (connection) connections.reject(connection, 405, "This is not a proxy: use GET.");
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    log.debug("Bad request", { error: error.message });
    const connection = connectionOf(socket);
    if (connection === undefined) return;
    if (error.code === "HPE_HEADER_OVERFLOW") connections.reject(connection, 431, "The request header is too long.");
    else connections.reject(connection, 400, notHttp(error.code));
  });
  return server;
}

function connectionOf(socket: unknown): Connection | undefined {
  return socket instanceof ConnectionStream ? socket.connection : undefined;
}

function bodyTooLong({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > maxBodyBytes;
}

/** HPE_INVALID_URL and HPE_INVALID_CONSTANT (llhttp) mean a malformed request line. */
function notHttp(code: string | undefined): string {
  if (code !== "HPE_INVALID_URL" && code !== "HPE_INVALID_CONSTANT") return "The request is not HTTP: use GET.";
  return "The request line is malformed: expected GET URL HTTP/1.1, with a URL that starts with / or ? and has no control characters.";
}

/** A complete HTTP answer, for a connection without a request object. */
function wholeAnswer(status: number, { headers, body }: ReturnType<ServerOptions["refusal"]>): string {
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`;
}
