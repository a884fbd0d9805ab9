/**
 * The open connections of the HTTP listener: how many, how long each may be silent, and how they end. Bun's http.Server
 * applies none of its own limits to sockets that it is handed, so they are kept here.
 */
import type { Socket } from "node:net";

/** Limits of the listener. Times are absolute, not "since the last byte": a drip does not stretch them. */
export interface ConnectionLimits {
  /** Open connections; more are turned away. */
  readonly connections: number;
  /** From connecting, or from the last answer, until a request's header must be complete, in milliseconds. */
  readonly headerMs: number;
  /** From a complete header until its answer must have been given and taken (a peer may not read it), in milliseconds. */
  readonly answerMs: number;
}

/** How long a peer has to read the last thing that it is told, in milliseconds. */
const lastWordsMs = 500;

/** How long after connecting a client that has sent nothing yet is waited for in a stop, in milliseconds. */
const freshMs = 200;

/** How many peers may get a reason for their dismissal at the same time, for each connection that may be open. */
const dismissedPerConnection = 4;

interface Connection {
  working: number;
  /** When it was accepted. */
  readonly since: number;
  /** What the peer had sent when the last answer was given; more than that is the beginning of a request. */
  bytesBefore: number;
  /** What came after the requests in work is no request: nothing more is read. */
  isLast?: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/** Why a connection is sent away: an HTTP status (RFC 9110, section 15). */
export type Dismissal = 400 | 405 | 408 | 431 | 503;

/** What is said to those who are sent away, and who hears of it. */
export interface Farewell {
  /** The whole HTTP answer for a status and a sentence. */
  words(status: Dismissal, why: string): string;
  /** Hears of each, also of those who are not told; not of what follows a request in work, which has an answer of its own. */
  counted(status: Dismissal): void;
}

/** The open connections. */
export class Connections {
  readonly #open = new Map<Socket, Connection>();
  readonly #leaving = new Set<Socket>();
  readonly #limits: ConnectionLimits;
  readonly #farewell: Farewell;
  #stopping = false;
  /** Called when a connection has left, or is about to. */
  #changed: (() => void) | undefined;

  constructor(limits: ConnectionLimits, farewell: Farewell) {
    this.#limits = limits;
    this.#farewell = farewell;
  }

  /** Takes a new connection in, or turns it away and says false. */
  admit(socket: Socket): boolean {
    // A reset by the peer is no trouble of ours; `close` follows.
    socket.on("error", () => {});
    if (this.#open.size >= this.#limits.connections) {
      this.dismiss(socket, 503, "The box has too many open connections: try again in a few seconds.");
      return false;
    }
    const connection: Connection = { working: 0, bytesBefore: 0, since: performance.now() };
    this.#open.set(socket, connection);
    socket.once("close", () => this.#gone(socket, connection));
    this.#arm(connection, this.#limits.headerMs, () => this.#silent(socket, connection));
    return true;
  }

  /** A request's header is complete. */
  began(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.working += 1;
    this.#arm(connection, this.#limits.answerMs, () => socket.destroy());
  }

  /** A request's answer is given, or its peer is gone. */
  ended(socket: Socket): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.working -= 1;
    if (connection.working > 0) return;
    connection.bytesBefore = socket.bytesRead;
    if (this.#stopping || connection.isLast) this.#end(socket);
    else this.#arm(connection, this.#limits.headerMs, () => this.#silent(socket, connection));
  }

  /**
   * Tells the peer one last thing and closes. Requests that are in work get their own answers instead, and the connection is
   * closed after them. When too many are being told, it is just closed.
   */
  dismiss(socket: Socket, status: Dismissal, why: string): void {
    const connection = this.#open.get(socket);
    // What cannot be told any more has had its answer.
    if (!socket.writable) return void socket.destroy();
    if (connection !== undefined && connection.working > 0) {
      connection.isLast = true;
      return;
    }
    this.#farewell.counted(status);
    if (this.#leaving.size >= this.#limits.connections * dismissedPerConnection) return void socket.destroy();
    this.#leave(socket, () => socket.end(this.#farewell.words(status, why)));
    // Unread bytes would turn the close into a reset, which takes the answer away from the peer (RFC 9112 section 9.6).
    socket.resume();
  }

  /**
   * Lets what is in work end, and half a request be completed: resolves when nothing of that is left, at the latest after
   * `graceMs`. A connection is closed as soon as its request is answered; one that is idle, at once, unless it is so new that
   * its first request may still be on the way.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    // What the kernel has is read first: requests on connections that seem idle.
    await turns();
    const endIdle = (socket: Socket, connection: Connection) => {
      if (connection.working === 0 && !isHalfway(socket, connection)) this.#end(socket);
    };
    for (const [socket, connection] of this.#open) {
      const age = performance.now() - connection.since;
      if (socket.bytesRead > 0 || age >= freshMs) endIdle(socket, connection);
      else this.#arm(connection, freshMs - age, () => endIdle(socket, connection));
    }
    await this.#until(() => this.#open.keys().every((socket) => this.#leaving.has(socket)), graceMs);
  }

  /**
   * Ends all connections; resolves when they are closed, at most `graceMs` later. Half a request gets an answer too; what is
   * in work must be answered meanwhile.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const [socket, connection] of this.#open) {
      if (connection.working > 0 || this.#leaving.has(socket)) continue;
      if (isHalfway(socket, connection)) this.dismiss(socket, 503, "telesetd is stopping: try again.");
      else this.#end(socket);
    }
    // Those who were turned away count too: the end of the process would cut their answer off.
    if (await this.#until(() => this.#open.size + this.#leaving.size === 0, graceMs)) return;
    for (const socket of [...this.#open.keys(), ...this.#leaving]) socket.destroy();
  }

  /** Waits until the connections are as wanted; false when they are not after `ms`. */
  async #until(wanted: () => boolean, ms: number): Promise<boolean> {
    if (wanted()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), ms);
    this.#changed = () => {
      if (wanted()) resolve(true);
    };
    const reached = await promise;
    clearTimeout(timer);
    this.#changed = undefined;
    return reached;
  }

  #end(socket: Socket): void {
    if (!this.#leaving.has(socket)) this.#leave(socket, () => socket.end());
  }

  #silent(socket: Socket, connection: Connection): void {
    if (!isHalfway(socket, connection)) socket.destroy();
    else this.dismiss(socket, 408, `The request was not complete after ${this.#limits.headerMs / 1000} s: send it again.`);
  }

  #leave(socket: Socket, words: () => void): void {
    this.#leaving.add(socket);
    const timer = setTimeout(() => socket.destroy(), lastWordsMs);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#leaving.delete(socket);
      this.#changed?.();
    });
    words();
    this.#changed?.();
  }

  #gone(socket: Socket, connection: Connection): void {
    clearTimeout(connection.timer);
    this.#open.delete(socket);
    this.#changed?.();
  }

  #arm(connection: Connection, ms: number, act: () => void): void {
    clearTimeout(connection.timer);
    connection.timer = setTimeout(act, ms);
  }
}

/** Whether a request has begun to come and is not complete. */
function isHalfway(socket: Socket, { bytesBefore }: Connection): boolean {
  return socket.bytesRead !== bytesBefore;
}

/** Two turns of the event loop: what the kernel holds at the first is read by the end of the second. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
