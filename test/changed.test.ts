/** Which tests a change touches: what `deno task test:changed` runs. */
import { expect, test } from "bun:test";
import { touched } from "../scripts/changed.ts";
import { importsOf } from "./support/sources.ts";

const files = Object.entries({
  "src/a.ts": 'import { b } from "src/b.ts";',
  "src/b.ts": "",
  "src/types.ts": "",
  "test/support/rig.ts": 'import "src/a.ts";',
  // Not as one word: this file starts no binary.
  "test/support/box.ts": ["dist/telesetd", "linux", "x64"].join("-"),
  "test/support/recorded.ts": '"../fixtures/recordings"',
  "test/b.test.ts": 'import "src/b.ts";',
  "test/rig.test.ts": 'import "test/support/rig.ts";',
  "test/types.test.ts": 'import type { T } from "src/types.ts";',
  "test/recorded.test.ts": 'import "test/support/recorded.ts";',
  "test/readme.test.ts": '"../README.md"',
  "test/e2e/box.test.ts": 'import "test/support/box.ts";',
}).map(([path, text]) => ({ path, text, imports: importsOf(text) }));

const all = files.map(({ path }) => path).filter((path) => path.endsWith(".test.ts") && !path.startsWith("test/e2e"));
const binary = ["test/e2e/box.test.ts"];

test.each<[change: string, changed: string, tests: string[], ofBinary: string[]]>([
  ["a test itself", "test/b.test.ts", ["test/b.test.ts"], []],
  ["a source: who imports it, directly or not, and the binary", "src/b.ts", ["test/b.test.ts", "test/rig.test.ts"], binary],
  ["a source of which only types are imported: the binary", "src/types.ts", [], binary],
  ["a helper", "test/support/rig.ts", ["test/rig.test.ts"], []],
  ["the helper that starts the binary", "test/support/box.ts", [], binary],
  ["a fixture in a folder that a helper mentions", "test/fixtures/recordings/sip/new.jsonl", ["test/recorded.test.ts"], []],
  ["a file that a test mentions by name", "README.md", ["test/readme.test.ts"], []],
  ["a file that no test reads", "docs/logo.svg", [], []],
  ["the libraries: everything", "package-lock.json", all, binary],
])("%s", (_, changed, tests, ofBinary) => {
  expect(touched(files, [changed])).toEqual({ tests, binary: ofBinary });
});
