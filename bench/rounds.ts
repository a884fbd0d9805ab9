/** The rounds: each starts its contestants side by side and loads them in turn, so that the noise of the machine hits all. */
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

/** What a round needs. */
export interface Bench {
  readonly programs: Programs;
  readonly say: (text: string) => void;
}

/** One contestant with a switch and a CRM of its own. */
export interface Seat {
  readonly key: Key;
  readonly running: Running;
  readonly pbx: Pbx;
  readonly desks: readonly string[];
  readonly scripts: readonly Script[];
  /** From its start until it was subscribed and had looked at what lives, in ms. */
  readonly settledMs: number;
  readonly say: (text: string) => void;
  /** A fresh ledger, which the CRM writes to from now on. */
  ledger(): Ledger;
}

/** One measurement of events. Times in ms; `cpu` is the contestant's, in ms for each event told. */
export interface Flow extends Tally {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpu: number;
  /** What the load itself took of one core, from 0 to 1: near 1 it would measure itself. */
  readonly load: number;
}

/** Extensions of four digits. */
export function extensions(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(1001 + i));
}

/** Who is started: one after the other, or all at once, which is quicker but tells nothing of how long each takes. */
export interface Seating {
  readonly seats: readonly { readonly key: Key; readonly desks: readonly string[] }[];
  readonly together?: boolean;
}

/** Starts the contestants, waits until all are settled, does the work, and ends them, whatever happens. */
export async function seated<T>(
  bench: Bench,
  { seats: wanted, together = false }: Seating,
  work: (seats: Seat[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-bench-"));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const seats: Seat[] = [];
    if (together) seats.push(...await Promise.all(wanted.map((each) => seat({ bench, ...each, folder, closers }))));
    else for (const each of wanted) seats.push(await seat({ bench, ...each, folder, closers }));
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
  await within(30_000, pbx.settled(1, looks(key)), () => `${key} does not get ready:\n${running.log().slice(-2000)}`);
  const settledMs = performance.now() - running.began;
  await register(running, setup);
  return { key, running, pbx, desks, settledMs, say: bench.say, scripts: scripts(), ledger: () => ledger = new Ledger() };
}

/** Waits for something, at most so long. @throws Error with the text of `otherwise`. */
export async function within(ms: number, done: Promise<void>, otherwise: () => string): Promise<void> {
  const { promise, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(otherwise())), ms);
  await Promise.race([done, promise]).finally(() => clearTimeout(timer));
}

/** Calls at a pace through one contestant. */
export async function flow(seat: Seat, pace: Pace): Promise<Flow> {
  const ledger = seat.ledger();
  const cpu = new Cpu(seat.running.pid);
  const own = process.cpuUsage();
  const began = performance.now();
  await play({ ...seat, ledger }, pace);
  const { user, system } = process.cpuUsage(own);
  const load = (user + system) / 1000 / (performance.now() - began);
  if (load > 0.7) seat.say(`the load takes ${(load * 100).toFixed(0)} % of a core: it measures itself`);
  return {
    p50: quantile(ledger.latencies, 0.5),
    p99: quantile(ledger.latencies, 0.99),
    max: quantile(ledger.latencies, 1),
    ...ledger.tally,
    cpu: cpu.ms() / ledger.tally.expected,
    load,
  };
}

/** Callouts of those that serve any. */
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

/** The time on a processor, as a share of one core, while nothing happens but heartbeats. All are watched at once. */
export async function idle(seats: readonly Seat[], seconds: number): Promise<Map<Key, number>> {
  await rest(1000);
  const before = seats.map(({ running }) => new Cpu(running.pid));
  const began = performance.now();
  await rest(seconds * 1000);
  const lasted = performance.now() - began;
  return new Map(seats.map(({ key }, i) => [key, (before[i]?.ms() ?? NaN) / lasted]));
}

/** Memory before any call, and at rest after half and after all of the calls. */
export interface MemoryResult {
  readonly fresh: Memory;
  readonly half: Memory;
  readonly all: Memory;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly tally: Tally;
}

/** Calls as fast as they go, with a rest before memory is looked at: what was freed is given back some time later. */
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

/** From the start of the process until it says that it runs, in ms: the listener is open and the store is. */
export async function startToReady(bench: Bench, key: Key): Promise<number> {
  const ready: Record<Key, string> = {
    unit: "telesetd runs",
    jit: "telesetd runs",
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
      if (performance.now() - began > 15_000) throw new Error(`${key} does not get ready: ${log()}`);
      await rest(0.5);
    }
    return performance.now() - began;
  } finally {
    await running?.stop();
    pbx.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What two gateways with a desk each cost one switch while only the first one's desk has calls. */
export interface GatewayCost {
  readonly own: Cost;
  readonly other: Cost;
  /** Events that the switch made, for each call. */
  readonly made: number;
}

/** Plays calls for one of two telesetd at one switch; the costs are of those calls alone. */
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
      const [own, other] = first.pbx.costs().map((after, i) => {
        const { events = 0, bytes = 0, commands = 0 } = before[i] ?? {};
        return {
          filters: after.filters,
          events: (after.events - events) / calls,
          bytes: (after.bytes - bytes) / calls,
          commands,
        };
      });
      if (!own || !other) throw new Error("a gateway has left");
      const made = first.scripts.reduce((sum, script) => sum + script.reduce((all, { frames }) => all + frames.length, 0), 0);
      return { own, other, made: made / first.scripts.length };
    } finally {
      await second.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

export function rest(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
