/**
 * The open connections of the HTTP listener: their number, deadlines and end. Bun's http.Server applies no limits to sockets
 * that are handed to it, so they are enforced here.
 */
import type { Socket } from "node:net";

/** Limits of the listener. Deadlines do not restart with each byte, so slow senders cannot extend them. */
export interface ConnectionLimits {
  /** The maximum number of open connections; more are rejected. */
  readonly connections: number;
  /** Deadline for a complete request header, counted from connecting or from the last answer, in milliseconds. */
  readonly headerMs: number;
  /** Deadline for the answer to be sent and received (a peer may not read it), from the complete header, in milliseconds. */
  readonly answerMs: number;
}

/** How long a peer has to read its final answer, in milliseconds. */
const closeMs = 500;

/** During a stop, the time that a new connection has to send its first bytes, in milliseconds. */
const firstBytesMs = 200;

/** The maximum number of concurrent rejections with an answer, per connection that may be open. */
const maxRejectionsPerConnection = 4;

interface Connection {
  /** The number of requests in progress. */
  requests: number;
  /** When it was accepted. */
  readonly since: number;
  /** Bytes received by the time of the last answer; any further bytes start a new request. */
  bytesBefore: number;
  /** The bytes after the requests in progress are invalid: close after their answers. */
  isLast?: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/** The HTTP status of a rejected connection (RFC 9110, section 15). */
type RejectionStatus = 400 | 405 | 408 | 431 | 503;

/** Writes and counts rejections. */
export interface Rejection {
  /** The whole HTTP answer for a status and a sentence. */
  answer(status: RejectionStatus, why: string): string;
  /** Counts a rejection, whether it is answered or not. */
  counted(status: RejectionStatus): void;
}

/** The open connections. */
export class Connections {
  readonly #open = new Map<Socket, Connection>();
  readonly #closing = new Set<Socket>();
  readonly #limits: ConnectionLimits;
  readonly #rejection: Rejection;
  #stopping = false;
  /** Called when a connection has closed or started to close. */
  #changed: (() => void) | undefined;

  constructor(limits: ConnectionLimits, rejection: Rejection) {
    this.#limits = limits;
    this.#rejection = rejection;
  }

  /** Accepts a new connection, or rejects it and returns false. */
  accept(socket: Socket): boolean {
    // A reset by the peer is harmless; `close` follows.
    socket.on("error", () => {});
    if (this.#open.size >= this.#limits.connections) {
      this.reject(socket, 503, "The box has too many open connections: try again in a few seconds.");
      return false;
    }
    const connection: Connection = { requests: 0, bytesBefore: 0, since: performance.now() };
    this.#open.set(socket, connection);
    socket.once("close", () => this.#closed(socket, connection));
    this.#arm(connection, this.#limits.headerMs, () => this.#timedOut(socket, connection));
    return true;
  }

  /** A request's header is complete. @param answerMs the deadline of its answer. */
  requestStarted(socket: Socket, answerMs = this.#limits.answerMs): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests += 1;
    this.#arm(connection, answerMs, () => socket.destroy());
  }

  /** A request has been answered, or its peer has disconnected. */
  requestEnded(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.requests -= 1;
    if (connection.requests > 0) return;
    connection.bytesBefore = socket.bytesRead;
    if (this.#stopping || connection.isLast) this.#end(socket);
    else this.#arm(connection, this.#limits.headerMs, () => this.#timedOut(socket, connection));
  }

  /**
   * Sends a final answer and closes the connection. If requests are in progress, they get their own answers and the
   * connection is closed after them, without being counted. Beyond the limit of concurrent rejections it is closed silently.
   */
  reject(socket: Socket, status: RejectionStatus, why: string): void {
    const connection = this.#open.get(socket);
    // Its sending side is closed: it has been answered.
    if (!socket.writable) return void socket.destroy();
    if (connection !== undefined && connection.requests > 0) {
      connection.isLast = true;
      return;
    }
    this.#rejection.counted(status);
    if (this.#closing.size >= this.#limits.connections * maxRejectionsPerConnection) return void socket.destroy();
    this.#close(socket, this.#rejection.answer(status, why));
    // With unread bytes the close would become a reset, and the peer could lose the answer (RFC 9112 section 9.6).
    socket.resume();
  }

  /**
   * Waits at most `graceMs` for requests in progress and for incomplete ones. Each connection is closed as soon as its
   * request is answered; an idle one is closed at once, unless it is so new that its first request may still arrive.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    // First read what the kernel has received: idle connections may have requests there.
    await turns();
    const closeIdle = (socket: Socket, connection: Connection) => {
      if (connection.requests === 0 && !isIncomplete(socket, connection)) this.#end(socket);
    };
    for (const [socket, connection] of this.#open) {
      const age = performance.now() - connection.since;
      if (socket.bytesRead > 0 || age >= firstBytesMs) closeIdle(socket, connection);
      else this.#arm(connection, firstBytesMs - age, () => closeIdle(socket, connection));
    }
    await this.#until(() => this.#open.keys().every((socket) => this.#closing.has(socket)), graceMs);
  }

  /**
   * Closes all connections within `graceMs`. An incomplete request is rejected with an answer; the caller must answer those in
   * progress meanwhile.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const [socket, connection] of this.#open) {
      if (connection.requests > 0 || this.#closing.has(socket)) continue;
      if (isIncomplete(socket, connection)) this.reject(socket, 503, "telesetd is stopping: try again.");
      else this.#end(socket);
    }
    // Includes rejected connections: the end of the process would cut off their answers.
    if (await this.#until(() => this.#open.size + this.#closing.size === 0, graceMs)) return;
    for (const socket of [...this.#open.keys(), ...this.#closing]) socket.destroy();
  }

  /** Waits for a condition; returns false if it is not met after `ms`. */
  async #until(condition: () => boolean, ms: number): Promise<boolean> {
    if (condition()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#changed = () => {
      if (condition()) resolve(true);
    };
    const met = await promise;
    clearTimeout(timer);
    this.#changed = undefined;
    return met;
  }

  #end(socket: Socket): void {
    if (!this.#closing.has(socket)) this.#close(socket);
  }

  #timedOut(socket: Socket, connection: Connection): void {
    if (!isIncomplete(socket, connection)) socket.destroy();
    else this.reject(socket, 408, `The request was not complete after ${this.#limits.headerMs / 1000} s: send it again.`);
  }

  #close(socket: Socket, answer?: string): void {
    this.#closing.add(socket);
    const timer = setTimeout(() => socket.destroy(), closeMs);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#closing.delete(socket);
      this.#changed?.();
    });
    if (answer === undefined) socket.end();
    else socket.end(answer);
    this.#changed?.();
  }

  #closed(socket: Socket, connection: Connection): void {
    clearTimeout(connection.timer);
    this.#open.delete(socket);
    this.#changed?.();
  }

  #arm(connection: Connection, ms: number, act: () => void): void {
    clearTimeout(connection.timer);
    connection.timer = setTimeout(act, ms);
  }
}

/** Whether a request has been received in part. */
function isIncomplete(socket: Socket, { bytesBefore }: Connection): boolean {
  return socket.bytesRead !== bytesBefore;
}

/** Waits two turns of the event loop, after which everything that the kernel had received has been read. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
