/** The rounds. Each starts its contestants side by side and loads them in turn, so that noise affects all of them. */
import { statSync } from "node:fs";
import { measureCallouts } from "./callouts.ts";
import { type Key, keys, type Programs, type Seat, seated } from "./contestants.ts";
import { fleet } from "./fleet.ts";
import { Ledger } from "./ledger.ts";
import type { Pace } from "./load.ts";
import { cpuFrom, memory, now, quantile, rest } from "./measure.ts";
import type { Results, Unit } from "./results.ts";
import { backlog, profile } from "./watched.ts";

/** The full run, about twelve minutes: calls and seconds are those of each turn. */
export const full = {
  ...{ turns: 5, calls: 100, warmUp: 10, starts: 7, idleSeconds: 30, calloutTurns: 3, calloutSeconds: 2 },
  ...{ growthTurns: 3, growth: [1, 10, 100, 1000], growthOfPeers: [100, 1000] },
  ...{ fleets: [1000, 5000], fleetTurns: 3 },
  ...{ waiting: 10_000, memoryOf: keys, memoryCalls: 10_000, restMs: 6000 },
};
/** The quick run, half a minute: shows that everything works, and large deviations; too short for a p99. */
export const quick: typeof full = {
  ...{ turns: 1, calls: 12, warmUp: 2, starts: 1, idleSeconds: 1, calloutTurns: 1, calloutSeconds: 0.4 },
  ...{ growthTurns: 1, growth: [100], growthOfPeers: [] },
  ...{ fleets: [200], fleetTurns: 1 },
  ...{ waiting: 1000, memoryOf: ["unit"], memoryCalls: 200, restMs: 300 },
};

/** Calls whose events do not coincide, and calls with all events in one burst. */
const steady = { callsPerSecond: 20, gapMs: 215, others: 0 };
const burst = { callsPerSecond: 40, gapMs: 0, others: 0 };

/** The environment of a round. */
export interface Bench {
  readonly programs: Programs;
  readonly extent: typeof full;
  readonly say: (text: string) => void;
  readonly results: Results;
}

/** Rounds with contestants of one desk each, which they share. */
const shared = {
  idle,
  events: (bench: Bench, seats: readonly Seat[]) =>
    flows(bench, seats, { "event to POST": steady, "with 1,000 other events a second": { ...steady, others: 1000 } }),
  bursts: (bench: Bench, seats: readonly Seat[]) => flows(bench, seats, { "40 calls a second in bursts": burst }),
  callouts,
};
/** Rounds that start their own contestants. */
const separate = {
  start,
  growth,
  profile: (bench: Bench) => profile(bench, { ...steady, calls: bench.extent.calls * bench.extent.turns }),
  backlog,
  memory: memoryOfAll,
  fleet,
};
/** The rounds for `--only`, in their order. */
export const roundNames = [...Object.keys(shared), ...Object.keys(separate)];

/** Runs the rounds with these names. */
export async function run(bench: Bench, only: readonly string[]): Promise<void> {
  const play = async <T extends unknown[]>(
    rounds: { readonly [name: string]: (...values: T) => Promise<void> },
    ...values: T
  ) => {
    for (const [name, round] of Object.entries(rounds).filter(([name]) => only.includes(name))) {
      bench.say(name);
      await round(...values);
    }
  };
  if (only.some((name) => name in shared)) {
    await seated(bench.programs, present(bench).map(oneDesk), (...seats) => play(shared, bench, seats), true);
  }
  await play(separate, bench);
}

/** The available contestants. */
function present({ programs }: Bench): Key[] {
  return keys.filter((key) => programs[key]);
}

/** A number of extensions of four digits. */
function desksOf(key: Key, count: number) {
  return { key, desks: Array.from({ length: count }, (_, i) => String(1001 + i)) };
}

function oneDesk(key: Key) {
  return desksOf(key, 1);
}

/** From the start of the process until it says that it runs. */
async function start(bench: Bench): Promise<void> {
  const { programs, results, extent } = bench;
  for (const key of Array.from({ length: extent.starts }, () => present(bench)).flat()) {
    const setup = { ...oneDesk(key), onlyReady: true };
    await seated(programs, [setup], ({ readyMs }) => results.add(key, "start to READY", "ms", readyMs));
  }
  for (const key of ["unit", "floor"] as const) {
    if (programs[key]) results.add(key, "size of the program", "kB", statSync(programs[key][0] ?? "").size / 1024);
  }
}

/** Processor time with heartbeats only, for all contestants at once. */
async function idle({ extent, results }: Bench, seats: readonly Seat[]): Promise<void> {
  await rest(1000);
  const began = now();
  const used = seats.map(({ key, pid }) => ({ key, cpu: cpuFrom(pid) }));
  await rest(extent.idleSeconds * 1000);
  const lasted = now() - began;
  for (const { key, cpu } of used) results.add(key, "CPU when idle", "core", cpu() / lasted);
}

/** The same load for each contestant in each turn, the situations alternating, so that they are comparable. */
async function flows(
  bench: Bench,
  seats: readonly Seat[],
  situations: { readonly [name: string]: Omit<Pace, "calls"> },
): Promise<void> {
  for (const seat of Array.from({ length: bench.extent.turns }, () => seats).flat()) {
    for (const [name, pace] of Object.entries(situations)) await flow(bench, seat, pace, name);
  }
}

/** Plays calls for one contestant, after a few that warm it up. */
async function flow(
  { extent, say, results }: Bench,
  { key, site, pid }: Seat,
  pace: Omit<Pace, "calls">,
  row: string,
  table?: string,
) {
  await site.play({ ...pace, calls: extent.warmUp });
  const [cpu, own] = [cpuFrom(pid), cpuFrom(process.pid)];
  const began = now();
  const { latencies, tally } = await site.play({ ...pace, calls: extent.calls });
  const load = own() / (now() - began);
  if (load > 0.7) say(`the load generator uses ${(load * 100).toFixed(0)} % of a core: it measures itself`);
  results.add(key, `${row}, p50`, "ms", quantile(latencies, 0.5), table);
  results.add(key, `${row}, p99`, "ms", quantile(latencies, 0.99), table);
  results.addFaults(key, row, tally, table);
  results.add(key, `${row}, CPU`, "ms", cpu() / tally.expected, table);
}

async function callouts({ extent, results }: Bench, seats: readonly Seat[]): Promise<void> {
  for (const { key, pid, httpPort } of Array.from({ length: extent.calloutTurns }, () => seats).flat()) {
    if (httpPort === undefined) continue;
    const record = (row: string, unit: Unit, value: number) => results.add(key, `CheckStatus${row}`, unit, value);
    await measureCallouts(httpPort, pid, extent.calloutSeconds, record);
  }
}

/** Calls over more and more desks of one process, all processes side by side. */
async function growth(bench: Bench): Promise<void> {
  const { extent, results } = bench;
  const table = "As it grows: 20 calls a second over all desks of one process";
  const counts = (key: Key) => key === "unit" ? extent.growth : extent.growthOfPeers.slice(key === "jit" ? -1 : 0);
  const setups = present(bench).flatMap((key) => counts(key).map((count) => desksOf(key, count)));
  await seated(bench.programs, setups, async (...seats) => {
    const name = ({ site: { desks } }: Seat) => `${desks.length.toLocaleString("en")} desk${desks.length === 1 ? "" : "s"}`;
    for (const seat of Array.from({ length: extent.growthTurns }, () => seats).flat()) {
      await flow(bench, seat, steady, name(seat), table);
    }
    const calls = extent.growthTurns * (extent.calls + extent.warmUp);
    for (const seat of seats) {
      const record = (row: string, unit: Unit, value: number) =>
        results.add(seat.key, `${name(seat)}, ${row}`, unit, value, table);
      const { filters = NaN, events = NaN, bytes = NaN } = seat.site.pbx.costs()[0] ?? {};
      record("until settled", "ms", seat.settledMs);
      record("memory", "kB", memory(seat.pid).rss);
      record("filters at the switch", "whole", filters);
      record("events of the switch a call", "each", events / calls);
      record("kB of the switch a call", "each", bytes / calls / 1000);
    }
  });
}

/** Calls as fast as possible, with a rest before memory is read, since freed memory is returned later. */
async function memoryOfAll(bench: Bench): Promise<void> {
  const { programs, results, extent: { memoryCalls, memoryOf, restMs } } = bench;
  for (const key of present(bench).filter((key) => memoryOf.includes(key))) {
    await seated(programs, [oneDesk(key)], async ({ site, pid }) => {
      const ledger = new Ledger();
      const half = async () => {
        const began = now();
        await site.rush(memoryCalls / 2, 8, ledger);
        results.add(key, "calls a second, as fast as they go", "whole", memoryCalls / 2 / (now() - began) * 1000);
        await rest(restMs);
        return memory(pid);
      };
      const [fresh, first, second] = [memory(pid), await half(), await half()];
      results.addFaults(key, "as fast as they go", ledger.tally);
      results.add(key, "memory before the first call", "kB", fresh.rss);
      results.add(key, "memory after all calls", "kB", second.rss);
      results.add(key, "of it the process's own", "kB", second.own);
      results.add(key, "added by the second half", "kB", second.own - first.own);
    });
  }
}
