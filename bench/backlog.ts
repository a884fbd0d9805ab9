/** Delivery of thousands of waiting events: its duration, and how long it blocks the event loop. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clockBy, machineClocks, markFor } from "../src/platform/clock.ts";
import { newDesk } from "../src/core/desk.ts";
import { openStore } from "../src/store/sqlite.ts";
import { start, storeOf } from "./contestants.ts";
import { Crm } from "./crm.ts";
import { heartbeat, moments, newParties } from "./frames.ts";
import { Ledger, type Tally } from "./ledger.ts";
import { Pbx } from "./pbx.ts";
import { resultMark } from "./pauses.ts";
import { type Bench, within } from "./rounds.ts";

/** The result. */
export interface Backlog extends Tally {
  /** From the start of the process until the last arrival, in s. */
  readonly seconds: number;
  /** The maximum processor time of the main thread in one turn of its loop after the first arrival, in ms. */
  readonly longestTurn: number;
}

const desk = "1001";
const agent = "anna";
/** The timeout, in ms. */
const limit = 60_000;

/** Starts telesetd twice with this number of waiting events, three per call: the binary, and the sources with `pauses.ts`. */
export async function backlog(bench: Bench, events: number): Promise<Backlog> {
  const here = import.meta.dirname;
  const watched = [process.execPath, "--preload", join(here, "pauses.ts"), join(here, "../src/main.ts")];
  const { seconds, tally } = await drained(bench.programs.telesetd, events);
  const { log } = await drained(watched, events);
  const result = log.split("\n").find((line) => line.startsWith(resultMark));
  return { ...tally, seconds, longestTurn: Number(result?.slice(resultMark.length) ?? NaN) };
}

interface Drained {
  /** Its log. */
  readonly log: string;
  readonly seconds: number;
  readonly tally: Tally;
}

async function drained(telesetd: readonly string[], events: number): Promise<Drained> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-backlog-"));
  const ledger = new Ledger();
  const first = Promise.withResolvers<void>();
  const crm = new Crm((body, at) => {
    ledger.arrived(body, at);
    first.resolve();
  });
  const pbx = new Pbx();
  pbx.listen(heartbeat(), newParties(desk));
  const setup = { folder, pbxPort: pbx.port, crmPort: crm.port, desks: [desk] };
  try {
    fill(storeOf("unit", setup), ledger, events, crm.port);
    const running = await start("unit", { telesetd }, setup, { BENCH_PAUSES: "1" });
    try {
      const silent = () => `telesetd sent nothing:\n${running.log().slice(-2000)}`;
      await within(limit, first.promise, silent);
      // Only pauses.ts handles this signal; other processes would be killed by it.
      if (telesetd.includes("--preload")) process.kill(running.pid, "SIGUSR2");
      await ledger.complete(limit);
      const seconds = (performance.now() - running.began) / 1000;
      await running.stop();
      return { log: running.log(), seconds, tally: ledger.tally };
    } finally {
      await running.stop();
    }
  } finally {
    crm.close();
    pbx.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fills a store with events, as if the CRM had been unreachable. */
function fill(path: string, ledger: Ledger, events: number, port: number): void {
  const machine = machineClocks();
  const mark = markFor(machine, undefined, 0);
  const now = clockBy(mark, machine);
  const to = { address: "127.0.0.1", port };
  const calls = Array.from({ length: Math.floor(events / moments.length) }, (_, n) => `call-${n}`);
  const send = calls.flatMap((call) => {
    ledger.begin(call, false);
    return moments.map((name) => {
      const event = name === "ScreenPop" ? { name, call, ani: "14155550123", dnis: desk, data: {} } : { name, call };
      return { desk, agent, to, event };
    });
  });
  const store = openStore(path);
  store.setClock(mark);
  store.commit({ desk: { ...newDesk(desk), registration: { agent, ...to }, registeredAt: now() }, send, discard: [] }, now());
  store.close();
}
