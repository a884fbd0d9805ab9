/** A relay whose line and broker are the test's. */
import { AsyncQueue } from "../../drivers/shared/async-queue.ts";
import type { BrokerMessage } from "../../src/broker/broker.ts";
import type { Line, LineCommand, LineEvent } from "../../src/core/line.ts";
import { openLog } from "../../src/log/log.ts";
import { Relay, type RelayOptions } from "../../src/relay/relay.ts";
import { testRules } from "./relay-rig.ts";
import { FakeTimers } from "./timers.ts";

/** One relay. */
export class LoneRelay implements AsyncDisposable {
  readonly timers = new FakeTimers();
  readonly executed: LineCommand[] = [];
  /** The legs that the switch was asked for. */
  readonly checked: { readonly desk: string; readonly leg: string }[] = [];
  /** What it has answered. */
  readonly answers: string[] = [];
  /** What it has published, with the subjects. */
  readonly published: [string, string][] = [];
  readonly relay: Relay;
  /** Resolves when the broker has what was sent. */
  flush: () => Promise<void> = () => Promise.resolve();
  /** What the other relays answer. */
  request: () => Promise<string> = () => Promise.reject(new Error("nobody listens"));
  readonly #broker: { server: string | undefined };
  readonly #events = new AsyncQueue<LineEvent>();
  readonly #takes = new Map<string, (message: BrokerMessage) => void>();

  private constructor(desks: readonly string[]) {
    const line: Line = {
      events: (signal) => {
        signal.addEventListener("abort", () => this.#events.end(Promise.resolve()));
        return this.#events;
      },
      execute: (command) => void this.executed.push(command),
      check: (legs) => void this.checked.push(...legs),
    };
    const broker: RelayOptions["broker"] & { server: string | undefined } = {
      connections: 1,
      server: "test",
      onUp: () => () => {},
      flush: () => this.flush(),
      request: () => this.request(),
      publish: (subject, text) => void this.published.push([subject, text]),
      respond: (_, text) => void this.answers.push(text),
      subscribe: (subject, take) => {
        this.#takes.set(subject, take);
        return () => {};
      },
    };
    this.#broker = broker;
    this.relay = new Relay({
      name: "a",
      rank: 1,
      boot: "1",
      prefix: "tele",
      desks,
      line,
      broker,
      rules: testRules,
      log: openLog(() => {}, "error", false),
      timers: this.timers,
    });
  }

  /** Starts it, with its switch. */
  static async start(desks: readonly string[]): Promise<LoneRelay> {
    const lone = new LoneRelay(desks);
    await lone.happens({ type: "link-up", to: "switch" }, { type: "snapshot", desks, legs: [] });
    return lone;
  }

  /** The line reports this. */
  async happens(...events: readonly LineEvent[]): Promise<void> {
    for (const event of events) this.#events.push(event);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** A box asks. What the line does follows with `happens`. */
  ask(desk: string, question: string, text: string, reply: string | undefined = `_INBOX.${desk}.x`): void {
    this.#takes.get("tele.ask.*.*")?.({ subject: `tele.ask.${desk}.${question}`, text, reply, noResponders: false });
  }

  /** Its connection to the broker is lost. */
  loseBroker(): void {
    this.#broker.server = undefined;
  }

  /** Another relay announces a command. */
  claimed(claim: object): void {
    this.#others("claim", claim);
  }

  /** Another relay asks whether this one knows a command. */
  asksWhetherKnown(id: string): void {
    this.#others("known", { id, age: 800 });
  }

  #others(kind: string, message: object): void {
    const subject = `tele.relay.${kind}`;
    const text = JSON.stringify({ v: 1, r: "b#1", desk: "1001", ...message });
    this.#takes.get(subject)?.({ subject, text, reply: "_INBOX.relay-b.x", noResponders: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay.stop();
  }
}
