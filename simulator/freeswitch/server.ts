/** The event socket server: listens on loopback and sends each connection the events that it has subscribed to. */
import { createServer, type Server, type Socket } from "node:net";
import { type Backend, Connection, type FrameTap, type Login } from "./connection.ts";
import type { SwitchEvent } from "./events.ts";
import type { Pace } from "./outlet.ts";
import { eventJson } from "./wire.ts";

export interface EventSocketOptions {
  readonly backend: Backend;
  /** Default `ClueCon`, the switch's own. */
  readonly password?: string;
  /** Logins by `userauth`. */
  readonly logins?: readonly Login[];
  /** 0, the default: any free port. */
  readonly port?: number;
  /** Observes every frame and command, for transcripts. Passwords are hidden. */
  readonly onFrame?: FrameTap;
  /** The pace of new connections. */
  readonly pace?: Pace;
}

/** How a link is lost. `fin`: closed. `rst`: reset. `silence`: open, but nothing is sent or answered. */
export type Loss = "fin" | "rst" | "silence";

export class EventSocketServer {
  readonly #options: EventSocketOptions;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  #server: Server | undefined;
  #port: number;
  /** The pace of connections accepted from now on; see also `Connection.pace`. */
  pace: Pace;

  constructor(options: EventSocketOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.pace = options.pace ?? {};
  }

  /** Its port, the same after every `listen`; 0 before the first. */
  get port(): number {
    return this.#port;
  }

  /** The open connections, oldest first. */
  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** Listens on 127.0.0.1. Rejects if the port is in use. */
  listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", () => {
        const address = server.address();
        if (address !== null && typeof address === "object") this.#port = address.port;
        resolve();
      });
    });
  }

  /** Refuses new connections; open ones stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Refuses new connections and destroys open ones. */
  close(): void {
    this.refuse();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Loses every connection in the given way. */
  cut(how: Loss): void {
    for (const connection of this.connections) connection[how]();
  }

  /** Sends an event to every subscribed connection; `frame`: its JSON frame, if already written. */
  publish(event: SwitchEvent, frame?: string): void {
    let text = frame;
    const json = () => text ??= eventJson(event);
    for (const connection of this.#connections) connection.deliver(event, json);
  }

  /** Resolves as soon as the condition is met; it is checked after every command and change of connections. */
  until(condition: (server: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(this)) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  /** Resolves with the connection once a client has logged in and subscribed to events. */
  async subscriber(): Promise<Connection> {
    await this.until(() => this.connections.some((connection) => connection.subscribed));
    const found = this.connections.find((connection) => connection.subscribed);
    return found ?? this.subscriber();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const connection = new Connection(socket, {
      backend: this.#options.backend,
      password: this.#options.password ?? "ClueCon",
      logins: this.#options.logins ?? [],
      onFrame: this.#options.onFrame,
      onChange: () => this.#changed(connection, socket),
    });
    connection.pace = this.pace;
    this.#connections.add(connection);
    this.#checkWaiters();
  }

  #changed(connection: Connection, socket: Socket): void {
    if (!connection.open) {
      this.#connections.delete(connection);
      this.#sockets.delete(socket);
    }
    this.#checkWaiters();
  }

  #checkWaiters(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
