/** What was measured, whether it meets the targets, and how people read it. */
import type { Tally } from "./ledger.ts";
import { median } from "./measure.ts";

/** How a value is shown, by its unit. Kilobytes are 1,024 bytes; `sum` is added up over the turns. */
const units = {
  ms: (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`,
  us: (value: number) => `${value.toFixed(0)} us`,
  s: (value: number) => `${value.toFixed(1)} s`,
  kB: (value: number) => `${(value / 1024).toFixed(1)} MB`,
  core: (value: number) => `${(value * 100).toFixed(3)} %`,
  times: (value: number) => `${value.toFixed(2)} times`,
  each: (value: number) => value.toFixed(1),
  whole: (value: number) => value.toFixed(0),
  sum: (value: number) => value.toFixed(0),
};
export type Unit = keyof typeof units;

const faults = "lost, repeated or out of order";

/** A figure of a contestant, or of whatever the columns of its table are, with a value for each turn. */
type Figure = Readonly<Record<"table" | "row" | "column", string>> & { readonly unit: Unit; readonly values: number[] };

/** All figures of a run, in their order. */
export class Results {
  readonly figures: Figure[] = [];

  add(column: string, row: string, unit: Unit, value: number, table = "Side by side"): void {
    const known = this.#find(row, column);
    if (known) known.values.push(value);
    else this.figures.push({ table, row, column, unit, values: [value] });
  }

  /** Adds how many events were not delivered once and in order. */
  addFaults(column: string, row: string, { lost, repeated, outOfOrder }: Tally, table?: string): void {
    this.add(column, `${row}, ${faults}`, "sum", lost + repeated + outOfOrder, table);
  }

  /** The median over the turns, or the sum; NaN if it was not measured. With a reference, of the ratios within each turn. */
  figure(row: string, column: string, reference?: readonly [row: string, column: string]): number {
    const { values, unit } = this.#find(row, column) ?? { values: [], unit: "whole" };
    if (unit === "sum") return values.reduce((sum, value) => sum + value, 0);
    const others = reference && (this.#find(...reference)?.values ?? []);
    return median(values.map((value, turn) => value / (others ? others[turn] ?? NaN : 1)));
  }

  /** The tables in Markdown. */
  tables(labels: Readonly<Record<string, string>>): string[] {
    return [...Map.groupBy(this.figures, ({ table }) => table)].map(([title, figures]) => {
      const columns = [...new Set(figures.map(({ column }) => column))];
      const rows = [...new Map(figures.map(({ row, unit }) => [row, unit]))].map(([row, unit]) => [
        row,
        ...columns.map((column) => this.#find(row, column) ? units[unit](this.figure(row, column)) : "-"),
      ]);
      return markdown(title, ["", ...columns.map((column) => labels[column] ?? column)], rows);
    });
  }

  #find(row: string, column: string): Figure | undefined {
    return this.figures.find((figure) => figure.row === row && figure.column === column);
  }
}

/** Evaluates all targets, for telesetd as the unit runs it: what, the target, what was measured, and whether the target is met. */
export function verdicts(results: Results): string[][] {
  const [post, busy, many, waiting] = ["event to POST", "with 1,000 other events a second", "1,000 desks", "waiting events"];
  const ours = (row: string) => results.figure(row, "unit");
  const fleet = (row: string) => results.figure(row, "5,000 desks");
  const against = (row: string, column: string, reference = row) => results.figure(row, "unit", [reference, column]);
  const targets: [what: string, target: string, limit: number, unit: Unit, value: number][] = [
    [`${post}, p50, against the C floor`, "at most 3 times", 3, "times", against(`${post}, p50`, "floor")],
    [`${post}, p99, against the C floor`, "at most 3 times", 3, "times", against(`${post}, p99`, "floor")],
    [`${post}, p50, against the Node bridge`, "at most half", 0.5, "times", against(`${post}, p50`, "node")],
    [`${post}, p99, against the Node bridge`, "below it", 1, "times", against(`${post}, p99`, "node")],
    [`${busy}, p50, against none`, "at most 1.10 times", 1.1, "times", against(`${busy}, p50`, "unit", `${post}, p50`)],
    [`${busy}, p99, against none`, "at most 1.10 times", 1.1, "times", against(`${busy}, p99`, "unit", `${post}, p99`)],
    [`${post}, CPU`, "at most 1.25 ms", 1.25, "ms", ours(`${post}, CPU`)],
    [`${many}, p99, against one desk`, "under 2 times", 2, "times", against(`${many}, p99`, "unit", "1 desk, p99")],
    [`${many}, ${faults}`, "none", 0, "sum", ours(`${many}, ${faults}`)],
    [`${waiting}, all delivered`, "10,000 in under 10 s", 10, "s", ours(`${waiting}, all delivered`)],
    [`${waiting}, longest turn of the loop`, "at most 5 ms", 5, "ms", ours(`${waiting}, longest turn`)],
    [`${waiting}, ${faults}`, "none", 0, "sum", ours(`${waiting}, ${faults}`)],
    ["CheckStatus at 500/s, p99", "under 2 ms", 2, "ms", ours("CheckStatus at 500/s, p99")],
    ["CheckStatus at 2000/s, p99, against the bridge", "below it", 1, "times", against("CheckStatus at 2000/s, p99", "node")],
    ["memory after all calls", "10,000: under 60 MB", 60 * 1024, "kB", ours("memory after all calls")],
    ["memory added by the second half of them", "under 1 MB", 1024, "kB", ours("added by the second half")],
    ["start to READY", "under 60 ms", 60, "ms", ours("start to READY")],
    ["CPU when idle", "under 0.05 % of a core", 0.0005, "core", ours("CPU when idle")],
    ["fleet of 5,000: added by relay and broker, p50", "at most 1 ms", 1, "ms", fleet("added, p50")],
    ["fleet of 5,000: added by relay and broker, p99", "at most 10 ms", 10, "ms", fleet("added, p99")],
    [`fleet of 5,000: ${faults}`, "none", 0, "sum", fleet(`through the relay, ${faults}`)],
    ["fleet of 5,000: memory of the relay", "under 250 MB", 250 * 1024, "kB", fleet("relay: memory after it")],
    [
      "fleet of 5,000: all back after kill -9 of the broker",
      "within 15 s",
      15,
      "s",
      fleet("after kill -9 of the broker: all back and synced"),
    ],
    ["size of the program", "at most 111 MB", 111 * 1024, "kB", ours("size of the program")],
  ];
  return targets.map(([what, target, limit, unit, value]) => {
    if (Number.isNaN(value)) return [what, target, "not measured in this run", ""];
    return [what, target, units[unit](value), value <= limit ? "met" : "MISSED"];
  });
}

/** A table in Markdown, in the form of `deno fmt`. */
export function markdown(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, i) => Math.max(3, column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [`### ${title}`, "", line(columns), line(widths.map((width) => "-".repeat(width))), ...rows.map(line), ""].join("\n");
}
