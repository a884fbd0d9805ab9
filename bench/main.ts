/** Compares telesetd with a handwritten bridge and a minimal relay in C, under the same load. See scripts/bench. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../src/version.ts";
import { chart } from "./chart.ts";
import type { Programs } from "./contestants.ts";
import { full, quick, type Results, type RoundName, roundNames, run } from "./plan.ts";
import { markdown, printed, tables } from "./tables.ts";
import { type Verdict, verdicts } from "./verdicts.ts";
import { messageOf } from "../src/platform/text.ts";

const usage = `./scripts/bench [--quick] [--json] [--only ROUND] [--write]
  --quick        half a minute: shows that all runs; too short for a p99
  --json         the results as JSON on standard output
  --only ROUND   one of ${roundNames.join(", ")}
  --write        write docs/bench.svg and the tables of docs/performance.md even after a partial run
A whole run takes about ten minutes and writes both.
`;

function options() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const wrong = values.only.filter((name) => !roundNames.includes(name as RoundName));
    if (wrong.length > 0) throw new Error(`--only is ${wrong[0]}: expected one of ${roundNames.join(", ")}`);
    return values;
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n${usage}`);
    process.exit(2);
  }
}

/** The machine, without which the numbers are meaningless. */
function machine() {
  const [cpu] = cpus();
  return {
    cpu: `${cpus().length} x ${cpu?.model.trim() ?? "unknown"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: `Linux ${release()} ${process.arch}`,
    bun: Bun.version,
    telesetd: version,
  };
}

function programs(): Programs {
  const { BENCH_TELESETD: telesetd = "", BENCH_BRIDGE: bridge = "", BENCH_FLOOR: floor = "" } = process.env;
  return { telesetd: [telesetd], ...(bridge === "" ? {} : { bridge }), ...(floor === "" ? {} : { floor }) };
}

const pages = join(import.meta.dirname, "../docs");
const begin = "<!-- bench: what follows is written by ./scripts/bench -->";
const end = "<!-- bench: end -->";

/** Writes the chart and the tables into the docs. */
function write(results: Results, judged: readonly Verdict[], about: string): void {
  writeFileSync(join(pages, "bench.svg"), chart(results));
  const page = readFileSync(join(pages, "performance.md"), "utf8");
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`Cannot write docs/performance.md: it lacks the line "${begin}" or "${end}"`);
  const made = [begin, "", about, "", ...tables(results, judged).map(markdown), end].join("\n");
  writeFileSync(join(pages, "performance.md"), page.slice(0, before) + made + page.slice(after + end.length));
}

const values = options();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const say = (text: string) => process.stderr.write(`${text}\n`);
const began = performance.now();
const extent = values.quick ? quick : full;
const selected = (name: RoundName) => values.only.length === 0 || values.only.includes(name);
const results = await run({ programs: programs(), say }, extent, selected);
const judged = verdicts(results);
const seconds = Math.round((performance.now() - began) / 1000);
const about = `${Object.entries(machine()).map(([name, value]) => `${name}: ${value}`).join(", ")}; ${
  values.quick ? "quick run" : "run"
} of ${seconds} s.`;
if (values.json) {
  process.stdout.write(
    `${JSON.stringify({ machine: machine(), seconds, quick: values.quick, results, verdicts: judged }, null, 1)}\n`,
  );
} else {
  for (const table of tables(results, judged)) process.stdout.write(`\n${printed(table)}`);
  process.stdout.write(`\n${about}\n`);
}
if (values.write || (!values.quick && values.only.length === 0)) write(results, judged, about);
process.exit(0);
