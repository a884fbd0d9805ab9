/** An HTTP client for tests that need to see, and send, every byte. */
import { connect, type Socket } from "node:net";

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A client that writes bytes and reads answers, on a real socket. */
export class Client {
  #text = "";
  readonly #waiting = new Set<() => void>();
  readonly closed: Promise<void>;

  /** Connects; half open, so that the test decides when its side ends. */
  static async dial(port: number, host = "127.0.0.1"): Promise<Client> {
    const client = new Client(connect({ port, host, allowHalfOpen: true }));
    await new Promise<void>((resolve) => client.socket.once("connect", resolve));
    return client;
  }

  constructor(readonly socket: Socket) {
    const wake = () => this.#waiting.forEach((check) => check());
    socket.on("data", (data) => {
      this.#text += data.toString("utf8");
      wake();
    });
    socket.on("error", () => {}).on("end", () => socket.end());
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.closed.then(wake);
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  /** The next answer, by its Content-Length; nothing when the connection ends first. */
  answer(headOnly = false): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const check = () => {
        const answer = this.#take(headOnly);
        if (answer === undefined && !this.socket.closed) return;
        this.#waiting.delete(check);
        resolve(answer);
      };
      this.#waiting.add(check);
      check();
    });
  }

  #take(headOnly: boolean): Answer | undefined {
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = this.#text.slice(0, end);
    const length = headOnly ? 0 : Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN);
    const body = this.#text.slice(end + 4, end + 4 + length);
    if (body.length < length) return undefined;
    this.#text = this.#text.slice(end + 4 + length);
    return { status: Number(head.slice(9, 12)), head, body };
  }
}

/** Whether a port of loopback takes no connection. */
export function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}
