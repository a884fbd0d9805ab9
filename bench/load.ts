/** The load: calls on desks, at a fixed rate or as fast as possible, and other traffic of the switch. */
import { moments, newParties, type Parties, type Script } from "./frames.ts";
import type { Ledger } from "./ledger.ts";
import type { Pbx } from "./pbx.ts";

/** The parts of a measurement. */
export interface Stage {
  readonly pbx: Pbx;
  readonly ledger: Ledger;
  readonly scripts: readonly Script[];
  readonly desks: readonly string[];
}

/** The amount of load. */
export interface Pace {
  readonly callsPerSecond: number;
  /** Measured calls, after the warm-up. */
  readonly calls: number;
  readonly warmUp: number;
  /** Events per second of calls on other phones. */
  readonly others: number;
}

/** From ring to answer, and from answer to end, in ms, so that events of different calls do not coincide. */
const moreThan = 215;

/** Plays calls at a fixed rate, even if earlier ones are late; resolves when all events have arrived, or 3 s after the last. */
export async function play({ pbx, ledger, scripts, desks }: Stage, pace: Pace): Promise<void> {
  const every = 1000 / pace.callsPerSecond;
  const agenda: { readonly due: number; readonly act: () => void }[] = [];
  for (let i = 0; i < pace.warmUp + pace.calls; i++) {
    const script = scripts[i % scripts.length];
    if (!script) continue;
    const parties = newParties(desks[i % desks.length] ?? "1001");
    for (const moment of moments.keys()) {
      const act = () => {
        if (moment === 0) ledger.begin(parties.leg, i >= pace.warmUp);
        burst(pbx, ledger, script, moment, parties);
      };
      agenda.push({ due: i * every + moment * moreThan, act });
    }
  }
  if (pace.others > 0) agenda.push(...foreign(pbx, scripts, pace, every));
  await carryOut(agenda.sort((a, b) => a.due - b.due));
  await ledger.complete(3000);
}

/** Plays events of calls on phones without a desk, at the given rate, spread evenly, two at a time. */
function foreign(pbx: Pbx, scripts: readonly Script[], pace: Pace, every: number) {
  const frames = scripts.flatMap((script) => script.flatMap((burst) => burst.frames));
  const lasts = (pace.warmUp + pace.calls) * every + 2 * moreThan;
  const count = Math.round((lasts / 1000) * pace.others);
  let parties = newParties("5000");
  return Array.from({ length: count }, (_, i) => ({
    due: Math.floor(i / 2) * 2 * (1000 / pace.others),
    act: () => {
      const at = i % frames.length;
      if (at === 0) parties = newParties(String(5000 + (i % 4000)));
      const frame = frames[at];
      if (frame) pbx.publish(frame, parties);
    },
  }));
}

async function carryOut(agenda: readonly { readonly due: number; readonly act: () => void }[]): Promise<void> {
  const zero = performance.now() + 5;
  for (const { due, act } of agenda) {
    const wait = zero + due - performance.now();
    if (wait > 0.5) await new Promise((done) => setTimeout(done, wait));
    act();
  }
}

/** Plays calls as fast as possible, a number at once: each event as soon as the one before has arrived. Resolves at the end. */
export async function rush({ pbx, ledger, scripts, desks }: Stage, calls: number, atOnce: number): Promise<void> {
  const done = Promise.withResolvers<void>();
  const live = new Map<string, { readonly script: Script; readonly parties: Parties }>();
  let begun = 0;
  let over = 0;
  let watch = setTimeout(done.resolve, 10_000);
  const begin = () => {
    const script = scripts[begun % scripts.length];
    if (begun >= calls || !script) return;
    const parties = newParties(desks[begun % desks.length] ?? "1001");
    begun++;
    live.set(parties.leg, { script, parties });
    ledger.begin(parties.leg, true);
    burst(pbx, ledger, script, 0, parties);
  };
  ledger.onArrival = (id, moment) => {
    const call = live.get(id);
    if (!call) return;
    if (moment < 2) return burst(pbx, ledger, call.script, moment + 1, call.parties);
    live.delete(id);
    if (++over % 100 === 0) {
      clearTimeout(watch);
      watch = setTimeout(done.resolve, 10_000);
    }
    if (over === calls) done.resolve();
    else begin();
  };
  for (let i = 0; i < atOnce; i++) begin();
  await done.promise;
  clearTimeout(watch);
  ledger.onArrival = () => {};
}

function burst(pbx: Pbx, ledger: Ledger, script: Script, moment: number, parties: Parties): void {
  const { frames, trigger } = script[moment] ?? script[0];
  for (const [index, frame] of frames.entries()) {
    const at = pbx.publish(frame, parties);
    if (index === trigger && at !== undefined) ledger.written(parties.leg, moment, at);
  }
}
