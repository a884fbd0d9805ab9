/**
 * The connection of a client, over Bun's own socket: without the JIT, node:net's costs twice the time for each request and three
 * times for each connection. node:http reads from it through a stream, which is created when it is needed.
 */
import { Duplex } from "node:stream";

/** An open connection. */
export class Connection {
  /** The number of requests in progress. */
  requests = 0;
  /** When it was accepted. */
  readonly since = performance.now();
  /** Bytes received, and those received by the time of the last answer; any further bytes start a new request. */
  bytesRead = 0;
  bytesBefore = 0;
  /** The bytes after the requests in progress are invalid: close after their answers. */
  isLast = false;
  /** The deadline of the present request or answer. */
  timer?: ReturnType<typeof setTimeout>;
  readonly #socket: Bun.Socket<unknown>;
  readonly #serve: (stream: ConnectionStream) => void;
  #stream: ConnectionStream | undefined;
  #ended = false;

  /**
   * @param from the source address; a Unix socket has none.
   * @param serve reads requests from the stream and answers them.
   */
  constructor(socket: Bun.Socket<unknown>, readonly from: string | undefined, serve: (stream: ConnectionStream) => void) {
    this.#socket = socket;
    this.#serve = serve;
  }

  /** Whether something can be sent. */
  get writable(): boolean {
    return !this.#ended && (this.#stream === undefined || this.#stream.writable);
  }

  /** Whether the next byte starts a request, and everything has been sent. */
  get isBetweenRequests(): boolean {
    return this.requests === 0 && this.bytesRead === this.bytesBefore && this.writable && !this.#stream?.writableLength;
  }

  /** Sends an answer between requests. @returns whether all of it is sent; if not, `sent` is called when it is. */
  send(bytes: Buffer, sent: () => void): boolean {
    const count = this.#socket.write(bytes);
    if (count < 0 || count === bytes.length) return true;
    this.#opened().write(bytes.subarray(count), sent);
    return false;
  }

  /** Passes received bytes to the stream. */
  pass(bytes: Buffer): void {
    if (!this.#opened().push(bytes)) this.#socket.pause();
  }

  /** The system can take more bytes. */
  drained(): void {
    this.#stream?.flush();
  }

  /** The peer has closed its sending side. */
  peerEnded(): void {
    if (this.#stream) this.#stream.push(null);
    else this.destroy();
  }

  /** Closes the sending side after what is to be sent. */
  end(text = ""): void {
    this.#ended = true;
    if (this.#stream) return void this.#stream.end(text);
    if (text !== "") this.#socket.write(text);
    this.#socket.shutdown();
  }

  /** Closes it at once. */
  destroy(): void {
    this.#ended = true;
    if (this.#stream?.destroyed === false) this.#stream.destroy();
    else this.#socket.close();
  }

  /** The socket has closed. */
  closed(): void {
    this.#ended = true;
    this.#stream?.destroy();
  }

  #opened(): ConnectionStream {
    if (this.#stream === undefined) {
      this.#stream = new ConnectionStream(this, this.#socket);
      this.#serve(this.#stream);
    }
    return this.#stream;
  }
}

/** The interface of a node socket, as far as node:http and its users need it. */
export class ConnectionStream extends Duplex {
  readonly #socket: Bun.Socket<unknown>;
  #rest: Buffer | undefined;
  #done: (() => void) | undefined;

  constructor(readonly connection: Connection, socket: Bun.Socket<unknown>) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    return this.connection.from;
  }

  /** The deadlines are those of Connections. */
  setTimeout(): this {
    return this;
  }

  /** The system can take more bytes. */
  flush(): void {
    const [rest, done] = [this.#rest, this.#done];
    if (rest === undefined || done === undefined) return;
    this.#rest = this.#done = undefined;
    this._write(rest, "buffer", done);
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    const count = this.#socket.write(bytes);
    if (count < 0 || count === bytes.length) return done();
    this.#rest = bytes.subarray(count);
    this.#done = done;
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "buffer", done);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _final(done: () => void): void {
    this.#socket.shutdown();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.close();
    done(error);
  }
}
