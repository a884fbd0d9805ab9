/** The performance targets and whether they are met; ratios are medians of the ratios within each turn. */
import { type Key, labels } from "./contestants.ts";
import type { Grown, Results } from "./plan.ts";
import type { Flow } from "./rounds.ts";
import { median } from "./statistics.ts";

/** A target. `met` is absent if it was not measured, with the reason in `measured`. */
export interface Verdict {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met?: boolean;
}

/** Evaluates all targets. */
export function verdicts(results: Results): Verdict[] {
  return [
    against(results, "floor", { p50: 2, p99: 3 }),
    against(results, "node", { p50: 1 / 3, p99: 1 / 3 }),
    crowded(results),
    thousand(results),
    ...ofBacklog(results),
    ...ofCallouts(results),
    ...ofMemory(results),
    single("start to READY", 150, "under 150 ms", median(results.start?.unit ?? []), (value) => `${value.toFixed(0)} ms`),
    single(
      "CPU when idle",
      0.001,
      "under 0.1 % of one core",
      results.idle?.unit ?? NaN,
      (value) => `${(value * 100).toFixed(3)} %`,
    ),
  ].flat();
}

/** The median over the turns of the ratio of two figures. */
function ratio(of: "p50" | "p99", measured: readonly Flow[] = [], reference: readonly Flow[] = []): number {
  return median(measured.map((flow, turn) => flow[of] / (reference[turn]?.[of] ?? NaN)));
}

const notMeasured = "not measured in this run";

function against({ oneDesk }: Results, key: Key, limits: { readonly p50: number; readonly p99: number }): Verdict[] {
  return (["p50", "p99"] as const).map((of) => {
    const value = ratio(of, oneDesk?.unit, oneDesk?.[key]);
    const target = limits[of] < 1 ? "at most 1/3" : `at most ${limits[of]} times`;
    const name = labels[key];
    return verdict(`event to POST, ${of}, against the ${name}`, target, value, limits[of], times);
  });
}

function crowded({ oneDesk, busy }: Results): Verdict[] {
  return (["p50", "p99"] as const).map((of) =>
    verdict(
      `the same with 1,000 other events a second, ${of}`,
      "at most 1.10 times",
      ratio(of, busy?.unit, oneDesk?.unit),
      1.1,
      times,
    )
  );
}

function thousand({ growth = [] }: Results): Verdict[] {
  const ours = (desks: number): Grown | undefined => growth.find((grown) => grown.key === "unit" && grown.desks === desks);
  const many = ours(1000);
  if (!many) return [{ what: "1,000 desks in one process", target: "p99 under 3 times one desk's", measured: notMeasured }];
  const bad = many.flows.reduce((sum, { lost, outOfOrder, repeated }) => sum + lost + outOfOrder + repeated, 0);
  return [
    verdict("1,000 desks, p99 against one desk", "under 3 times", ratio("p99", many.flows, ours(1)?.flows), 3, times),
    { what: "1,000 desks, events lost, repeated or out of order", target: "none", measured: String(bad), met: bad === 0 },
  ];
}

function ofBacklog({ backlog }: Results): Verdict[] {
  const events = (backlog?.expected ?? 10_000).toLocaleString("en");
  const bad = backlog ? backlog.lost + backlog.repeated + backlog.outOfOrder : 0;
  return [
    single(`${events} waiting events, all delivered`, 10, "under 10 s", backlog?.seconds ?? NaN, (s) => `${s.toFixed(1)} s`),
    single("longest turn of the loop meanwhile", 5, "under 5 ms", backlog?.longestTurn ?? NaN, milliseconds),
    {
      what: "waiting events lost, repeated or out of order",
      target: "none",
      ...(backlog ? { measured: String(bad), met: bad === 0 } : { measured: notMeasured }),
    },
  ];
}

function ofCallouts({ callouts }: Results): Verdict[] {
  const all = callouts?.unit ?? [];
  const rate = median(all.map(({ perSecond }) => perSecond));
  return [
    single("CheckStatus at 2,000 a second, p99", 2, "under 2 ms", median(all.map(({ p99 }) => p99)), milliseconds),
    Number.isNaN(rate)
      ? { what: "CheckStatus answered a second", target: "2,000", measured: notMeasured }
      : { what: "CheckStatus answered a second", target: "2,000", measured: rate.toFixed(0), met: rate >= 2000 },
  ];
}

function ofMemory({ memory }: Results): Verdict[] {
  const unit = memory?.unit;
  const calls = unit ? unit.calls.toLocaleString("en") : "10,000";
  const grown = unit ? unit.all.own - unit.half.own : NaN;
  return [
    single(`resident memory after ${calls} calls`, 64 * 1024, "under 64 MB", unit?.all.rss ?? NaN, megabytes),
    single("what the second half of them added", 1024, "under 1 MB", grown, megabytes),
  ];
}

function verdict(what: string, target: string, value: number, limit: number, show: (value: number) => string): Verdict {
  if (Number.isNaN(value)) return { what, target, measured: notMeasured };
  return { what, target, measured: show(value), met: value <= limit };
}

function single(what: string, limit: number, target: string, value: number, show: (value: number) => string): Verdict {
  return Number.isNaN(value)
    ? { what, target, measured: notMeasured }
    : { what, target, measured: show(value), met: value < limit };
}

function times(value: number): string {
  return `${value.toFixed(2)} times`;
}

/** Milliseconds, with two decimals below 10. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

/** Kilobytes as megabytes (1,048,576 bytes). */
export function megabytes(kB: number): string {
  return `${(kB / 1024).toFixed(1)} MB`;
}
