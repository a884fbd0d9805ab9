/** An HTTP server for a hono app. A plain server in front enforces the connection limits, because Bun's http.Server has none. */
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { createServer as createHttpServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import { createServer, type ListenOptions, type Server as SocketServer, Socket } from "node:net";
import { type ConnectionLimits, Connections, turns } from "./connections.ts";
import type { Log } from "../log/log.ts";

/** Settings and collaborators of a server. */
export interface ServerOptions {
  /** The name of the server in the log. */
  readonly name: string;
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
  /** Wraps a socket before HTTP is read from it. */
  readonly wrapped?: (socket: Socket) => Socket;
  readonly log: Log;
}

/** The statuses of requests that do not reach the app. */
export type RefusedStatus = 400 | 405 | 408 | 413 | 431 | 503;

/** A server. */
export interface HttpServer {
  /** The plain server, to listen with. */
  readonly front: SocketServer;
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
  const { wrapped = (socket) => socket } = options;
  // Half open: a client may close its sending side after the request and still expect the answer.
  let accepted = 0;
  const front = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1;
    if (connections.accept(socket)) server.emit("connection", wrapped(socket));
  });
  let drained: Promise<void> | undefined;
  const drain = async () => {
    // The system may have accepted connections that we have not seen yet; closing now would reset them without an answer. So
    // close only after a wait that has brought no new ones.
    for (let turn = 0, before = -1; turn < maxDrainTurns && before !== accepted; turn++) {
      before = accepted;
      await turns();
    }
    front.close();
    await connections.drain(drainMs);
  };
  return {
    front,
    drain: () => drained ??= drain(),
    stop: async () => {
      await (drained ??= drain());
      await connections.stop(stopMs);
    },
  };
}

/** Listens; later errors of the listening socket go to the log. Rejects if it cannot. */
export async function listen({ front }: HttpServer, where: ListenOptions, { name, log }: ServerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    front.once("error", reject);
    front.listen(where, resolve);
  });
  front.on("error", (error) => log.rarely(name).error(`${name} failed`, { error: error.message }));
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
    const { socket } = incoming;
    connections.requestStarted(socket, answerMsOf?.(incoming.url ?? ""));
    outgoing.once("close", () => connections.requestEnded(socket));
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
    if (socket instanceof Socket) connections.reject(socket, 405, "This is not a proxy: use GET.");
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    log.debug("Bad request", { error: error.message });
    if (!(socket instanceof Socket)) return;
    if (error.code === "HPE_HEADER_OVERFLOW") connections.reject(socket, 431, "The request header is too long.");
    else connections.reject(socket, 400, notHttp(error.code));
  });
  return server;
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
