/**
 * The websocket half of ARI: the events, with pings that notice a dead connection. Bun's client takes no proxy from the
 * environment (test/drivers/asterisk/wire/proxy.test.ts).
 */
import { deadline } from "../../shared/deadline.ts";
import type { Log } from "../../../src/log/log.ts";
import type { Timers } from "../../../src/platform/timers.ts";
import { oneLine } from "../../../src/platform/text.ts";
import { type AriAddress, basic, placeOf } from "./rest.ts";

/** How to open the websocket. Times in ms. */
export interface SocketOptions extends AriAddress {
  readonly application: string;
  readonly connectMs: number;
  /** The connection is lost after this time without a message or a pong. */
  readonly silenceMs: number;
  readonly log: Log;
  readonly timers: Timers;
  /** Receives the text of each message. */
  readonly onMessage: (text: string) => void;
}

/** The longest message that is read, in characters: an event has a few KB. */
export const maxMessageLength = 1024 * 1024;

/** Bun's client has more than the standard's: headers, TLS, ping and pong. */
type BunSocket = WebSocket & { ping(): void; terminate(): void };
const Client = WebSocket as unknown as new (url: string, options: unknown) => BunSocket;

/** An open websocket. */
export class EventSocket {
  readonly #socket: BunSocket;
  readonly #options: SocketOptions;
  readonly #closed = Promise.withResolvers<string>();
  #cancelWatch: () => void = () => {};
  /** When something was heard last, by the timers' clock. */
  #heardAt: number;
  #isClosed = false;
  /** Resolves with the reason, as a clause for people. */
  readonly closed = this.#closed.promise;

  private constructor(options: SocketOptions, socket: BunSocket) {
    this.#options = options;
    this.#socket = socket;
    this.#heardAt = options.timers.now();
  }

  /** Connects, until the signal is aborted. Rejects with an Error for people. */
  static async open(options: SocketOptions, signal: AbortSignal): Promise<EventSocket> {
    const { tls, ca, application, connectMs, timers } = options;
    const query = new URLSearchParams({ app: application, subscribeAll: "false" });
    const socket = new Client(`${tls ? "wss" : "ws"}://${placeOf(options)}${options.prefix}/ari/events?${query}`, {
      headers: { Authorization: basic(options) },
      ...(tls && ca !== undefined ? { tls: { ca } } : {}),
    });
    const opening = Promise.withResolvers<void>();
    const events = new EventSocket(options, socket);
    const fail = (why: string) => opening.reject(new Error(`no websocket to Asterisk at ${placeOf(options)} (${why})`));
    const cancel = deadline(timers, connectMs, () => fail(`not open within ${connectMs / 1000} s`));
    const abort = () => {
      fail("stopped");
      events.close("stopped");
    };
    signal.addEventListener("abort", abort, { once: true });
    void events.closed.then(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
    socket.addEventListener("open", () => opening.resolve());
    socket.addEventListener("message", ({ data }) => events.#onMessage(data));
    socket.addEventListener("pong" as "message", () => events.#heard());
    socket.addEventListener("error", (event) => fail(oneLine((event as ErrorEvent).message ?? "").replace(/^.*failed: /, "")));
    socket.addEventListener("close", ({ code }) => {
      fail("closed");
      events.close(`Asterisk closed the websocket (${code})`);
    });
    try {
      await opening.promise;
    } catch (error) {
      events.close("not opened");
      throw error;
    } finally {
      cancel();
    }
    events.#watch();
    return events;
  }

  /** Closes at once; does nothing when closed. */
  close(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelWatch();
    // A close frame first: Asterisk logs a warning about a connection that ends without one.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(1000);
    this.#socket.terminate();
    this.#closed.resolve(why);
  }

  #onMessage(data: unknown): void {
    if (this.#isClosed) return;
    this.#heard();
    const { log, onMessage } = this.#options;
    if (typeof data === "string" && data.length <= maxMessageLength) return onMessage(data);
    log.rarely("odd message").warning("Dropped a message of Asterisk: it is not text, or too long", {
      characters: typeof data === "string" ? data.length : undefined,
    });
  }

  #heard(): void {
    this.#heardAt = this.#options.timers.now();
  }

  /** Pings, and notices when nothing was heard for too long. A process that stood still reads what has arrived first. */
  #watch(): void {
    if (this.#isClosed) return;
    const { timers, silenceMs } = this.#options;
    this.#cancelWatch = deadline(timers, silenceMs / 3, () => {
      if (timers.now() - this.#heardAt >= silenceMs) {
        return this.close(`Asterisk sent nothing for ${silenceMs / 1000} s, not even a pong`);
      }
      this.#socket.ping();
      this.#watch();
    });
  }
}
