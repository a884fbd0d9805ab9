#!/usr/bin/env bun
/** Command line in, exit code out. */
import { cli } from "./cli.ts";
import { isJournal, marked } from "./log.ts";

// Who reads along may stop (telesetd doctor | head -3): then there is nobody left to work for. The log is another matter: a
// daemon goes on without it.
process.stdout.on("error", () => process.exit(1));
process.stderr.on("error", () => {});

const forJournal = isJournal(process.env["JOURNAL_STREAM"]);
const code = await cli(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(forJournal ? marked(text) : text),
  terminal: process.stdout.isTTY === true,
  environment: process.env,
}).catch((error: unknown) => {
  // No stack traces for users: what they can do with one is send it, and the log line says enough for that.
  process.stderr.write(`telesetd failed inside: ${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});
process.exit(code);
