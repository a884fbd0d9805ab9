/** A bare client of the event socket, for tests and transcripts: no reconnecting, no default filters, nothing hidden. */
import { connect, type Socket } from "node:net";
import type { SwitchEvent } from "./events.ts";

/** A frame from the switch: header names as received, the body as text. */
export interface Frame {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export class BareClient {
  /** Every frame so far, the greeting included. */
  readonly frames: Frame[] = [];
  /** The sizes of the received chunks. */
  readonly chunks: number[] = [];
  /** How the connection ended; undefined while it is open. */
  ended: "fin" | "rst" | undefined;
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  #waiters = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#take(typeof chunk === "string" ? Buffer.from(chunk) : chunk));
    socket.on("error", () => this.#end("rst"));
    socket.on("end", () => this.#end("fin"));
    socket.on("close", () => this.#end("fin"));
  }

  /** Connects to loopback; rejects if the port is closed. */
  static connect(port: number): Promise<BareClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new BareClient(socket)));
      socket.once("error", reject);
    });
  }

  /** Connects, logs in, sets the filters and subscribes to the events. */
  static async listen(port: number, events = "ALL", filters: readonly string[] = []): Promise<BareClient> {
    const client = await BareClient.connect(port);
    await client.send("auth ClueCon");
    for (const filter of filters) await client.send(`filter ${filter}`);
    await client.send(`event json ${events}`);
    return client;
  }

  /** Sends a command (a blank line is added) and resolves with its reply. */
  async send(command: string): Promise<Frame> {
    await this.until(() => this.frames.some((frame) => frame.headers["Content-Type"] === "auth/request"));
    const before = this.#replies().length;
    this.#socket.write(`${command}\n\n`);
    await this.until(() => this.#replies().length > before);
    const reply = this.#replies()[before];
    if (reply === undefined) throw new Error(`No reply to ${command}: the connection ended`);
    return reply;
  }

  /** Sends an `api` command and resolves with its text. */
  async api(command: string): Promise<string> {
    return (await this.send(`api ${command}`)).body;
  }

  /** Writes bytes unchanged. */
  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** The events so far: all, or those with the given names. */
  events(...names: string[]): SwitchEvent[] {
    return this.frames.filter((frame) => frame.headers["Content-Type"] === "text/event-json")
      .map((frame) => JSON.parse(frame.body) as SwitchEvent)
      .filter((event) => names.length === 0 || names.includes(String(event["Event-Name"])));
  }

  /** Resolves as soon as the condition is met; it is checked after every chunk and at the end of the connection. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition() && this.ended === undefined) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #replies(): Frame[] {
    return this.frames.filter((frame) => /^(command\/reply|api\/response)$/.test(frame.headers["Content-Type"] ?? ""));
  }

  #end(how: "fin" | "rst"): void {
    this.ended ??= how;
    this.#checkWaiters();
  }

  #take(chunk: Uint8Array): void {
    this.chunks.push(chunk.length);
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.frames.push(frame);
    this.#checkWaiters();
  }

  #next(): Frame | undefined {
    const end = this.#pending.indexOf("\n\n");
    if (end < 0) return undefined;
    const lines = this.#pending.toString("utf8", 0, end).split("\n");
    const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2)));
    const length = Number(headers["Content-Length"] ?? 0);
    if (this.#pending.length < end + 2 + length) return undefined;
    const body = this.#pending.toString("utf8", end + 2, end + 2 + length);
    this.#pending = this.#pending.subarray(end + 2 + length);
    return { headers, body };
  }

  #checkWaiters(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}
