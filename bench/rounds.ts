/** The rounds. Each starts its contestants side by side and loads them in turn, so that noise affects all of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CalloutResult, measureCallouts } from "./callouts.ts";
import { type Key, looks, type Programs, register, type Running, type Setup, start } from "./contestants.ts";
import { Crm } from "./crm.ts";
import { heartbeat, newParties, type Script, scripts } from "./frames.ts";
import { Ledger, type Tally } from "./ledger.ts";
import { type Pace, play, rush } from "./load.ts";
import { type Cost, Pbx } from "./pbx.ts";
import { Cpu, type Memory, memory } from "./process.ts";
import { quantile } from "./statistics.ts";

/** The environment of a round. */
export interface Bench {
  readonly programs: Programs;
  readonly say: (text: string) => void;
}

/** A contestant with its own switch and CRM. */
export interface Seat {
  readonly key: Key;
  readonly running: Running;
  readonly pbx: Pbx;
  readonly desks: readonly string[];
  readonly scripts: readonly Script[];
  /** From its start until it was subscribed and had read the live channels, in ms. */
  readonly settledMs: number;
  readonly say: (text: string) => void;
  /** Starts a new ledger for the CRM's arrivals. */
  ledger(): Ledger;
}

/** A measurement of events. Times in ms; `cpu`: the contestant's, in ms per event. */
export interface Flow extends Tally {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpu: number;
  /** The load generator's share of one core, from 0 to 1: near 1 it would measure itself. */
  readonly load: number;
}

/** Extensions of four digits. */
export function extensions(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(1001 + i));
}

/** The contestants to start: one after the other, or together, which is faster but makes start times meaningless. */
export interface Seating {
  readonly seats: readonly { readonly key: Key; readonly desks: readonly string[] }[];
  readonly together?: boolean;
}

/** Starts the contestants, waits until all are settled, runs the work, and always stops them. */
export async function seated<T>(
  bench: Bench,
  { seats: contestants, together = false }: Seating,
  work: (seats: Seat[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-bench-"));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const seats: Seat[] = [];
    const open = (contestant: Seating["seats"][number]) => seat({ bench, ...contestant, folder, closers });
    if (together) seats.push(...await Promise.all(contestants.map(open)));
    else for (const contestant of contestants) seats.push(await open(contestant));
    return await work(seats);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

interface Place {
  readonly bench: Bench;
  readonly key: Key;
  readonly desks: readonly string[];
  readonly folder: string;
  readonly closers: (() => unknown)[];
}

async function seat({ bench, key, desks, folder, closers }: Place): Promise<Seat> {
  let ledger = new Ledger();
  const crm = new Crm((body, at) => ledger.arrived(body, at));
  closers.push(() => crm.close());
  const pbx = new Pbx();
  pbx.listen(heartbeat(), newParties("1001"));
  closers.push(() => pbx.close());
  const setup: Setup = { folder, pbxPort: pbx.port, crmPort: crm.port, desks };
  const running = await start(key, bench.programs, setup);
  closers.push(() => running.stop());
  await within(30_000, pbx.settled(1, looks(key)), () => `${key} did not become ready:\n${running.log().slice(-2000)}`);
  const settledMs = performance.now() - running.began;
  await register(running, setup);
  return { key, running, pbx, desks, settledMs, say: bench.say, scripts: scripts(), ledger: () => ledger = new Ledger() };
}

/** Waits at most `ms` for a promise. @throws Error with the text of `otherwise`. */
export async function within(ms: number, done: Promise<void>, otherwise: () => string): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(otherwise())), ms);
  await Promise.race([done, promise]).finally(() => clearTimeout(timer));
}

/** Plays calls at a fixed rate through one contestant. */
export async function flow(seat: Seat, pace: Pace): Promise<Flow> {
  const ledger = seat.ledger();
  const cpu = new Cpu(seat.running.pid);
  const own = process.cpuUsage();
  const began = performance.now();
  await play({ ...seat, ledger }, pace);
  const { user, system } = process.cpuUsage(own);
  const load = (user + system) / 1000 / (performance.now() - began);
  if (load > 0.7) seat.say(`the load generator uses ${(load * 100).toFixed(0)} % of a core: it measures itself`);
  return {
    p50: quantile(ledger.latencies, 0.5),
    p99: quantile(ledger.latencies, 0.99),
    max: quantile(ledger.latencies, 1),
    ...ledger.tally,
    cpu: cpu.ms() / ledger.tally.expected,
    load,
  };
}

/** Measures callouts of the contestants that serve them. */
export async function callouts(seats: readonly Seat[], turns: number, seconds: number): Promise<Map<Key, CalloutResult[]>> {
  const all = new Map<Key, CalloutResult[]>();
  for (let turn = 0; turn < turns; turn++) {
    for (const { key, running } of seats) {
      if (running.httpPort === undefined) continue;
      all.set(key, [...all.get(key) ?? [], await measureCallouts(running.httpPort, seconds)]);
    }
  }
  return all;
}

/** Measures processor time as a share of one core, with heartbeats only, for all contestants at once. */
export async function idle(seats: readonly Seat[], seconds: number): Promise<Map<Key, number>> {
  await rest(1000);
  const before = seats.map(({ running }) => new Cpu(running.pid));
  const began = performance.now();
  await rest(seconds * 1000);
  const lasted = performance.now() - began;
  return new Map(seats.map(({ key }, i) => [key, (before[i]?.ms() ?? NaN) / lasted]));
}

/** Memory before any call, and at rest after half and all of the calls. */
export interface MemoryResult {
  readonly fresh: Memory;
  readonly half: Memory;
  readonly all: Memory;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly tally: Tally;
}

/** Plays calls as fast as possible, with a rest before memory is read, since freed memory is returned later. */
export async function memoryAfter(seat: Seat, calls: number, restMs: number): Promise<MemoryResult> {
  const ledger = seat.ledger();
  const { pid } = seat.running;
  const fresh = memory(pid);
  const began = performance.now();
  await rush({ ...seat, ledger }, calls / 2, 8);
  const firstHalf = performance.now() - began;
  await rest(restMs);
  const half = memory(pid);
  const again = performance.now();
  await rush({ ...seat, ledger }, calls / 2, 8);
  const seconds = (firstHalf + performance.now() - again) / 1000;
  await rest(restMs);
  return { fresh, half, all: memory(pid), calls, callsPerSecond: calls / seconds, tally: ledger.tally };
}

/** Measures the time from the start of the process until its log says that it runs (listener and store are open), in ms. */
export async function startToReady(bench: Bench, key: Key): Promise<number> {
  const ready: Record<Key, string> = {
    unit: "telesetd is running",
    jit: "telesetd is running",
    node: "the bridge runs",
    floor: "the floor runs",
  };
  const folder = mkdtempSync(join(tmpdir(), "telesetd-bench-"));
  const pbx = new Pbx();
  pbx.listen(heartbeat(), newParties("1001"));
  let running: Running | undefined;
  try {
    running = await start(key, bench.programs, { folder, pbxPort: pbx.port, crmPort: 9, desks: extensions(1) });
    const { log, began } = running;
    while (!log().includes(ready[key])) {
      if (performance.now() - began > 15_000) throw new Error(`${key} did not become ready: ${log()}`);
      await rest(0.5);
    }
    return performance.now() - began;
  } finally {
    await running?.stop();
    pbx.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The cost of two gateways with one desk each for the switch, while only the first desk has calls. */
export interface GatewayCost {
  readonly calledDesk: Cost;
  readonly idleDesk: Cost;
  /** Events of the switch per call. */
  readonly made: number;
}

/** Plays calls for one of two telesetd at one switch, and returns the costs of those calls. */
export async function gateways(bench: Bench, calls: number): Promise<GatewayCost> {
  return await seated(bench, { seats: [{ key: "unit", desks: extensions(1) }] }, async ([first]) => {
    if (!first) throw new Error("no telesetd was started");
    const folder = mkdtempSync(join(tmpdir(), "telesetd-bench-"));
    const second = await start("unit", bench.programs, { folder, pbxPort: first.pbx.port, crmPort: 9, desks: ["1002"] });
    try {
      await within(30_000, first.pbx.settled(2, 2), () => second.log().slice(-2000));
      const before = first.pbx.costs();
      const ledger = first.ledger();
      await rush({ ...first, ledger }, calls, 1);
      const [calledDesk, idleDesk] = first.pbx.costs().map((after, i) => {
        const { events = 0, bytes = 0, commands = 0 } = before[i] ?? {};
        return {
          filters: after.filters,
          events: (after.events - events) / calls,
          bytes: (after.bytes - bytes) / calls,
          commands,
        };
      });
      if (!calledDesk || !idleDesk) throw new Error("a gateway has disconnected");
      const made = first.scripts.reduce((sum, script) => sum + script.reduce((all, { frames }) => all + frames.length, 0), 0);
      return { calledDesk, idleDesk, made: made / first.scripts.length };
    } finally {
      await second.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function rest(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
