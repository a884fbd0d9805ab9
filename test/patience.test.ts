/** Tests do not depend on how fast the machine is: rules for their files. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, sources } from "./support/sources.ts";

const files = sources("test");

test("bun's own deadline for a test, 5 s, is too short for a busy machine: every file gets another", () => {
  expect(readFileSync(join(root, "bunfig.toml"), "utf8")).toContain('preload = ["./test/support/patience.ts"]');
});

test("no test says how little time may pass: it counts, awaits a cause, advances a fake clock, or measures with cpuMs", () => {
  // A bound of 50 s or more only tells an end from none.
  const bound = /now\(\) - \w+\)\.(?:toBeLessThan\w*\((?!(?:[5-9]\d|\d{3})_000\))|toBeWithin\()/;
  expect(files.filter(({ text }) => bound.test(text)).map(({ path }) => path)).toEqual([]);
});
