#!/usr/bin/env bun
/** Command line in, exit code out. */
import { writeSync } from "node:fs";
import { isatty } from "node:tty";
import { cli } from "./cli.ts";
import { isJournal, marked } from "./log/log.ts";
import { messageOf } from "./platform/text.ts";

// The log is another matter than the output of a command: a daemon goes on without it.
process.stderr.on("error", () => {});

/**
 * Writes all of a command's output before the command goes on: process.stdout would keep what a pipe has no room for, and the end of
 * the process would cut it off. The reader may go away (`telesetd doctor | head -3`): then there is nobody left to work for.
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
const code = await cli(process.argv.slice(2), {
  out,
  err: (text) => process.stderr.write(forJournal ? marked(text) : text),
  terminal: isatty(1),
  environment: process.env,
}).catch((error: unknown) => {
  // No stack traces for users: what they can do with one is send it, and the log line says enough for that.
  process.stderr.write(`telesetd failed inside: ${messageOf(error)}\n`);
  return 1;
});
process.exit(code);
