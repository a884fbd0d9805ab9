/** `telesetd setup`: creates the configuration by questions, or installs an existing file; then runs the doctor. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Hop, lineSchemas } from "../../../drivers/registry.ts";
import { ConfigError, parseConfig } from "../../config/schema.ts";
import { doctor } from "../doctor/mod.ts";
import { switchHops } from "../doctor/switch.ts";
import { type Change, makeChange } from "../apply/change.ts";
import { type Service, serviceOf } from "../apply/service.ts";
import { count } from "../../core/count.ts";
import { type Io, withCredentials } from "../io.ts";
import { emptyDraft, readDraft, withAnswers } from "./draft.ts";
import { askAll } from "./questions.ts";
import { type Asker, Interrupted, Terminal } from "./terminal.ts";

/** The options of `setup`. */
export interface SetupOptions {
  /** An existing configuration to install without questions. */
  readonly from?: string;
  /** Whether it is installed even if a test of the way to the phones fails. */
  readonly force?: boolean;
  /** Where the configuration goes. */
  readonly to: string;
}

/**
 * Exit code 0 if the configuration was written, regardless of the doctor's findings; 1 if interrupted, it cannot be written, a
 * test of `from` fails, or the daemon does not become ready; 2 if the configuration is invalid or there is no terminal. With 1 and
 * 2 the former configuration stays.
 */
export async function setup(
  { from, force = false, to }: SetupOptions,
  io: Io,
  given?: Asker,
  service: Service | undefined = serviceOf(to),
): Promise<number> {
  if (from !== undefined) return await fromFile({ from, force, to }, io, service);
  // Opened for questions only: while the terminal is read key by key, Ctrl-C does not end the doctor.
  const asker = given ?? terminal(io);
  if (asker === undefined) {
    io.err(
      "telesetd setup asks questions, and there is no terminal here: run it in one, or install an existing file: telesetd setup --from FILE\n",
    );
    return 2;
  }
  try {
    const refusal = cannotWrite(to);
    if (refusal === undefined) return await byQuestions(to, io, asker, service);
    io.err(`${refusal}\n`);
    return 1;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    io.err("Interrupted: nothing was changed\n");
    return 1;
  } finally {
    asker.close();
  }
}

function terminal({ terminal: watched, out }: Io): Asker | undefined {
  return watched && process.stdin.isTTY === true ? new Terminal(process.stdin, out) : undefined;
}

/** Checked before the questions: an administrator without the rights should not have to answer them first. */
function cannotWrite(to: string): string | undefined {
  let folder = dirname(to);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (existsSync(to)) accessSync(to, constants.R_OK);
    return undefined;
  } catch {
    return `Cannot write ${to}: this user cannot write to ${folder}, or cannot read the file. Run it as root: sudo telesetd setup`;
  }
}

async function byQuestions(to: string, io: Io, asker: Asker, service: Service | undefined): Promise<number> {
  const say = (text: string) => io.out(`${text}\n`);
  const former = readDraft(to);
  say(
    "Each answer is tested immediately. Press Enter to accept the value in [brackets]; Ctrl-C quits without changing anything.",
  );
  if (former) {
    say(`The values in ${to} are offered; all other keys stay unchanged.`);
    const what = (errors: string) => `${to} has ${errors} that these questions cannot fix`;
    if (isInvalid(JSON.stringify(withAnswers(former)), to, io, what)) return 2;
  }
  if (!former && existsSync(to)) say(`${to} is not a JSON object; starting over. The old file is kept as ${to}.1.`);
  const draft = await askAll(former ?? emptyDraft, { asker, say, ...withCredentials(to, io) });
  const text = `${JSON.stringify(draft, null, 2)}\n`;
  if (isInvalid(text, to, io, (errors) => `with these answers ${to} would have ${errors}`)) return 2;
  const state = await service?.state();
  const restart = state === undefined || state === "inactive" ? "" : " and restart telesetd";
  if (!isYes(await asker.ask(`Write ${to}${restart}? y or n [y]: `))) {
    io.err("Nothing was changed.\n");
    return 1;
  }
  const start = state === "inactive" && isYes(await asker.ask("Start telesetd now and at each boot? y or n [y]: "));
  // From here on the system handles Ctrl-C again: the doctor may take a few seconds.
  asker.close();
  return await install({ text, to, start }, io, service);
}

/** Enter is yes. An answer that was meant for another question is no. */
function isYes(typed: string): boolean {
  return /^\s*(y(es)?)?\s*$/i.test(typed);
}

async function fromFile(
  { from, force, to }: SetupOptions & { readonly from: string },
  io: Io,
  service: Service | undefined,
): Promise<number> {
  let text: string;
  try {
    text = readFileSync(from, "utf8");
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : code;
    io.err(`Cannot read ${from}: ${why}. Nothing was changed.\n`);
    return 2;
  }
  if (isInvalid(text, to, io, (errors) => `${from} has ${errors}`, true)) return 2;
  const failures = force ? [] : await failedTests(text, to, io);
  if (failures.length === 0) return await install({ text, to }, io, service);
  io.err(`Nothing was changed: with ${from} the way to the phones does not work (--force installs it all the same):\n`);
  for (const { name, message, advice } of failures) {
    io.err(`  ${name}: ${message}\n${advice === undefined ? "" : `    > ${advice}\n`}`);
  }
  return 1;
}

/** The hops to the phones that fail with this configuration. */
async function failedTests(text: string, to: string, io: Io): Promise<Hop[]> {
  const hops = await Array.fromAsync(switchHops(parseConfig(text, lineSchemas, withCredentials(to, io).environment)));
  return hops.filter(({ verdict }) => verdict === "failed");
}

/**
 * Whether a configuration that is to be written to `to` is invalid: then its errors are printed.
 * @param what the sentence before them, with their number.
 * @param placed whether they are printed with line and column.
 */
function isInvalid(text: string, to: string, io: Io, what: (errors: string) => string, placed = false): boolean {
  try {
    parseConfig(text, lineSchemas, withCredentials(to, io).environment);
    return false;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = placed ? error.placed : error.problems;
    const lines = problems.map((problem) => `  ${problem}\n`).join("");
    io.err(`Nothing was changed: ${what(count(problems.length, "error"))}:\n${lines}`);
    return true;
  }
}

async function install(change: Change, io: Io, service: Service | undefined): Promise<number> {
  const { done, problem } = await makeChange(change, io, service);
  for (const sentence of done) io.out(`${sentence}\n`);
  if (problem !== undefined) {
    io.err(`${problem}\n`);
    return 1;
  }
  io.out("\n");
  await doctor({ config: change.to, notStarted: await service?.state() !== "active" }, io);
  return 0;
}
