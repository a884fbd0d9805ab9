/**
 * The HTTP listener: callouts, and what is for the box itself and its monitors. A plain TCP server stands in front and counts and times the
 * connections, because Bun's http.Server keeps no cap and no deadline on its own.
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
import { type LocalOptions, localRoutes } from "./monitoring.ts";
import type { Log } from "../log/log.ts";
import { RequestLines } from "./request-line.ts";

/** What the listener needs. */
export interface HttpOptions {
  /** The address to listen on, such as `0.0.0.0` or `::`. */
  readonly host: string;
  /** The port to listen on; 0 lets the system choose one. */
  readonly port: number;
  /** Open connections; more are turned away with 503. */
  readonly connections: number;
  readonly callouts: Omit<CalloutOptions, "from">;
  /** What is told and done for the box itself. */
  readonly local: Omit<LocalOptions, "from" | "hostNames" | "now">;
  readonly log: Log;
  /** Other deadlines than 10 s for a header and 30 s for an answer: for tests. */
  readonly deadlines?: Pick<ConnectionLimits, "headerMs" | "answerMs">;
}

/** An open listener. */
export interface Listener {
  /** The port that it listens on. */
  readonly port: number;
  /** Takes no more connections, and waits at most 1 s for requests in work and for such as have come by half. */
  drain(): Promise<void>;
  /** Drains, unless that is done; then closes all connections, at most 1 s later. Every request in work must be answered then. */
  stop(): Promise<void>;
}

/** The longest request header and the longest request body, in bytes. No callout has a body; a small one is ignored. */
const longestHeader = 16_384;
const longestBody = 16_384;

/** How long `drain` waits for requests in work, and `stop` for their answers to be taken, in milliseconds each. */
const drainMs = 1000;
const stopMs = 1000;

/** How many times `drain` waits for connections that the system has accepted. */
const drainTurns = 50;

/** Opens the listener. @throws Error that says why it cannot listen and what to do. */
export async function openHttp(options: HttpOptions): Promise<Listener> {
  const deadlines = options.deadlines ?? { headerMs: 10_000, answerMs: 30_000 };
  const connections = new Connections({ connections: options.connections, ...deadlines }, {
    words: (status, why) => wholeAnswer(status, why, options.callouts.answers),
    counted: (status) => options.callouts.counted?.refused(status),
  });
  const server = httpServer(site(options), connections, options);
  // Half open: a client may close its sending side when it has asked, and still wants the answer.
  let accepted = 0;
  const front = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1;
    if (connections.admit(socket)) server.emit("connection", repairing(socket));
  });
  await new Promise<void>((resolve, reject) => {
    front.once("error", (error) => reject(cannotListen(options, error)));
    front.listen(options.port, options.host, resolve);
  });
  front.on("error", (error) => options.log.rarely("HTTP listener").error("HTTP listener", { error: error.message }));
  const bound = front.address();
  let drained: Promise<void> | undefined;
  const drain = async () => {
    // The system has accepted connections that we have not seen yet: closed now, they would be reset without an answer. Under
    // load there are new ones after each turn, so the listener is closed after a short turn that has brought none.
    for (let turn = 0, before = -1; turn < drainTurns && before !== accepted; turn++) {
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

/** The socket, whose data reaches its reader with repaired request lines. */
function repairing(socket: Socket): Socket {
  const lines = new RequestLines(longestHeader);
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

/** What is served where. `/healthz`, `/status`, `/metrics` and their like do not stand behind the prefix: they are for the box, not for UWQ. */
function site(options: HttpOptions): Hono {
  const { log, callouts: { hostNames, now } } = options;
  const app = new Hono();
  app.route("/", localRoutes({ ...options.local, hostNames, now, from: source }));
  app.route("/", callouts({ ...options.callouts, from: source }));
  app.onError((error) => {
    log.rarely("request failed").error("request failed inside", { error: error.message });
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
    // The name for a request without a Host (HTTP/1.0), which is served by its path.
    hostname: "localhost",
    overrideGlobalObjects: false,
    errorHandler: () => {
      counted?.refused(400);
      const why = "The request has an invalid URL or Host header: check the URL configured in UWQ.";
      return responseOf(refusal(400, why, options.callouts.answers));
    },
  });
  const server = createHttpServer({ maxHeaderSize: longestHeader, requireHostHeader: false }, (incoming, outgoing) => {
    const { socket } = incoming;
    connections.began(socket);
    outgoing.once("close", () => connections.ended(socket));
    if (bodyTooLong(incoming)) {
      counted?.refused(413);
      const why = "The request has a body: send the values of a callout in the URL.";
      const { headers, body } = refusal(413, why, options.callouts.answers);
      outgoing.writeHead(413, { ...headers, Connection: "close" }).end(body);
    } else {
      void listener(incoming, outgoing);
    }
  });
  // Else the end of what a client sends would count as the end of its interest. Node's own switch, missing from its types.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("connect", (_request, socket) => {
    if (socket instanceof Socket) connections.dismiss(socket, 405, "This is not a proxy: use GET.");
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    log.debug("bad request", { error: error.message });
    if (!(socket instanceof Socket)) return;
    if (error.code === "HPE_HEADER_OVERFLOW") connections.dismiss(socket, 431, "The request's header is too long.");
    else connections.dismiss(socket, 400, notHttp(error.code));
  });
  return server;
}

function bodyTooLong({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > longestBody;
}

/** The codes are llhttp's: the first two mean that the request line is not one. */
function notHttp(code: string | undefined): string {
  if (code !== "HPE_INVALID_URL" && code !== "HPE_INVALID_CONSTANT") return "The request is not HTTP: use GET.";
  return "The request line is malformed: expected GET URL HTTP/1.1, with a URL that begins with / or ? and has no control characters.";
}

/** A whole HTTP answer, for connections that no request object exists for. */
function wholeAnswer(status: number, why: string, form: BodyForm): string {
  const { headers, body } = refusal(status, why, form);
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`;
}

const reasons: Record<string, string> = {
  EADDRINUSE: "address in use: another telesetd? Stop it, or choose another http.port",
  EADDRNOTAVAIL: "this box has no such address: expected one of its own as http.host, or 0.0.0.0 for all",
  EACCES: "not permitted: expected an http.port of 1024 or above",
};

function cannotListen({ host, port }: HttpOptions, error: NodeJS.ErrnoException): Error {
  const place = addressText({ address: host, port });
  return new Error(`Cannot listen on ${place}: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error });
}
