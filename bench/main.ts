/** Compares telesetd with a handwritten bridge and a minimal relay in C, under the same load. See scripts/bench. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/platform/text.ts";
import { version } from "../src/version.ts";
import { chart } from "./chart.ts";
import { labels } from "./contestants.ts";
import { markdown, Results, verdicts } from "./results.ts";
import { full, quick, roundNames, run } from "./rounds.ts";

const usage = `./scripts/bench [--quick] [--json] [--only ROUND] [--write]
  --quick        half a minute: shows that all runs; too short for a p99
  --json         the results as JSON on standard output
  --only ROUND   one of ${roundNames.join(", ")}
  --write        write docs/bench.svg and the tables of docs/performance.md even after a partial run
A complete run takes about twelve minutes and writes both.
`;

const flag = { type: "boolean", default: false } as const;

function options() {
  try {
    const only = { type: "string", multiple: true, default: [] as string[] } as const;
    const { values } = parseArgs({ options: { quick: flag, json: flag, write: flag, only, help: { ...flag, short: "h" } } });
    const wrong = values.only.find((name) => !roundNames.includes(name));
    if (wrong !== undefined) throw new Error(`--only is ${wrong}: expected one of ${roundNames.join(", ")}`);
    return values;
  } catch (error) {
    process.stderr.write(`bench: ${messageOf(error)}\n${usage}`);
    process.exit(2);
  }
}

const [begin, end] = ["<!-- bench: what follows is written by ./scripts/bench -->", "<!-- bench: end -->"];

/** Writes the chart and the tables into the docs. */
function write(svg: string, text: string): void {
  const pages = join(import.meta.dirname, "../docs");
  writeFileSync(join(pages, "bench.svg"), svg);
  const page = readFileSync(join(pages, "performance.md"), "utf8");
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`Cannot write docs/performance.md: it lacks the line "${begin}" or "${end}"`);
  writeFileSync(join(pages, "performance.md"), `${page.slice(0, before)}${begin}\n\n${text}\n${page.slice(after)}`);
}

const values = options();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const { BENCH_TELESETD: telesetd = "", BENCH_BRIDGE: bridge, BENCH_FLOOR: floor } = process.env;
const [unit, jit] = [[telesetd], [telesetd]];
const programs = { unit, jit, ...(bridge ? { node: ["node", bridge] } : {}), ...(floor ? { floor: [floor] } : {}) };
const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);
const results = new Results();
await run({ programs, extent: values.quick ? quick : full, say, results }, values.only.length > 0 ? values.only : roundNames);
const judged = verdicts(results);
/** The machine, without which the numbers are meaningless. */
const machine = {
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}`,
  memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
  kernel: `Linux ${release()} ${process.arch}`,
  ...{ bun: Bun.version, telesetd: version, [values.quick ? "quick run" : "run"]: `${Math.round(performance.now() / 1000)} s` },
};
const about = `${Object.entries(machine).map(([name, value]) => `${name}: ${value}`).join(", ")}.`;
const text = [about, "", markdown("Targets", ["what", "target", "measured", ""], judged), ...results.tables(labels)].join("\n");
const json = { machine, quick: values.quick, figures: results.figures, verdicts: judged };
process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`);
if (values.write || (!values.quick && values.only.length === 0)) write(chart(results), text);
process.exit(0);
