#!/usr/bin/env bun
/** Entry point of the command line. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { Io } from "./commands/io.ts";
import { isJournal, marked } from "./log/log.ts";
import { messageOf } from "./platform/text.ts";

// Unlike a command that cannot write its output, a daemon that cannot log continues.
process.stderr.on("error", () => {});

/**
 * Writes all output before the command continues: process.stdout would buffer what a pipe cannot take, and the end of the
 * process would cut it off. The reader of our output may go away (`telesetd doctor | head -3`): then exit.
 */
function out(text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") process.exit(1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

const forJournal = isJournal(process.env["JOURNAL_STREAM"]);
const io: Io = {
  out,
  err: (text) => process.stderr.write(forJournal ? marked(text) : text),
  terminal: isatty(1),
  environment: process.env,
};

/** Runs the command line. The service's own needs no table of commands, which is 1 MB of memory. */
async function main(args: readonly string[]): Promise<number> {
  const [command, option, config] = args;
  if (args.length === 3 && command === "run" && option === "--config" && config) {
    return (await import("./commands/run.ts")).run({ config }, io);
  }
  return (await import("./cli.ts")).cli(args, io);
}

const code = await main(process.argv.slice(2)).catch((error: unknown) => {
  // No stack traces for users: the message is enough for a bug report.
  process.stderr.write(`telesetd: internal error: ${messageOf(error)}
`);
  return 1;
});
process.exit(code);
