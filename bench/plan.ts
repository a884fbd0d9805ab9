/** The plan of a run: rounds, their order and durations, for the full run, the quick run and single rounds. */
import { type Backlog, backlog } from "./backlog.ts";
import type { CalloutResult } from "./callouts.ts";
import { type Key, keys, present } from "./contestants.ts";
import {
  type Bench,
  callouts,
  extensions,
  type Flow,
  flow,
  type GatewayCost,
  gateways,
  idle,
  memoryAfter,
  type MemoryResult,
  type Seat,
  seated,
  startToReady,
} from "./rounds.ts";
import { profile, type Stage } from "./profile.ts";
import { type Memory, memory } from "./process.ts";

/** The rounds for `--only`. */
export const roundNames = ["events", "growth", "callouts", "start", "memory", "idle", "gateways", "profile", "backlog"] as const;
export type RoundName = (typeof roundNames)[number];

/** The extent of a run. */
export interface Extent {
  readonly turns: number;
  /** Calls per turn, at 20 per second. */
  readonly calls: number;
  readonly warmUp: number;
  readonly growthTurns: number;
  readonly growth: readonly number[];
  readonly growthOfPeers: readonly number[];
  readonly calloutTurns: number;
  readonly calloutSeconds: number;
  readonly starts: number;
  readonly memoryCalls: number;
  readonly memoryOf: readonly Key[];
  readonly gatewayCalls: number;
  /** Events waiting for the CRM. */
  readonly backlog: number;
  readonly restMs: number;
  readonly idleSeconds: number;
}

/** The full run, about ten minutes. */
export const full: Extent = {
  turns: 5,
  calls: 100,
  warmUp: 10,
  growthTurns: 3,
  growth: [1, 10, 100, 1000],
  growthOfPeers: [100, 1000],
  calloutTurns: 3,
  calloutSeconds: 2,
  starts: 7,
  memoryCalls: 10_000,
  memoryOf: keys,
  gatewayCalls: 30,
  backlog: 10_000,
  restMs: 6000,
  idleSeconds: 30,
};

/** The quick run, half a minute: shows that everything works, and large deviations; too short for a p99. */
export const quick: Extent = {
  turns: 1,
  calls: 12,
  warmUp: 2,
  growthTurns: 1,
  growth: [100],
  growthOfPeers: [],
  calloutTurns: 1,
  calloutSeconds: 0.4,
  starts: 1,
  memoryCalls: 200,
  memoryOf: ["unit"],
  gatewayCalls: 6,
  backlog: 1000,
  restMs: 300,
  idleSeconds: 1,
};

/** The result with a number of desks. */
export interface Grown {
  readonly key: Key;
  readonly desks: number;
  readonly flows: readonly Flow[];
  /** From the start until subscribed and the legs, phones and agents of all desks are read, in ms. */
  readonly settledMs: number;
  readonly memory: Memory;
  /** Its filters at the switch. */
  readonly filters: number;
  /** Events and bytes sent to it by the switch, per call. */
  readonly events: number;
  readonly bytes: number;
}

/** All results; rounds that were not run are absent. */
export interface Results {
  oneDesk?: Partial<Record<Key, Flow[]>>;
  busy?: Partial<Record<Key, Flow[]>>;
  growth?: Grown[];
  callouts?: Partial<Record<Key, CalloutResult[]>>;
  start?: Partial<Record<Key, number[]>>;
  memory?: Partial<Record<Key, MemoryResult>>;
  idle?: Partial<Record<Key, number>>;
  gateways?: GatewayCost;
  backlog?: Backlog;
  profile?: readonly Stage[];
}

/** Runs the selected rounds. */
export async function run(bench: Bench, extent: Extent, selected: (name: RoundName) => boolean): Promise<Results> {
  const results: Results = {};
  const there = present(bench.programs);
  if (selected("start")) results.start = await starts(bench, there, extent.starts);
  if (selected("events") || selected("callouts") || selected("idle")) {
    await seated(bench, { seats: there.map((key) => ({ key, desks: extensions(1) })), together: true }, async (seats) => {
      if (selected("idle")) {
        bench.say(`idle: ${extent.idleSeconds} s, all at once`);
        results.idle = Object.fromEntries(await idle(seats, extent.idleSeconds));
      }
      if (selected("events")) Object.assign(results, await events(bench, seats, extent));
      if (selected("callouts")) {
        bench.say(`callouts: ${extent.calloutTurns} turns`);
        results.callouts = Object.fromEntries(await callouts(seats, extent.calloutTurns, extent.calloutSeconds));
      }
    });
  }
  if (selected("growth")) results.growth = await growth(bench, there, extent);
  if (selected("gateways")) {
    bench.say("gateways: two at one switch, calls at the first");
    results.gateways = await gateways(bench, extent.gatewayCalls);
  }
  if (selected("profile")) {
    bench.say("profile: one event, stage by stage");
    results.profile = await profile(extent.calls * extent.turns);
  }
  if (selected("backlog")) {
    bench.say(`backlog: ${extent.backlog} events that waited for the CRM`);
    results.backlog = await backlog(bench, extent.backlog);
  }
  if (selected("memory")) results.memory = await memoryOfAll(bench, there, extent);
  return results;
}

async function starts(bench: Bench, there: readonly Key[], turns: number): Promise<Partial<Record<Key, number[]>>> {
  bench.say(`start: ${turns} of each`);
  const all: Partial<Record<Key, number[]>> = {};
  for (let turn = 0; turn < turns; turn++) {
    for (const key of there) all[key] = [...all[key] ?? [], await startToReady(bench, key)];
  }
  return all;
}

/** One desk, alone and with 1,000 other events per second at the switch, alternately, so that they are comparable. */
async function events(bench: Bench, seats: readonly Seat[], extent: Extent): Promise<Pick<Results, "oneDesk" | "busy">> {
  const oneDesk: Partial<Record<Key, Flow[]>> = {};
  const busy: Partial<Record<Key, Flow[]>> = {};
  for (let turn = 0; turn < extent.turns; turn++) {
    bench.say(`events: turn ${turn + 1} of ${extent.turns}`);
    for (const seat of seats) {
      const pace = { callsPerSecond: 20, calls: extent.calls, warmUp: extent.warmUp };
      oneDesk[seat.key] = [...oneDesk[seat.key] ?? [], await flow(seat, { ...pace, others: 0 })];
      busy[seat.key] = [...busy[seat.key] ?? [], await flow(seat, { ...pace, others: 1000 })];
    }
  }
  return { oneDesk, busy };
}

async function growth(bench: Bench, there: readonly Key[], extent: Extent): Promise<Grown[]> {
  const counts = (key: Key) =>
    key === "unit" ? extent.growth : key === "jit" ? extent.growthOfPeers.slice(-1) : extent.growthOfPeers;
  const contestants = there.flatMap((key) => counts(key).map((count) => ({ key, desks: extensions(count) })));
  return await seated(bench, { seats: contestants }, async (seats) => {
    const flows = new Map<Seat, Flow[]>(seats.map((seat) => [seat, []]));
    for (let turn = 0; turn < extent.growthTurns; turn++) {
      bench.say(`growth: turn ${turn + 1} of ${extent.growthTurns}`);
      const pace = { callsPerSecond: 20, calls: extent.calls, warmUp: extent.warmUp, others: 0 };
      for (const seat of seats) flows.get(seat)?.push(await flow(seat, pace));
    }
    return seats.map((seat): Grown => {
      const calls = extent.growthTurns * (extent.calls + extent.warmUp);
      const { filters = 0, events = 0, bytes = 0 } = seat.pbx.costs()[0] ?? {};
      return {
        key: seat.key,
        desks: seat.desks.length,
        flows: flows.get(seat) ?? [],
        settledMs: seat.settledMs,
        memory: memory(seat.running.pid),
        filters,
        events: events / calls,
        bytes: bytes / calls,
      };
    });
  });
}

async function memoryOfAll(bench: Bench, there: readonly Key[], extent: Extent): Promise<Partial<Record<Key, MemoryResult>>> {
  const all: Partial<Record<Key, MemoryResult>> = {};
  for (const key of there.filter((name) => extent.memoryOf.includes(name))) {
    bench.say(`memory: ${extent.memoryCalls} calls as fast as they go, ${key}`);
    const work = async ([seat]: Seat[]) => seat && await memoryAfter(seat, extent.memoryCalls, extent.restMs);
    const result = await seated(bench, { seats: [{ key, desks: extensions(1) }] }, work);
    if (result) all[key] = result;
  }
  return all;
}
