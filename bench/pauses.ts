/**
 * Loaded before telesetd's own main (`bun --preload`): how much processor time the main thread takes between two turns of its
 * loop. Processor time, because a busy machine lets every process wait. SIGUSR2 starts the measurement again; the log gets the result at the end.
 */
import { readFileSync } from "node:fs";

/** What the result begins with in the log. */
export const resultMark = "longest turn of the loop in ms:";

/** The main thread's time on a processor, in ms (proc(5), schedstat). */
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
