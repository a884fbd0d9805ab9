/** The event socket: listens on loopback, keeps its connections, sends each the events it asked for. */
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
  /** Every frame and command, for transcripts. Passwords are left out. */
  readonly onFrame?: FrameTap;
  /** How new connections are paced. */
  readonly pace?: Pace;
}

/** How a link is lost. `fin`: closed in order. `rst`: broken off. `silence`: open, but nothing comes and nothing is answered. */
export type Loss = "fin" | "rst" | "silence";

export class EventSocketServer {
  readonly #options: EventSocketOptions;
  readonly #connections = new Set<Connection>();
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  #server: Server | undefined;
  #port: number;
  /** How connections that come from now on are paced; see also `Connection.pace`. */
  pace: Pace;

  constructor(options: EventSocketOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    this.pace = options.pace ?? {};
  }

  /** The port it listens on, the same after every `listen`; 0 before the first. */
  get port(): number {
    return this.#port;
  }

  /** The connections that are open, oldest first. */
  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** Starts to listen on 127.0.0.1. Rejects when the port is taken. */
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

  /** Refuses new connections; those that are open stay. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Refuses new connections and breaks off those that are open. */
  close(): void {
    this.refuse();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Loses every connection in the given way. */
  cut(how: Loss): void {
    for (const connection of this.connections) connection[how]();
  }

  /** Sends an event to every connection that asks for it; `frame` is its json frame when that is already written. */
  publish(event: SwitchEvent, frame?: string): void {
    let text = frame;
    const json = () => text ??= eventJson(event);
    for (const connection of this.#connections) connection.deliver(event, json);
  }

  /** Resolves as soon as the test holds; it is asked again after every command and whenever a connection comes or goes. */
  until(test: (server: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!test(this)) return;
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  /** Resolves with the connection once a client has logged in and asked for events. */
  async subscriber(): Promise<Connection> {
    await this.until(() => this.connections.some((each) => each.subscribed));
    const found = this.connections.find((each) => each.subscribed);
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
    this.#ask();
  }

  #changed(connection: Connection, socket: Socket): void {
    if (!connection.open) {
      this.#connections.delete(connection);
      this.#sockets.delete(socket);
    }
    this.#ask();
  }

  #ask(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
