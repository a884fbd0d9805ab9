/** What is measured with: a clock, quantiles, and the resources of a process from /proc. */
import { readdirSync, readFileSync } from "node:fs";

/** The time in ms, to a few microseconds the same in all processes of the machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

export function rest(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** The quantile by nearest rank; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;
}

/** The median, between the two in the middle if there are two; NaN is ignored, and the result without values. */
export function median(values: readonly number[]): number {
  const real = values.filter((value) => !Number.isNaN(value));
  return (quantile(real, 0.5) - quantile(real.map((value) => -value), 0.5)) / 2;
}

/** Resident memory in kB: total, and anonymous (without the pages of its file). */
export function memory(pid: number): { readonly rss: number; readonly own: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? NaN);
  return { rss: kB("VmRSS"), own: kB("RssAnon") };
}

/** The processor time so far of a folder of /proc, in ms, exact to the microsecond (proc(5), schedstat). */
export function processorTime(folder: string): number {
  return Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

/** Counts the processor time of all threads of a process from now on; the returned function gives it in ms. */
export function cpuFrom(pid: number): () => number {
  const threads = () => readdirSync(`/proc/${pid}/task`).map((id) => [id, processorTime(`/proc/${pid}/task/${id}`)] as const);
  const before = new Map(threads());
  return () => threads().reduce((sum, [id, ran]) => sum + ran - (before.get(id) ?? 0), 0);
}
