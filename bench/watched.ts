/** Rounds with telesetd from its sources, as the unit runs it, and `inside.ts` in it. */
import { join } from "node:path";
import { newDesk } from "../src/core/desk.ts";
import { clockBy, machineClocks, markFor } from "../src/platform/clock.ts";
import { openStore } from "../src/store/sqlite.ts";
import { type Seat, seated, type Setup } from "./contestants.ts";
import { moments } from "./frames.ts";
import type { Inside } from "./inside.ts";
import type { Pace, Site } from "./load.ts";
import { quantile } from "./measure.ts";
import type { Bench } from "./rounds.ts";

const desk = "1001";

function watched(what: "stages" | "turns") {
  const here = import.meta.dirname;
  const command = [process.execPath, "--preload", join(here, "inside.ts"), join(here, "../src/main.ts")];
  return { command, environment: { BENCH_INSIDE: what } };
}

/** Ends telesetd, and returns what was recorded in it. */
async function inside(seat: Seat): Promise<Inside> {
  await seat.stop();
  return JSON.parse(seat.log().trimEnd().split("\n").at(-1) ?? "") as Inside;
}

/** The stages of an event, each between two of its times: those of `inside.ts`, and `written` and `arrived` at the other side. */
const stages: readonly (readonly [name: string, from: string, to: string])[] = [
  ["written at the switch > read by telesetd", "written", "data"],
  ["cut out of the stream, JSON parsed", "data", "frame"],
  ["translated into facts of a leg", "frame", "facts"],
  ["other frames of the same chunk, inbox, step", "facts", "commit"],
  ["committed: desk and event in one transaction", "commit", "committed"],
  ["courier: XML, connection begun", "committed", "sent"],
  ["connected, posted > read by the CRM", "sent", "arrived"],
  ["socket to socket", "written", "arrived"],
  ["then: the CRM's answer > telesetd knows", "arrived", "settle"],
  ["then: settled in the store", "settle", "settled"],
];

/** The time of each stage of an event, from socket to socket. */
export async function profile({ programs, results }: Bench, pace: Pace): Promise<void> {
  await seated(programs, [{ key: "unit", desks: [desk], ...watched("stages") }], async (seat) => {
    const { calls } = await seat.site.play(pace);
    const stamps = new Map((await inside(seat)).stamps);
    const times = [...calls].flatMap(([call, { written, arrived }]) =>
      moments.map((name, i) => ({ ...stamps.get(`${call} ${name}`), written: written[i], arrived: arrived[i] }))
    ) as Record<string, number>[];
    for (const [name, from, to] of stages) {
      const took = times.map((event) => ((event[to] ?? NaN) - (event[from] ?? NaN)) * 1000).filter((us) => !Number.isNaN(us));
      for (const [column, share] of [["p50", 0.5], ["p99", 0.99]] as const) {
        results.add(column, name, "us", quantile(took, share), "One event, stage by stage (from the sources, JIT off)");
      }
    }
  });
}

/** Delivery of waiting events, three per call, by the binary and by the sources. */
export async function backlog({ programs, results, extent }: Bench): Promise<void> {
  const drained = (setup: Omit<Setup, "key" | "desks">, note: (seat: Seat) => unknown) => {
    const prepare = (store: string, site: Site) => fill(store, site, Math.floor(extent.waiting / moments.length));
    return seated(programs, [{ key: "unit", desks: [desk], ...setup, onlyReady: true, prepare }], async (seat) => {
      await seat.site.ledger.complete(60_000);
      await note(seat);
    });
  };
  await drained({}, ({ site: { ledger }, began }) => {
    results.add("unit", "waiting events, all delivered", "s", (ledger.last - began) / 1000);
    results.addFaults("unit", "waiting events", ledger.tally);
  });
  await drained(watched("turns"), async (seat) => {
    const { first, last } = seat.site.ledger;
    const turns = (await inside(seat)).turns.filter(({ from, to }) => from >= first && to <= last);
    results.add("unit", "waiting events, longest turn", "ms", Math.max(0, ...turns.map(({ ms }) => ms)));
  });
}

/** Fills a store with the events of calls, as if the CRM had been unreachable. */
function fill(path: string, { ledger, crm }: Site, calls: number): void {
  const machine = machineClocks();
  const mark = markFor(machine, undefined, 0);
  const at = clockBy(mark, machine)();
  const [agent, to] = ["anna", { address: "127.0.0.1", port: crm.port }];
  const send = Array.from({ length: calls }, (_, n) => `call-${n}`).flatMap((call) => {
    ledger.begin(call);
    const pop = { name: "ScreenPop", call, ani: "14155550123", dnis: desk, data: {} } as const;
    const others = (["CallEstablished", "CallReleased"] as const).map((name) => ({ name, call }));
    return [pop, ...others].map((event) => ({ desk, agent, to, event }));
  });
  const store = openStore(path);
  store.setClock(mark);
  store.commit({ desk: { ...newDesk(desk), registration: { agent, ...to }, registeredAt: at }, send, discard: [] }, at);
  store.close();
}
