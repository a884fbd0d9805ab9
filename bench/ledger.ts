/** Matches events written on the event socket with POSTs at the CRM, by call: latencies and losses. */
import { moments } from "./frames.ts";

/** Times of a call's events, in ns of one clock. */
interface Entry {
  readonly measured: boolean;
  readonly written: number[];
  readonly arrived: number[];
  next: number;
}

/** Counts of the events of a round. */
export interface Tally {
  readonly expected: number;
  readonly lost: number;
  readonly repeated: number;
  readonly outOfOrder: number;
  /** POSTs about unknown calls. */
  readonly strange: number;
}

/** The calls of one round. */
export class Ledger {
  readonly #calls = new Map<string, Entry>();
  /** Times from the write on the event socket to the arrival at the CRM, in ms, of the measured calls. */
  readonly latencies: number[] = [];
  #repeated = 0;
  #outOfOrder = 0;
  #strange = 0;
  #open = 0;
  #onArrival: (call: string, moment: number) => void = () => {};
  #wake: (() => void) | undefined;

  /** @param measured whether its times count; those of warm-up calls do not. */
  begin(call: string, measured: boolean): void {
    this.#calls.set(call, { measured, written: [], arrived: [], next: 0 });
    this.#open += moments.length;
  }

  written(call: string, moment: number, at: number): void {
    const entry = this.#calls.get(call);
    if (entry) entry.written[moment] = at;
  }

  /** Called at the first arrival of each event. */
  set onArrival(listener: (call: string, moment: number) => void) {
    this.#onArrival = listener;
  }

  /** Records the body of a POST. */
  arrived(body: string, at: number): void {
    const call = /"occtSourceID"\s+value="([^"]*)"/.exec(body)?.[1] ?? "";
    const moment = moments.findIndex((name) => body.includes(`"${name}"`));
    const entry = this.#calls.get(call);
    if (!entry || moment < 0) {
      this.#strange++;
      return;
    }
    if (entry.arrived[moment] !== undefined) {
      this.#repeated++;
      return;
    }
    if (moment < entry.next) this.#outOfOrder++;
    entry.next = Math.max(entry.next, moment + 1);
    entry.arrived[moment] = at;
    const written = entry.written[moment];
    if (entry.measured && written !== undefined) this.latencies.push((at - written) / 1e6);
    this.#open--;
    this.#onArrival(call, moment);
    if (this.#open === 0) this.#wake?.();
  }

  /** Resolves when everything has arrived, or after `ms`. */
  async complete(ms: number): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** The measured calls, with the write times of their events. */
  calls(): { readonly call: string; readonly written: readonly number[] }[] {
    return [...this.#calls].flatMap(([call, { measured, written }]) => measured ? [{ call, written }] : []);
  }

  get tally(): Tally {
    return {
      expected: this.#calls.size * moments.length,
      lost: this.#open,
      repeated: this.#repeated,
      outOfOrder: this.#outOfOrder,
      strange: this.#strange,
    };
  }
}
