/**
 * ARI as Asterisk 22 serves it: HTTP with Basic authentication, applications with their subscriptions, and a websocket for
 * events. What the requests do to the switch is the backend's business. Sources: res/res_ari.c, res/ari, res/res_stasis.c.
 */
import { timestamp } from "./channel.ts";

/** An answer to a request; without a body it is empty (204). */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** A request, as tests see it. Parameters of the query and of a JSON body are one table, as in Asterisk. */
export interface AriRequest {
  readonly method: string;
  /** The path below `/ari`, decoded: `/channels/1795740491.5/variable`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly authorization: string;
}

/** The switch behind the server. */
export interface Backend {
  /** Answers a request that the server does not answer itself; undefined: there is no such resource. */
  answer(request: AriRequest): Answer | undefined;
  /** Whether an application can subscribe to this source: `endpoint:PJSIP/1001`. */
  exists(source: string): boolean;
}

/** Settings of a server. */
export interface ServerOptions {
  readonly backend: Backend;
  /** Default: any. */
  readonly user?: string;
  /** Default `s3cret`. */
  readonly password?: string;
  /** read_only of ari.conf: requests that change something are answered with 403. */
  readonly readOnly?: boolean;
  /** Default: a free port. */
  readonly port?: number;
  /** Called with every event sent and every request received. */
  readonly onFrame?: (direction: "in" | "out", text: string) => void;
}

interface App {
  readonly name: string;
  readonly sources: Set<string>;
  socket: Socket | undefined;
}

interface SocketData {
  readonly apps: readonly string[];
  readonly all: boolean;
}

type Socket = Bun.ServerWebSocket<SocketData>;

/** The id of this Asterisk in its events. */
const asteriskId = "00:00:5e:00:53:01";

/** The server. */
export class AriServer {
  readonly apps = new Map<string, App>();
  /** All requests that were answered, in order. */
  readonly requests: AriRequest[] = [];
  /** Scripted answers, tried first for every request; `silence`: none at all. Also for the websocket (`/events`). */
  instead: (request: AriRequest) => Answer | "silence" | undefined = () => undefined;
  /** The open websockets. */
  readonly sockets = new Set<Socket>();
  readonly #options: ServerOptions;
  readonly #pongs = new WeakMap<Socket, number>();
  readonly #waiting = new Set<() => void>();
  #server: Bun.Server<SocketData> | undefined;
  #port = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, on the same port as before. */
  async listen(): Promise<void> {
    this.#server = Bun.serve<SocketData>({
      hostname: "127.0.0.1",
      port: this.#port,
      idleTimeout: 0,
      fetch: (request, server) => this.#fetch(request, server),
      websocket: {
        open: (socket) => this.#open(socket),
        message: () => {},
        pong: (socket) => this.#ponged(socket),
        close: (socket) => this.#close(socket),
        sendPings: false,
      },
    });
    this.#port = this.#server.port ?? 0;
    await Promise.resolve();
  }

  /** Ends all connections and forgets the applications, as when Asterisk is killed. */
  stop(): void {
    for (const socket of this.sockets) socket.terminate();
    this.sockets.clear();
    this.apps.clear();
    void this.#server?.stop(true);
    this.#server = undefined;
    this.changed();
  }

  /** Ends all connections but keeps the applications with their subscriptions, as when the network is cut. */
  cut(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  /** Sends an event to the applications that are subscribed to one of these sources. */
  publish(type: string, sources: readonly string[], fields: Readonly<Record<string, unknown>>): void {
    for (const app of this.apps.values()) {
      if (app.socket?.data.all || sources.some((source) => app.sources.has(source))) this.send(app.name, { type, ...fields });
    }
  }

  /** Sends an event to one application; it is lost without a websocket. */
  send(name: string, event: Readonly<Record<string, unknown>>): void {
    const socket = this.apps.get(name)?.socket;
    if (!socket) return;
    const text = JSON.stringify({ timestamp: timestamp(new Date()), ...event, asterisk_id: asteriskId, application: name });
    this.#options.onFrame?.("out", text);
    socket.send(text);
  }

  /** Another program connects with the same application names: the clients get ApplicationReplaced, and no further events. */
  replace(): void {
    for (const app of this.apps.values()) {
      this.send(app.name, { type: "ApplicationReplaced" });
      app.socket = undefined;
    }
  }

  /** Resolves when all clients have received what was sent before, or have gone. */
  async flushed(): Promise<void> {
    const asked = [...this.sockets].filter((socket) => socket.ping() !== 0).map((socket) => ({
      socket,
      from: this.#pongs.get(socket) ?? 0,
    }));
    await this.until(() => asked.every(({ socket, from }) => !this.sockets.has(socket) || (this.#pongs.get(socket) ?? 0) > from));
  }

  /** Resolves when the condition holds; it is checked after each request, and when sockets and applications change. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  /** Checks what `until` waits for. */
  changed(): void {
    for (const check of this.#waiting) check();
  }

  async #fetch(incoming: Request, server: Bun.Server<SocketData>): Promise<Response | undefined> {
    const request = await read(incoming);
    this.#options.onFrame?.("in", `${request.method} ${request.path} ${JSON.stringify({ ...request.query, ...request.body })}`);
    const answer = this.instead(request) ?? this.#refusal(request) ?? this.#answer(request);
    if (answer === "silence") return await new Promise(() => {});
    if (answer === "upgrade") {
      const apps = (request.query["app"] ?? "").split(",").filter((name) => name !== "");
      const all = request.query["subscribeAll"] === "true";
      return server.upgrade(incoming, { data: { apps, all } }) ? undefined : responseOf(error(426, "Upgrade required"));
    }
    this.requests.push(request);
    queueMicrotask(() => this.changed());
    return responseOf(answer);
  }

  #refusal({ method, authorization }: AriRequest): Answer | undefined {
    const { user, password = "s3cret", readOnly = false } = this.#options;
    const given = authorization.startsWith("Basic ") ? atob(authorization.slice("Basic ".length)) : "";
    const isUser = user === undefined ? given.endsWith(`:${password}`) : given === `${user}:${password}`;
    if (!isUser) return error(401, "Authentication required");
    return readOnly && method !== "GET" ? error(403, "Write access denied") : undefined;
  }

  #answer(request: AriRequest): Answer | "upgrade" {
    const [, resource = "", name = "", part = ""] = request.path.split("/");
    if (resource === "events" && name === "") return request.query["app"] ? "upgrade" : error(400, "Missing param 'app'");
    if (resource === "applications") return this.#applications(request, name, part);
    return this.#options.backend.answer(request) ?? error(404, "Resource not found");
  }

  #applications({ method, query }: AriRequest, name: string, part: string): Answer {
    if (name === "") return { status: 200, body: [...this.apps.values()].map(appJson) };
    const app = this.apps.get(name);
    if (!app) return error(404, "Application not found");
    if (part === "subscription" && method !== "GET") {
      const sources = (query["eventSource"] ?? "").split(",").filter((source) => source !== "");
      if (sources.length === 0) return error(400, "Missing parameter eventSource");
      if (!sources.every((source) => this.#options.backend.exists(source))) return error(422, "Event source does not exist");
      for (const source of sources) method === "POST" ? app.sources.add(source) : app.sources.delete(source);
    }
    return { status: 200, body: appJson(app) };
  }

  #ponged(socket: Socket): void {
    this.#pongs.set(socket, (this.#pongs.get(socket) ?? 0) + 1);
    this.changed();
  }

  #open(socket: Socket): void {
    this.sockets.add(socket);
    for (const name of socket.data.apps) {
      // The old websocket stays open, but gets no further events.
      this.send(name, { type: "ApplicationReplaced" });
      const sources = this.apps.get(name)?.sources ?? new Set();
      this.apps.set(name, { name, sources, socket });
    }
    this.changed();
  }

  #close(socket: Socket): void {
    this.sockets.delete(socket);
    for (const [name, app] of this.apps) {
      if (app.socket !== socket) continue;
      app.socket = undefined;
      if (app.sources.size === 0) this.apps.delete(name);
    }
    this.changed();
  }
}

/** An error as ARI answers it. */
export function error(status: number, message: string): Answer {
  return { status, body: { message } };
}

async function read(request: Request): Promise<AriRequest> {
  const { pathname, searchParams } = new URL(request.url);
  const text = await request.text();
  const body: unknown = /json/.test(request.headers.get("content-type") ?? "") && text !== "" ? JSON.parse(text) : {};
  return {
    method: request.method,
    path: decodeURIComponent(pathname.replace(/^\/ari(?=\/|$)/, "")),
    query: Object.fromEntries(searchParams),
    body: typeof body === "object" && body !== null ? { ...body } : {},
    authorization: request.headers.get("authorization") ?? "",
  };
}

function responseOf({ status, body }: Answer): Response {
  const challenge = status === 401 ? { "WWW-Authenticate": 'Basic realm="Asterisk REST Interface"' } : {};
  return body === undefined
    ? new Response(null, { status, headers: challenge })
    : Response.json(body, { status, headers: challenge });
}

function appJson({ name, sources }: App): Record<string, unknown> {
  const of = (kind: string) =>
    [...sources].filter((source) => source.startsWith(`${kind}:`)).map((source) => source.slice(kind.length + 1));
  return {
    name,
    channel_ids: of("channel"),
    bridge_ids: of("bridge"),
    endpoint_ids: of("endpoint"),
    device_names: of("deviceState"),
    events_allowed: [],
    events_disallowed: [],
  };
}
