/**
 * The open connections of the HTTP listener: their number, deadlines and end. Bun's http.Server applies no limits to sockets
 * that are handed to it, so they are enforced here.
 */
import type { Connection } from "./connection.ts";

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
  readonly #open = new Set<Connection>();
  /** Those that have been answered for the last time, with their deadlines. */
  readonly #closing = new Map<Connection, ReturnType<typeof setTimeout>>();
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
  accept(connection: Connection): boolean {
    if (this.#open.size >= this.#limits.connections) {
      this.reject(connection, 503, "The box has too many open connections: try again in a few seconds.");
      return false;
    }
    this.#open.add(connection);
    this.#arm(connection, this.#limits.headerMs, () => this.#timedOut(connection));
    return true;
  }

  /** A connection has closed. */
  closed(connection: Connection): void {
    clearTimeout(connection.timer);
    clearTimeout(this.#closing.get(connection));
    this.#open.delete(connection);
    this.#closing.delete(connection);
    this.#changed?.();
  }

  /** A request's header is complete. @param answerMs the deadline of its answer. */
  requestStarted(connection: Connection, answerMs = this.#limits.answerMs): void {
    if (!this.#open.has(connection)) return;
    connection.requests += 1;
    this.#arm(connection, answerMs, () => connection.destroy());
  }

  /** A request has been answered, or its peer has disconnected. */
  requestEnded(connection: Connection): void {
    if (!this.#open.has(connection)) return;
    connection.requests -= 1;
    if (connection.requests > 0) return;
    connection.bytesBefore = connection.bytesRead;
    if (this.#stopping || connection.isLast) this.#end(connection);
    else this.#arm(connection, this.#limits.headerMs, () => this.#timedOut(connection));
  }

  /** A whole request has been answered at once: the deadline of a header starts again, or it was the last request. */
  answered(connection: Connection, isLast: boolean): void {
    connection.bytesBefore = connection.bytesRead;
    if (isLast || this.#stopping) this.#end(connection);
    else connection.timer?.refresh();
  }

  /**
   * Sends a final answer and closes the connection. If requests are in progress, they get their own answers and the
   * connection is closed after them, without being counted. Beyond the limit of concurrent rejections it is closed silently.
   */
  reject(connection: Connection, status: RejectionStatus, why: string): void {
    // Its sending side is closed: it has been answered.
    if (!connection.writable) return connection.destroy();
    if (connection.requests > 0) {
      connection.isLast = true;
      return;
    }
    this.#rejection.counted(status);
    if (this.#closing.size >= this.#limits.connections * maxRejectionsPerConnection) return connection.destroy();
    this.#close(connection, this.#rejection.answer(status, why));
  }

  /**
   * Waits at most `graceMs` for requests in progress and for incomplete ones. Each connection is closed as soon as its
   * request is answered; an idle one is closed at once, unless it is so new that its first request may still arrive.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    // First read what the kernel has received: idle connections may have requests there.
    await turns();
    const closeIdle = (connection: Connection) => {
      if (connection.requests === 0 && !isIncomplete(connection)) this.#end(connection);
    };
    for (const connection of this.#open) {
      const age = performance.now() - connection.since;
      if (connection.bytesRead > 0 || age >= firstBytesMs) closeIdle(connection);
      else this.#arm(connection, firstBytesMs - age, () => closeIdle(connection));
    }
    await this.#until(() => this.#open.keys().every((connection) => this.#closing.has(connection)), graceMs);
  }

  /**
   * Closes all connections within `graceMs`. An incomplete request is rejected with an answer; the caller must answer those in
   * progress meanwhile.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const connection of this.#open) {
      if (connection.requests > 0 || this.#closing.has(connection)) continue;
      if (isIncomplete(connection)) this.reject(connection, 503, "telesetd is stopping: try again.");
      else this.#end(connection);
    }
    // Includes rejected connections: the end of the process would cut off their answers.
    if (await this.#until(() => this.#open.size + this.#closing.size === 0, graceMs)) return;
    for (const connection of [...this.#open, ...this.#closing.keys()]) connection.destroy();
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

  #end(connection: Connection): void {
    if (!this.#closing.has(connection)) this.#close(connection);
  }

  #timedOut(connection: Connection): void {
    if (!isIncomplete(connection)) connection.destroy();
    else this.reject(connection, 408, `The request was not complete after ${this.#limits.headerMs / 1000} s: send it again.`);
  }

  #close(connection: Connection, answer?: string): void {
    this.#closing.set(connection, setTimeout(() => connection.destroy(), closeMs));
    connection.end(answer);
    this.#changed?.();
  }

  #arm(connection: Connection, ms: number, act: () => void): void {
    clearTimeout(connection.timer);
    connection.timer = setTimeout(act, ms);
  }
}

/** Whether a request has been received in part. */
function isIncomplete({ bytesRead, bytesBefore }: Connection): boolean {
  return bytesRead !== bytesBefore;
}

/** Waits two turns of the event loop, after which everything that the kernel had received has been read. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
