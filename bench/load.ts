/** The load: calls on desks, at a fixed rate or as fast as possible, and other traffic of the switch. */
import { Crm } from "./crm.ts";
import { type Frame, moments, newParties, type Parties, scripts } from "./frames.ts";
import { Ledger } from "./ledger.ts";
import { rest } from "./measure.ts";
import { Pbx } from "./pbx.ts";

/** The amount of load. */
export interface Pace {
  readonly callsPerSecond: number;
  readonly calls: number;
  /** From ring to answer, and from answer to end, in ms; 0: all events of a call in one burst. */
  readonly gapMs: number;
  /** Events per second of calls on other phones. */
  readonly others: number;
}

interface Call {
  readonly script: readonly (readonly Frame[])[];
  readonly parties: Parties;
}

/** A switch and a CRM, with calls between them. */
export class Site {
  /** Records what the CRM receives. */
  ledger = new Ledger();
  readonly crm = new Crm((body, at) => this.ledger.arrived(body, at));
  readonly #scripts = scripts();

  private constructor(readonly pbx: Pbx, readonly desks: readonly string[]) {}

  static async open(desks: readonly string[]): Promise<Site> {
    return new Site(await Pbx.open(), desks);
  }

  close(): void {
    this.pbx.close();
    this.crm.close();
  }

  /** Plays calls at a fixed rate, even if earlier ones are late; resolves when all events have arrived, or 3 s after the last. */
  async play({ callsPerSecond, calls, gapMs, others }: Pace): Promise<Ledger> {
    const ledger = this.ledger = new Ledger();
    const every = 1000 / callsPerSecond;
    const agenda = Array.from({ length: calls }, (_, i) => {
      const call = this.#begin(i, ledger);
      return moments.map((_, moment) => ({ due: i * every + moment * gapMs, act: () => this.#burst(call, moment) }));
    }).flat();
    agenda.push(...this.#foreign(others, calls * every + 2 * gapMs));
    const zero = performance.now() + 5;
    for (const { due, act } of agenda.sort((a, b) => a.due - b.due)) {
      const wait = zero + due - performance.now();
      if (wait > 0.5) await rest(wait);
      act();
    }
    await ledger.complete(3000);
    return ledger;
  }

  /** Plays calls as fast as possible, a number at once: each event as soon as the one before has arrived. Resolves at the end. */
  async rush(calls: number, atOnce: number, ledger: Ledger = new Ledger()): Promise<Ledger> {
    this.ledger = ledger;
    const live = new Map<string, Call>();
    let begun = 0;
    const begin = () => {
      const call = this.#begin(begun++, ledger);
      live.set(call.parties.leg, call);
      this.#burst(call, 0);
    };
    ledger.onArrival = (id, moment) => {
      const call = live.get(id);
      if (call && moment < 2) return this.#burst(call, moment + 1);
      live.delete(id);
      if (begun < calls) begin();
    };
    for (let i = 0; i < atOnce; i++) begin();
    // A call that loses an event never ends: then nothing arrives anymore.
    for (let last = 0; ledger.last !== last && ledger.tally.lost > 0;) {
      last = ledger.last;
      await ledger.complete(10_000);
    }
    return ledger;
  }

  #begin(index: number, ledger: Ledger): Call {
    const script = this.#scripts[index % this.#scripts.length] ?? [];
    const parties = newParties(this.desks[index % this.desks.length] ?? "1001");
    ledger.begin(parties.leg);
    return { script, parties };
  }

  #burst({ script, parties }: Call, moment: number): void {
    for (const frame of script[moment] ?? []) {
      const at = this.pbx.publish(frame, parties);
      if (frame.isCause && at !== undefined) this.ledger.written(parties.leg, moment, at);
    }
  }

  /** Events of calls on phones without a desk for `ms`, spread evenly, two at a time. */
  #foreign(perSecond: number, ms: number) {
    const frames = this.#scripts.flat(2);
    let parties = newParties("5000");
    return Array.from({ length: Math.round(ms / 1000 * perSecond) }, (_, i) => ({
      due: Math.floor(i / 2) * 2 * (1000 / perSecond),
      act: () => {
        const frame = frames[i % frames.length];
        if (i % frames.length === 0) parties = newParties(String(5000 + i % 4000));
        if (frame) this.pbx.publish(frame, parties);
      },
    }));
  }
}
