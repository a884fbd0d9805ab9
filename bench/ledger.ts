/** Matches events written on the event socket with POSTs at the CRM, by call: latencies and losses. */
import { moments } from "./frames.ts";

/** When each event of a call was written and has arrived, in ms. */
export interface Entry {
  readonly written: number[];
  readonly arrived: number[];
}

/** Counts of the events of a round; strange ones are about unknown calls. */
export type Tally = Readonly<Record<"expected" | "lost" | "repeated" | "outOfOrder" | "strange", number>>;

/** The calls of one round. */
export class Ledger {
  readonly calls = new Map<string, Entry>();
  /** Times from the write on the event socket to the arrival at the CRM, in ms. */
  readonly latencies: number[] = [];
  /** Called at the first arrival of each event. */
  onArrival: (call: string, moment: number) => void = () => {};
  /** When the first and the latest event arrived. */
  first = NaN;
  last = NaN;
  readonly #counts = { repeated: 0, outOfOrder: 0, strange: 0 };
  #open = 0;
  #wake = () => {};

  begin(call: string): void {
    this.calls.set(call, { written: [], arrived: [] });
    this.#open += moments.length;
  }

  written(call: string, moment: number, at: number): void {
    const entry = this.calls.get(call);
    if (entry) entry.written[moment] = at;
  }

  /** Records the body of a POST. */
  arrived(body: string, at: number): void {
    const call = /"occtSourceID"\s+value="([^"]*)"/.exec(body)?.[1] ?? "";
    const moment = moments.findIndex((name) => body.includes(`"${name}"`));
    const { written, arrived } = this.calls.get(call) ?? {};
    if (!written || !arrived || moment < 0) return void this.#counts.strange++;
    if (arrived[moment] !== undefined) return void this.#counts.repeated++;
    if (arrived.length > moment) this.#counts.outOfOrder++;
    arrived[moment] = this.last = at;
    if (Number.isNaN(this.first)) this.first = at;
    if (written[moment] !== undefined) this.latencies.push(at - written[moment]);
    this.#open--;
    this.onArrival(call, moment);
    if (this.#open === 0) this.#wake();
  }

  /** Resolves when everything has arrived, or after `ms`. */
  async complete(ms: number): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  get tally(): Tally {
    return { expected: this.calls.size * moments.length, lost: this.#open, ...this.#counts };
  }
}
