/**
 * The HTTP listener for callouts, the administrator and monitors. A plain TCP server in front of it enforces the connection
 * limits, because Bun's http.Server has none.
 */
import { getRequestListener } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { type Context, Hono } from "hono";
import { createServer as createHttpServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import { createServer as createTcpServer, Socket } from "node:net";
import type { BodyForm } from "../cctsdk/profile.ts";
import { refusal } from "../cctsdk/reply.ts";
import { type CalloutOptions, callouts, responseOf } from "../cctsdk/routes.ts";
import { addressText } from "../core/crm.ts";
import { type ConnectionLimits, Connections, turns } from "./connections.ts";
import { type AdminOptions, adminRoutes } from "./admin/routes.ts";
import { type MonitoringOptions, monitoringRoutes } from "./monitoring.ts";
import type { Log } from "../log/log.ts";
import { RequestLines } from "./request-line.ts";

/** Settings and collaborators of the listener. */
export interface HttpOptions {
  /** The address to listen on, such as `0.0.0.0` or `::`. */
  readonly host: string;
  /** The port to listen on; 0 lets the system choose. */
  readonly port: number;
  /** The maximum number of open connections; more get 503. */
  readonly connections: number;
  readonly callouts: Omit<CalloutOptions, "from">;
  readonly admin: Omit<AdminOptions, "from" | "hostNames">;
  readonly monitoring: Omit<MonitoringOptions, "from" | "hostNames" | "now">;
  readonly log: Log;
  /** Deadlines for tests; default: 10 s for a header, 30 s for an answer. */
  readonly deadlines?: Pick<ConnectionLimits, "headerMs" | "answerMs">;
}

/** An open listener. */
export interface Listener {
  /** The port that it listens on. */
  readonly port: number;
  /** Accepts no more connections, and waits at most 1 s for requests in progress or received in part. */
  drain(): Promise<void>;
  /** Drains unless done, then closes all connections within 1 s, during which the requests in progress must be answered. */
  stop(): Promise<void>;
}

/** The maximum number of bytes of a request header and of a request body. Callouts have no body; a small one is ignored. */
const maxHeaderBytes = 16_384;
const maxBodyBytes = 16_384;

/** How long `drain` waits for requests in progress, and `stop` for their answers to be received, in milliseconds. */
const drainMs = 1000;
const stopMs = 1000;

/** How often `drain` waits for connections already accepted by the system. */
const maxDrainTurns = 50;

/** Opens the listener. @throws Error with the reason and a remedy if it cannot listen. */
export async function openHttp(options: HttpOptions): Promise<Listener> {
  const deadlines = options.deadlines ?? { headerMs: 10_000, answerMs: 30_000 };
  const connections = new Connections({ connections: options.connections, ...deadlines }, {
    answer: (status, why) => wholeAnswer(status, why, options.callouts.answers),
    counted: (status) => options.callouts.counted?.refused(status),
  });
  const server = httpServer(site(options), connections, options);
  // Half open: a client may close its sending side after the request and still expect the answer.
  let accepted = 0;
  const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1;
    if (connections.accept(socket)) server.emit("connection", repairing(socket));
  });
  await new Promise<void>((resolve, reject) => {
    front.once("error", (error) => reject(cannotListen(options, error)));
    front.listen(options.port, options.host, resolve);
  });
  front.on("error", (error) => options.log.rarely("HTTP listener").error("HTTP listener failed", { error: error.message }));
  const bound = front.address();
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
    port: typeof bound === "object" && bound !== null ? bound.port : options.port,
    drain: () => drained ??= drain(),
    stop: async () => {
      await (drained ??= drain());
      await connections.stop(stopMs);
    },
  };
}

/** Makes the socket emit its data with repaired request lines. */
function repairing(socket: Socket): Socket {
  const lines = new RequestLines(maxHeaderBytes);
  const emit = socket.emit.bind(socket);
  return Object.assign(socket, {
    emit: (event: string, ...values: unknown[]): boolean => {
      const [data] = values;
      const bytes = event === "data" && data instanceof Buffer ? lines.through(data) : event === "end" ? lines.end() : undefined;
      if (bytes !== undefined && bytes.length > 0) emit("data", bytes);
      return event === "data" && bytes !== undefined ? bytes.length > 0 : emit(event, ...values);
    },
  });
}

/** All routes. The prefix applies to callouts only, not to `/healthz`, `/status`, `/metrics` and so on. */
function site(options: HttpOptions): Hono {
  const { log, callouts: { hostNames, now } } = options;
  const app = new Hono();
  app.route("/", adminRoutes({ ...options.admin, hostNames, from: source }));
  app.route("/", monitoringRoutes({ ...options.monitoring, hostNames, now, from: source }));
  app.route("/", callouts({ ...options.callouts, from: source }));
  app.onError((error) => {
    log.rarely("request failed").error("Request failed: internal error", { error: error.message });
    const why = "UnexpectedError: internal error in telesetd: try again; if it persists, tell the administrator.";
    return responseOf(refusal(500, why, options.callouts.answers));
  });
  return app;
}

function source(context: Context): string {
  return getConnInfo(context).remote.address ?? "";
}

function httpServer(app: Hono, connections: Connections, options: HttpOptions): Server {
  const { log, callouts: { counted } } = options;
  const listener = getRequestListener(app.fetch, {
    // For requests without a Host (HTTP/1.0).
    hostname: "localhost",
    overrideGlobalObjects: false,
    errorHandler: () => {
      counted?.refused(400);
      const why = "The request has an invalid URL or Host header: check the URL configured in UWQ.";
      return responseOf(refusal(400, why, options.callouts.answers));
    },
  });
  const server = createHttpServer({ maxHeaderSize: maxHeaderBytes, requireHostHeader: false }, (incoming, outgoing) => {
    const { socket } = incoming;
    connections.requestStarted(socket);
    outgoing.once("close", () => connections.requestEnded(socket));
    if (bodyTooLong(incoming)) {
      counted?.refused(413);
      const why = "The request has a body: send the parameters of a callout in the URL.";
      const { headers, body } = refusal(413, why, options.callouts.answers);
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
function wholeAnswer(status: number, why: string, form: BodyForm): string {
  const { headers, body } = refusal(status, why, form);
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`;
}

const reasons: Record<string, string> = {
  EADDRINUSE: "address in use: stop the other process (another telesetd?) or choose another http.port",
  EADDRNOTAVAIL: "this box has no such address: set http.host to one of its addresses, or to 0.0.0.0 for all",
  EACCES: "not permitted: set http.port to 1024 or above",
};

function cannotListen({ host, port }: HttpOptions, error: NodeJS.ErrnoException): Error {
  const place = addressText({ address: host, port });
  return new Error(`Cannot listen on ${place}: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error });
}
