/** What a line reports, for the tests of the drivers. */
import type { CommandResult, KnownLegs, LegFacts, Line, LineCommand, LineEvent } from "../../src/core/line.ts";

type Of<T extends LineEvent["type"]> = Extract<LineEvent, { type: T }>;

/** Listens to a line from its construction on. */
export class LineListener {
  readonly events: LineEvent[] = [];
  /** The legs that the daemon believes to be alive. */
  known: ReturnType<KnownLegs> = [];
  /** Resolves when the line's events have ended. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<() => void>();

  constructor(readonly line: Line, isStopped = false) {
    if (isStopped) this.stop();
    this.ended = this.#run();
  }

  /** Resolves with the first event of this type from number `from` on that passes the test. */
  async next<T extends LineEvent["type"]>(type: T, test: (event: Of<T>) => boolean = () => true, from = 0): Promise<Of<T>> {
    const find = () => this.events.slice(from).find((event): event is Of<T> => event.type === type && test(event as Of<T>));
    await this.until(() => find() !== undefined);
    return find() as Of<T>;
  }

  /** Resolves with the facts of the first leg event that pass the test. */
  async facts(test: (facts: LegFacts) => boolean, from = 0): Promise<LegFacts> {
    return (await this.next("leg", ({ facts }) => test(facts), from)).facts;
  }

  /** Resolves as soon as the test holds; it is run again after every event, and at every `look`. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!test()) return;
        this.#waiters.delete(ask);
        resolve();
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  dial(call: string = crypto.randomUUID(), desk = "1001", number = "914155550123"): Promise<CommandResult> {
    return this.execute({ type: "dial", desk, call, number });
  }

  /** Resolves with the command's result, once the line reports it. */
  async execute(command: LineCommand): Promise<CommandResult> {
    this.line.execute(command);
    return (await this.next("result", (event) => event.command === command)).result;
  }

  stop(): void {
    this.#stop.abort();
  }

  protected get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Something other than an event has happened: all waiting conditions are checked again. */
  protected look(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #run(): Promise<void> {
    for await (const event of this.line.events(this.#stop.signal, () => this.known)) {
      this.events.push(event);
      this.look();
    }
  }
}
