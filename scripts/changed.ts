/**
 * Runs the tests affected by a change: `deno task test:changed [REF] [--binary]`. The change is everything since the branch left
 * REF (default: main), committed or not. A test is affected by a changed file that it imports, directly or indirectly, or that it
 * or one of its helpers mentions.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { root, type Source, sources } from "../test/support/sources.ts";

/** The test files affected by a change, by path. */
export interface Touched {
  readonly tests: readonly string[];
  /** Those that start the compiled binary, which are affected by any change of its sources. */
  readonly binary: readonly string[];
}

/** The libraries and Bun, which affect every test. */
const everything = "package-lock.json";
const namesBinary = /\btelesetd-linux-/;
const sourcesOfBinary = /^(?:src|drivers|simulator)\//;

/** Returns the tests among `files` that are affected by the changed paths. */
export function touched(files: readonly Source[], changed: readonly string[]): Touched {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const paths = new Set(changed);
  const names = changed.filter((path) => !path.endsWith(".ts")).flatMap(mentionsOf);
  const all = changed.includes(everything);
  const isBinaryChanged = all || changed.some((path) => sourcesOfBinary.test(path));
  const hit = ({ path, text }: Source) =>
    paths.has(path) || path.startsWith("test/") && names.some((name) => text.includes(name));
  const tests: string[] = [], binary: string[] = [];
  for (const file of files.filter(({ path }) => path.endsWith(".test.ts"))) {
    const reached = reachedFrom(file, byPath);
    const startsBinary = reached.some(({ text }) => namesBinary.test(text));
    if (all || startsBinary && isBinaryChanged || reached.some(hit)) (startsBinary ? binary : tests).push(file.path);
  }
  return { tests, binary };
}

/** The names by which a test may mention a file: its name (with its folder, if a single word), or a folder. */
function mentionsOf(path: string): string[] {
  const parts = path.split("/");
  const pairs = parts.slice(1).map((part, index) => `${parts[index]}/${part}`);
  const name = parts.at(-1) ?? path;
  return name.includes(".") ? [...pairs, name] : pairs;
}

function reachedFrom(start: Source, files: ReadonlyMap<string, Source>): Source[] {
  const reached = new Set([start]);
  for (const { imports } of reached) {
    for (const { to, typeOnly } of imports) {
      const file = typeOnly ? undefined : files.get(to);
      if (file) reached.add(file);
    }
  }
  return [...reached];
}

function git(...args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr.trim()}`);
  return stdout.split("\n").filter((line) => line !== "");
}

/** The paths that differ from where this branch left `ref`: committed, uncommitted, and not yet added. */
function changedSince(ref: string): string[] {
  const [base = ref] = git("merge-base", ref, "HEAD");
  return [...git("diff", "--name-only", base), ...git("ls-files", "--others", "--exclude-standard")];
}

function run(command: string, ...args: readonly string[]): number {
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

function main(): number {
  const { values, positionals } = parseArgs({ options: { binary: { type: "boolean", default: false } }, allowPositionals: true });
  const [ref = "main"] = positionals;
  const { tests, binary } = touched(
    sources("src", "drivers", "simulator", "test", "bench", "scripts", "packaging"),
    changedSince(ref),
  );
  if (values.binary && binary.length > 0 && run("./scripts/build") !== 0) return 1;
  if (!values.binary && binary.length > 0) {
    process.stdout.write(`Not run without --binary: the compiled binary, ${binary.length} test files.\n`);
  }
  const chosen = values.binary ? [...tests, ...binary] : tests;
  if (chosen.length > 0) return run("./node_modules/.bin/bun", "test", "--timeout", "60000", "--parallel", ...chosen);
  process.stdout.write(`No test is affected by the changes since ${ref}.\n`);
  return 0;
}

if (import.meta.main) process.exit(main());
