/** What a test of the contract hears of a line, and says to it. */
import type { CommandResult, LegFacts, Line, LineCommand, LineEvent } from "../../src/core/line.ts";

/** All that a line says, as it comes. */
export class Listener {
  readonly events: LineEvent[] = [];
  /** Resolves when the line has ended. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<() => void>();

  constructor(readonly line: Line, isStopped = false) {
    if (isStopped) this.stop();
    this.ended = this.#run();
  }

  /** Resolves with the first event from number `from` on that passes the test. */
  next<T extends LineEvent["type"]>(
    type: T,
    test: (event: Extract<LineEvent, { type: T }>) => boolean = () => true,
    from = 0,
  ): Promise<Extract<LineEvent, { type: T }>> {
    return new Promise((resolve) => {
      const ask = () => {
        const found = this.events.slice(from).find((event) =>
          event.type === type && test(event as Extract<LineEvent, { type: T }>)
        );
        if (found === undefined) return;
        this.#waiters.delete(ask);
        resolve(found as Extract<LineEvent, { type: T }>);
      };
      this.#waiters.add(ask);
      ask();
    });
  }

  /** Resolves with the first facts that pass the test. */
  async facts(test: (facts: LegFacts) => boolean): Promise<LegFacts> {
    return (await this.next("leg", ({ facts }) => test(facts))).facts;
  }

  /** Dials 14155550123, as the CRM asks. Resolves with the result. */
  async dial(call: string, from = "1001"): Promise<CommandResult> {
    const command: LineCommand = { type: "dial", desk: from, call, number: "14155550123" };
    this.line.execute(command);
    return (await this.next("result", (event) => event.command === command)).result;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    const known = () => [];
    for await (const event of this.line.events(this.#stop.signal, known)) {
      this.events.push(event);
      for (const waiter of [...this.#waiters]) waiter();
    }
  }
}
