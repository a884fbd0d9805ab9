/** How the doctor prints its findings: one line for each hop, or one JSON object. */
import type { Config } from "../../config/schema.ts";
import { version } from "../../version.ts";
import { count } from "../../core/count.ts";
import type { Io } from "../io.ts";
import type { Hop } from "../../../drivers/registry.ts";
import { oneLine } from "../../platform/text.ts";

const marks: Record<Hop["verdict"], string> = { good: "good", warning: "WARN", failed: "FAIL", skipped: "skip" };
const colours: Record<Hop["verdict"], string> = { good: "32", warning: "33", failed: "31", skipped: "90" };

/** The JSON report. */
export function report(file: string, config: Config | undefined, hops: readonly Hop[]): unknown {
  return {
    ok: !hops.some(({ verdict }) => verdict === "failed"),
    version,
    config: file,
    desks: config?.desks.map(({ extension }) => extension) ?? [],
    first: firstToFix(hops)?.name ?? null,
    hops,
  };
}

/** Prints each hop when it is done: mark, name, time, message; below it the advice. */
export function printer(io: Io): { hop(hop: Hop): void; summary(hops: readonly Hop[], ms: number): void } {
  const coloured = io.terminal && io.environment["NO_COLOR"] === undefined;
  const paint = (text: string, verdict: Hop["verdict"]) => coloured ? `\x1b[${colours[verdict]}m${text}\x1b[0m` : text;
  return {
    hop: ({ name, verdict, ms, message, advice, details = [] }) => {
      const time = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
      io.out(`${paint(marks[verdict], verdict)}  ${name.padEnd(16)} ${time.padStart(8)}  ${oneLine(message)}\n`);
      for (const detail of details) io.out(`${" ".repeat(34)}${oneLine(detail)}\n`);
      if (advice !== undefined && (verdict === "failed" || verdict === "warning")) {
        io.out(`${" ".repeat(32)}> ${oneLine(advice)}\n`);
      }
    },
    summary: (hops, ms) => {
      const first = firstToFix(hops);
      const took = `${(ms / 1000).toFixed(1)} s`;
      if (!first) return io.out(`\nAll is well: ${hops.length} hops in ${took}.\n`);
      const failures = hops.filter(({ verdict }) => verdict === "failed").length;
      const warnings = hops.filter(({ verdict }) => verdict === "warning").length;
      const what = first.verdict === "failed" ? "Fix first" : "Nothing has failed. Check";
      const later = first.verdict === "failed" ? [] : warningsInOrder(hops).slice(1).map(({ name }) => name);
      io.out(
        `\n${count(failures, "failure")}, ${count(warnings, "warning")} in ${took}. ${what}: ${first.name}. ${
          oneLine(first.message)
        }${later.length === 0 ? "" : ` Then: ${later.join(", ")}.`}\n`,
      );
    },
  };
}

/** Hops of the box and its configuration: with a warning, events reach UWQ all the same. */
const background: readonly string[] = ["config", "store", "disk", "clock", "network", "image", "http"];

/** The warnings, those about the way from the phone to UWQ first. */
function warningsInOrder(hops: readonly Hop[]): readonly Hop[] {
  const warnings = hops.filter(({ verdict }) => verdict === "warning");
  return [false, true].flatMap((behind) => warnings.filter(({ name }) => background.includes(name) === behind));
}

/**
 * The first failure, or else the first warning: later ones may be its consequence. The daemon's failure comes last: it
 * may not start because of another one. docs/troubleshooting.md states the same order.
 */
export function firstToFix(hops: readonly Hop[]): Hop | undefined {
  const failed = hops.filter(({ verdict }) => verdict === "failed");
  return failed.find(({ name }) => name !== "daemon") ?? failed[0] ?? warningsInOrder(hops)[0];
}
