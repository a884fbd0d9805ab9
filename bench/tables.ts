/** The results as tables, for the terminal and for docs/performance.md. */
import { type Key, keys, labels } from "./contestants.ts";
import type { Results } from "./plan.ts";
import type { Flow } from "./rounds.ts";
import { median } from "./statistics.ts";
import { megabytes, milliseconds, type Verdict } from "./verdicts.ts";

/** A table: title, column names, rows. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const none = "-";

/** All tables with content, the targets first. */
export function tables(results: Results, verdicts: readonly Verdict[]): Table[] {
  return [targets(verdicts), contestants(results), growth(results), gateways(results), stages(results)].filter(({ rows }) =>
    rows.length > 0
  );
}

function targets(verdicts: readonly Verdict[]): Table {
  return {
    title: "Targets",
    columns: ["what", "target", "measured", ""],
    rows: verdicts.map((
      { what, target, measured, met },
    ) => [what, target, measured, met === undefined ? "" : met ? "met" : "MISSED"]),
  };
}

/** The figures of each contestant: medians over the turns. */
function contestants(results: Results): Table {
  const there = keys.filter((key) => Object.values(results).some((round) => round !== undefined && key in round));
  const row = (what: string, of: (key: Key) => string) => [what, ...there.map(of)];
  const flowRows = (what: string, round: Partial<Record<Key, Flow[]>> | undefined) =>
    round
      ? [
        row(`${what}, p50`, (key) => over(round[key], ({ p50 }) => p50, milliseconds)),
        row(`${what}, p99`, (key) => over(round[key], ({ p99 }) => p99, milliseconds)),
        row(`${what}, lost / repeated / out of order`, (key) => faults(round[key])),
        row(`${what}, CPU for each event`, (key) => over(round[key], ({ cpu }) => cpu, milliseconds)),
      ]
      : [];
  const { callouts, start, memory, idle } = results;
  const rows = [
    ...flowRows("event to POST", results.oneDesk),
    ...flowRows("with 1,000 other events a second", results.busy),
    ...(callouts
      ? [
        row("CheckStatus a second", (key) => over(callouts[key], ({ perSecond }) => perSecond, (value) => value.toFixed(0))),
        row("CheckStatus at 2,000 a second, p50", (key) => over(callouts[key], ({ p50 }) => p50, milliseconds)),
        row("CheckStatus at 2,000 a second, p99", (key) => over(callouts[key], ({ p99 }) => p99, milliseconds)),
      ]
      : []),
    ...(start ? [row("start to READY", (key) => over(start[key], (value) => value, milliseconds))] : []),
    ...(memory ? memoryRows(memory, row) : []),
    ...(idle ? [row("CPU when idle", (key) => idle[key] === undefined ? none : `${(idle[key] * 100).toFixed(3)} %`)] : []),
  ];
  return { title: "Side by side", columns: ["", ...there.map((key) => labels[key])], rows };
}

type Row = (what: string, of: (key: Key) => string) => string[];

function memoryRows(memory: NonNullable<Results["memory"]>, row: Row): string[][] {
  const [calls = 0] = Object.values(memory).map(({ calls }) => calls);
  const show = (of: (result: NonNullable<(typeof memory)[Key]>) => string) => (key: Key) => memory[key] ? of(memory[key]) : none;
  return [
    row("memory before the first call", show(({ fresh }) => megabytes(fresh.rss))),
    row(`memory after ${calls.toLocaleString("en")} calls`, show(({ all }) => megabytes(all.rss))),
    row("of it the process's own", show(({ all }) => megabytes(all.own))),
    row("added by the second half", show(({ all, half }) => megabytes(all.own - half.own))),
    row("calls a second, as fast as they go", show(({ callsPerSecond }) => callsPerSecond.toFixed(0))),
    row("lost / repeated / out of order", show(({ tally }) => `${tally.lost} / ${tally.repeated} / ${tally.outOfOrder}`)),
  ];
}

function growth({ growth = [] }: Results): Table {
  return {
    title: "As it grows: 20 calls a second over all desks of one process",
    columns: [
      "",
      "desks",
      "p50",
      "p99",
      "lost / repeated / out of order",
      "until settled",
      "memory",
      "filters",
      "events a call",
      "kB a call",
    ],
    rows: growth.map(({ key, desks, flows, settledMs, memory, filters, events, bytes }) => [
      labels[key],
      desks.toLocaleString("en"),
      over(flows, ({ p50 }) => p50, milliseconds),
      over(flows, ({ p99 }) => p99, milliseconds),
      faults(flows),
      `${settledMs.toFixed(0)} ms`,
      megabytes(memory.rss),
      String(filters),
      events.toFixed(1),
      (bytes / 1000).toFixed(1),
    ]),
  };
}

function gateways({ gateways }: Results): Table {
  if (!gateways) return { title: "", columns: [], rows: [] };
  const { calledDesk, idleDesk, made } = gateways;
  return {
    title: `The cost of a gateway for the switch, which has ${made.toFixed(1)} events per call`,
    columns: ["", "filters", "commands after a connect", "events sent a call", "kB a call"],
    rows: [["of the called desk", calledDesk], ["of another desk", idleDesk]].map(([name, cost]) => {
      const { filters, commands, events, bytes } = cost as typeof calledDesk;
      return [String(name), String(filters), String(commands), events.toFixed(1), (bytes / 1000).toFixed(1)];
    }),
  };
}

function stages({ profile = [] }: Results): Table {
  return {
    title: "One event, stage by stage (from the sources, JIT off, with a probe inside)",
    columns: ["", "p50", "p99"],
    rows: profile.map(({ name, p50, p99 }) => [name, `${p50.toFixed(0)} us`, `${p99.toFixed(0)} us`]),
  };
}

function over<T>(values: readonly T[] | undefined, of: (value: T) => number, show: (value: number) => string): string {
  return values === undefined || values.length === 0 ? none : show(median(values.map(of)));
}

function faults(flows: readonly Flow[] = []): string {
  if (flows.length === 0) return none;
  const sum = (of: (flow: Flow) => number) => flows.reduce((all, flow) => all + of(flow), 0);
  return [sum(({ lost }) => lost), sum(({ repeated }) => repeated), sum(({ outOfOrder }) => outOfOrder)].join(" / ");
}

/** A table for the terminal. */
export function printed({ title, columns, rows }: Table): string {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join("  ").trimEnd();
  return [title, line(columns), line(widths.map((width) => "-".repeat(width))), ...rows.map(line), ""].join("\n");
}

/** A table in Markdown, in the form of `deno fmt`. */
export function markdown({ title, columns, rows }: Table): string {
  const widths = columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [`### ${title}`, "", line(columns), line(widths.map((width) => "-".repeat(width))), ...rows.map(line), ""].join("\n");
}
