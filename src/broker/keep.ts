/** Keeps a connection to the broker: reconnects until it is closed, whatever the broker answers, and subscribes again. */
import type { Log } from "../log/log.ts";
import { pauseBefore } from "../platform/backoff.ts";
import { messageOf } from "../platform/text.ts";
import { pause, type Timers } from "../platform/timers.ts";
import type { Broker, BrokerMessage, BrokerOptions, OpenBroker } from "./broker.ts";
import { openBroker } from "./open.ts";
import { userName } from "./credentials.ts";

/** The longest pause between two attempts, in ms. */
const longestPause = 10_000;

/** What keeping a connection needs. */
export interface KeepOptions extends Omit<BrokerOptions, "random" | "onRefused"> {
  readonly log: Log;
  readonly timers: Timers;
  /** Default: NATS. */
  readonly open?: OpenBroker;
}

/** A question without an answer yet. */
interface Waiter {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
  readonly cancelDeadline: () => void;
}

interface Subscription {
  readonly subject: string;
  readonly take: (message: BrokerMessage) => void;
  end: () => void;
}

/** A connection that is made again whenever it is lost. */
export class KeptBroker {
  readonly #options: KeepOptions;
  readonly #stop = new AbortController();
  readonly #subscriptions = new Set<Subscription>();
  readonly #listeners = new Set<() => void>();
  readonly #inbox: string;
  readonly #waiters = new Map<string, Waiter>();
  #broker: Broker | undefined;
  #count = 0;
  #why = "not connected yet";
  readonly #over: Promise<void>;

  constructor(options: KeepOptions) {
    this.#options = options;
    const owner = (options.credentials === undefined ? undefined : userName(options.credentials)) ?? options.name;
    this.#inbox = `_INBOX.${owner}.${crypto.randomUUID().replaceAll("-", "")}.`;
    this.subscribe(`${this.#inbox}*`, (message) => this.#onAnswer(message));
    this.#over = this.#keepConnected();
  }

  /** The server that it is connected to; undefined while it is not. */
  get server(): string | undefined {
    return this.#broker?.server;
  }

  /** How many connections there have been. */
  get connections(): number {
    return this.#count;
  }

  /** Why there is no connection, as a clause; empty while there is one. */
  get why(): string {
    return this.#why;
  }

  /** Sends a text; without a connection it is lost. */
  publish(subject: string, text: string, reply?: string): void {
    this.#broker?.publish(subject, text, reply);
  }

  /** Subscribes, now and after each reconnect. @returns a function that ends it. */
  subscribe(subject: string, take: (message: BrokerMessage) => void): () => void {
    const subscription: Subscription = { subject, take, end: () => {} };
    this.#subscriptions.add(subscription);
    if (this.#broker) subscription.end = this.#broker.subscribe(subject, take);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.end();
    };
  }

  /** Asks, and resolves with the answer. Rejects with an Error for people if nobody answers in time, or nobody listens. */
  request(subject: string, text: string, ms: number): Promise<string> {
    if (!this.#broker) return Promise.reject(new Error(`there is no connection to the broker (${this.#why})`));
    const id = crypto.randomUUID().replaceAll("-", "");
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(id)?.reject(new Error(`nobody answered within ${ms / 1000} s`));
      this.#waiters.set(id, { resolve, reject, cancelDeadline: this.#options.timers.after(ms, late) });
      this.publish(subject, text, this.#inbox + id);
    });
  }

  /** Answers a question. */
  respond({ reply }: Pick<BrokerMessage, "reply">, text: string): void {
    if (reply !== undefined) this.publish(reply, text);
  }

  /** Resolves when everything sent so far has reached the broker. */
  async flush(): Promise<void> {
    await this.#broker?.flush();
  }

  /** Calls back after each connect, when the subscriptions have been sent, and at once if connected. @returns what ends it. */
  onUp(run: () => void): () => void {
    this.#listeners.add(run);
    if (this.#broker) run();
    return () => this.#listeners.delete(run);
  }

  /** Closes the connection, and makes no more. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#over;
  }

  async #keepConnected(): Promise<void> {
    const { signal } = this.#stop;
    const { log, timers, open = openBroker } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const broker = await open(
          { ...this.#options, random: () => timers.random(), onRefused: (why) => this.#refused(why) },
          signal,
        );
        log.rarely("connected", 10).info("Connected to the broker", {
          at: broker.server,
          failed: attempt === 0 ? undefined : attempt,
        });
        attempt = 0;
        this.#onConnected(broker);
        this.#lost(await broker.closed);
      } catch (error) {
        this.#lost(messageOf(error));
      }
      if (!signal.aborted) await pause(timers, pauseBefore(attempt, timers.random(), longestPause), signal);
    }
  }

  #onConnected(broker: Broker): void {
    this.#broker = broker;
    this.#count++;
    this.#why = "";
    for (const subscription of this.#subscriptions) subscription.end = broker.subscribe(subscription.subject, subscription.take);
    for (const run of this.#listeners) run();
  }

  #lost(why: string): void {
    this.#broker = undefined;
    for (const id of [...this.#waiters.keys()]) this.#settle(id)?.reject(new Error(why));
    if (this.#why === why || this.#stop.signal.aborted) return;
    this.#why = why;
    this.#options.log.rarely(`down ${why}`, 10).warning("No connection to the broker: retrying until it is available", { why });
  }

  #refused(why: string): void {
    this.#options.log.rarely(`refused ${why}`).warning("The broker refuses a message: check the rights of the credentials", {
      why,
    });
  }

  #onAnswer({ subject, text, noResponders }: BrokerMessage): void {
    const waiter = this.#settle(subject.slice(this.#inbox.length));
    if (noResponders) waiter?.reject(new Error("nobody listens"));
    else waiter?.resolve(text);
  }

  #settle(id: string): Waiter | undefined {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    waiter?.cancelDeadline();
    return waiter;
  }
}
