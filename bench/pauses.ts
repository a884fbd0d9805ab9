/**
 * Loaded before telesetd's main (`bun --preload`): measures the processor time of the main thread between two turns of its event
 * loop. Processor time, since on a busy machine every process has to wait. SIGUSR2 restarts the measurement; the result is logged
 * at the end.
 */
import { readFileSync } from "node:fs";

/** The start of the result's log line. */
export const resultMark = "longest turn of the loop in ms:";

/** The processor time of the main thread, in ms (proc(5), schedstat). */
function processorTime(): number {
  return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[0]) / 1e6;
}

let last = processorTime();
let longest = 0;

function turn(): void {
  const now = processorTime();
  longest = Math.max(longest, now - last);
  last = now;
}

if (process.env["BENCH_PAUSES"] !== undefined) {
  setInterval(turn, 1).unref();
  process.on("SIGUSR2", () => {
    turn();
    longest = 0;
  });
  process.on("exit", () => process.stderr.write(`${resultMark} ${longest}\n`));
}
