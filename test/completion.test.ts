/** The completion for bash, in a bash; ./scripts/docs --check verifies that it is up to date. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownFolder } from "./support/folder.ts";

const script = join(import.meta.dir, "../packaging/completion.bash");
const folder = ownFolder();
writeFileSync(join(folder, "new config.json"), "");

/** The words that bash offers for the last one. */
function offered(...words: string[]): string[] {
  const program = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _telesetd; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "-c", program, script, "telesetd", ...words], { cwd: folder });
  expect(stderr.toString()).toBe("");
  return stdout.toString().split("\n").filter((line) => line !== "");
}

test.each([
  ["the commands", [""], ["setup", "doctor", "status", "outbox", "run"]],
  ["a command", ["do"], ["doctor"]],
  ["the options of telesetd", ["--v"], ["--version"]],
  ["the commands of a group", ["outbox", ""], ["list", "show", "retry", "drop"]],
  ["the options of a command in a group", ["outbox", "list", "--a"], ["--all"]],
  ["options after another", ["status", "--json", "--so"], ["--socket"]],
  ["the levels", ["log", "t"], ["trace"]],
  ["a file for an option", ["check", "--config", "new"], ["new config.json"]],
  ["a file for an argument", ["apply", "n"], ["new config.json"]],
])("offers %s", (_, words, expected) => {
  expect(offered(...words)).toEqual(expect.arrayContaining(expected));
  if (words.at(-1) !== "") expect(offered(...words)).toEqual(expected);
});

test("offers nothing where nothing is known", () => {
  expect(offered("explain", "1")).toEqual([]);
  expect(offered("status", "x")).toEqual([]);
});
