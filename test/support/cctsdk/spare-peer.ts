/** A CRM over plain TCP that shows each connection: when it was opened, what came over it, and whether it is still open. */
import { createServer, type Server, type Socket } from "node:net";
import { until } from "../until.ts";

/** A connection to it. */
export interface Seen {
  readonly socket: Socket;
  /** The bytes so far. */
  text: string;
  isOpen: boolean;
}

export interface PeerOptions {
  readonly host?: string;
  readonly port?: number;
  /** It serves one connection at a time, in the order of connecting, as a simple listener in Java does. */
  readonly oneAtATime?: boolean;
  /** What it does with a new connection. */
  readonly onOpen?: (seen: Seen) => void;
  /** What it does with a complete POST; default: it answers 200. */
  readonly onPost?: (seen: Seen) => void;
}

/** Answers 200 and closes. */
export function answer({ socket }: Seen): void {
  socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

export class SparePeer {
  readonly seen: Seen[] = [];
  readonly #options: PeerOptions;
  readonly #server: Server;
  readonly #queue: Seen[] = [];

  private constructor(options: PeerOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  static async open(options: PeerOptions = {}): Promise<SparePeer> {
    const peer = new SparePeer(options);
    await new Promise<void>((resolve) => peer.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve));
    return peer;
  }

  get port(): number {
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  /** The events in the order of their arrival. */
  get events(): string[] {
    return this.#posts.map((text) => /event name="(\w+)".*occtSourceID" value="([^"]*)"/.exec(text)?.slice(1).join(" ") ?? "");
  }
  readonly #posts: string[] = [];

  /** The connections that are open. */
  get open(): Seen[] {
    return this.seen.filter(({ isOpen }) => isOpen);
  }

  /** Waits until it has seen this many connections, and this many of them are open. */
  connections(seen: number, open: number): Promise<unknown> {
    const now = () => `${this.seen.length} connections, ${this.open.length} open`;
    return until(
      () => `expected ${seen} connections, ${open} open: ${now()}`,
      () => this.seen.length === seen && this.open.length === open,
    );
  }

  close(): void {
    for (const { socket } of this.seen) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    const seen: Seen = { socket, text: "", isOpen: true };
    this.seen.push(seen);
    this.#queue.push(seen);
    socket.on("error", () => {});
    socket.on("close", () => {
      seen.isOpen = false;
      this.#queue.splice(this.#queue.indexOf(seen), 1);
      this.#serveNext();
    });
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Buffer) => {
      seen.text += bytes.toString();
      if (!seen.text.endsWith("</CCTSDK>")) return;
      this.#posts.push(seen.text);
      (this.#options.onPost ?? answer)(seen);
    });
    this.#options.onOpen?.(seen);
    if (this.#options.oneAtATime) this.#serveNext();
    else socket.resume();
  }

  #serveNext(): void {
    if (this.#options.oneAtATime) this.#queue[0]?.socket.resume();
  }
}
