/** The messages of both wires, for ten minutes, for everybody who looks. */
import type { LogEntry } from "../log/log.ts";
import type { WireMessage } from "./source.ts";

/** A message with its number and its time (ISO 8601). */
export interface TracedMessage extends WireMessage {
  readonly id: number;
  readonly at: string;
}

/** The state of the trace. */
export interface TraceState {
  /** When it ends (ISO 8601); absent while it is off. */
  readonly until?: string;
}

/** How long the messages are followed, in ms. */
const traceMs = 600_000;

/** How many messages are kept, how long one may be, and how many are passed on within a second: the rest is counted. */
const maxKept = 60;
const maxLength = 4000;
const maxPerSecond = 50;

/** What the trace needs. */
export interface TraceOptions {
  readonly follow: (take: (entry: LogEntry) => void) => () => void;
  readonly message: (entry: LogEntry) => WireMessage | undefined;
  /** Is given each message. */
  readonly added: (message: TracedMessage) => void;
  /** It was started, or has ended. */
  readonly changed: () => void;
}

/** Follows both wires. Messages contain customers' numbers, and no secrets. */
export class Trace {
  readonly #options: TraceOptions;
  readonly #messages: TracedMessage[] = [];
  #id = 0;
  #second = { at: 0, count: 0 };
  #running: { readonly until: number; readonly stop: () => void } | undefined;

  constructor(options: TraceOptions) {
    this.#options = options;
  }

  get state(): TraceState {
    return this.#running ? { until: new Date(this.#running.until).toISOString() } : {};
  }

  /** The last messages, the oldest first. */
  get messages(): readonly TracedMessage[] {
    return this.#messages;
  }

  /** Follows for ten minutes from now. */
  start(): void {
    this.stop();
    this.#messages.length = 0;
    const leave = this.#options.follow((entry) => this.#take(entry));
    const timer = setTimeout(() => this.stop(), traceMs);
    timer.unref();
    const stop = (): void => {
      clearTimeout(timer);
      leave();
    };
    this.#running = { until: Date.now() + traceMs, stop };
    this.#options.changed();
  }

  /** Ends it; the messages stay. */
  stop(): void {
    if (!this.#running) return;
    this.#running.stop();
    this.#running = undefined;
    this.#options.changed();
  }

  #take(entry: LogEntry): void {
    // A busy box has more messages than anybody reads; the daemon comes first.
    const second = Math.floor(performance.now() / 1000);
    if (this.#second.at !== second) this.#second = { at: second, count: 0 };
    if (++this.#second.count > maxPerSecond) return;
    const found = this.#options.message(entry);
    if (!found) return;
    const message = { ...found, whole: found.whole.slice(0, maxLength), id: ++this.#id, at: new Date().toISOString() };
    this.#messages.push(message);
    if (this.#messages.length > maxKept) this.#messages.shift();
    this.#options.added(message);
  }
}
