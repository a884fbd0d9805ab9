/**
 * A TCP connection to the CRM, for one POST. Without the JIT, Bun.connect costs a quarter of node:net, but an attempt to connect
 * cannot be aborted; with node:net it can.
 */
import { readSync } from "node:fs";
import { connect } from "node:net";
import type { Address } from "../core/crm.ts";
import { connectErrorCode } from "../platform/connect-error.ts";

/** What the owner of a connection learns. `closed` is the last report, at most one. */
export interface Owner {
  /** The connection is open and the request is being sent: from now on the CRM may have received it. */
  sent(): void;
  received(bytes: Uint8Array): void;
  /** The connection could not be made, or has ended. `code`: the error's. */
  closed(why: string, code?: string): void;
}

/** A connection. Its owner gets no report after `close`. */
export interface Connection {
  close(): void;
}

const endedByPeer = "the connection was closed";

/** Connects by node:net, and sends a request. */
export function connectAbortably({ address, port }: Address, request: string, owner: Owner): Connection {
  let isClosed = false;
  const socket = connect({ host: address, port, noDelay: true });
  const closed = (why: string, code?: string): void => {
    if (!isClosed) owner.closed(why, code);
    isClosed = true;
  };
  socket.once("connect", () => {
    socket.write(request);
    owner.sent();
  });
  socket.on("data", (bytes: Buffer) => void (isClosed || owner.received(bytes)));
  // Never removed: a destroyed socket may still emit an error.
  socket.on("error", (error) => closed(error.message, connectErrorCode(error) ?? error.message));
  socket.on("close", () => closed(endedByPeer));
  return {
    close: () => {
      isClosed = true;
      socket.destroy();
    },
  };
}

/** A connection by Bun.connect, which may be made ahead of its request. */
export class BunConnection implements Connection {
  /** Shared by all connections, because a set for each costs as much as connecting. */
  static readonly #handlers: Bun.SocketHandler<BunConnection> = {
    open: (socket) => socket.data.#opened(socket),
    data: ({ data }, bytes) => data.#owner?.received(bytes),
    drain: (socket) => socket.data.#sendRest(socket),
    close: ({ data }, error) => data.#ended(error?.message ?? endedByPeer),
    // Without a free descriptor, Bun calls it before Bun.connect returns.
    connectError: ({ data }, error) => queueMicrotask(() => data.#failed(error)),
    error: () => {},
  };
  isOpen = false;
  /** When it was started, in ms of `performance.now`. */
  readonly since = performance.now();
  /** Whether it was made ahead of its request. */
  readonly isSpare: boolean;
  readonly #to: Address;
  readonly #made: () => void;
  /** Absent once the connection is closed or has ended. */
  #owner: Owner | undefined;
  #request: string | undefined;
  #unsent: Uint8Array = new Uint8Array();
  #socket: Bun.Socket<BunConnection> | undefined;

  /** @param made called when it is open, or could not be made. */
  constructor(to: Address, made: () => void, owner: Owner, request?: string) {
    this.#to = to;
    this.#made = made;
    this.#owner = owner;
    this.#request = request;
    this.isSpare = request === undefined;
    const socket = BunConnection.#handlers;
    void Bun.connect<BunConnection>({ hostname: to.address, port: to.port, socket, data: this });
  }

  /**
   * Gets another owner, and sends a request as soon as it is open.
   * @returns false if the peer has closed it or has spoken: then it is closed, and certainly nothing was sent.
   */
  post(request: string, owner: Owner): boolean {
    this.#owner = owner;
    this.#request = request;
    if (!this.#socket) return true;
    if (!isSilent(this.#socket) || !this.#send(this.#socket, request)) {
      this.close();
      return false;
    }
    owner.sent();
    return true;
  }

  close(): void {
    this.#owner = undefined;
    this.#socket?.end();
  }

  #opened(socket: Bun.Socket<BunConnection>): void {
    this.#socket = socket;
    this.isOpen = true;
    this.#made();
    if (!this.#owner) socket.end();
    else if (this.#request !== undefined) {
      this.#send(socket, this.#request);
      this.#owner.sent();
    }
  }

  /** False if certainly nothing was sent. */
  #send(socket: Bun.Socket<BunConnection>, request: string): boolean {
    const sent = socket.write(request);
    if (sent < 0) return false;
    if (sent < Buffer.byteLength(request)) this.#unsent = Buffer.from(request).subarray(sent);
    return true;
  }

  #sendRest(socket: Bun.Socket<BunConnection>): void {
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.subarray(Math.max(0, socket.write(this.#unsent)));
  }

  #failed(error: NodeJS.ErrnoException): void {
    this.#made();
    this.#ended(error.message, connectErrorCode(Object.assign(error, this.#to)) ?? error.message);
  }

  #ended(why: string, code?: string): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.closed(why, code);
  }
}

const oneByte = new Uint8Array(1);

/**
 * Whether the peer has neither closed the connection nor sent anything, according to the kernel: Bun reports either only in the
 * next turn of the event loop. Bun's types lack `fd`.
 */
function isSilent(socket: object): boolean {
  if (!("fd" in socket) || typeof socket.fd !== "number") return true;
  try {
    readSync(socket.fd, oneByte);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EAGAIN";
  }
}
