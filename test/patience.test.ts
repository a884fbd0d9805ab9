/** Tests do not depend on how fast the machine is: rules for their files. */
import { expect, test } from "bun:test";
import { sources } from "./support/sources.ts";

const files = sources("test");

test("a file with property tests or with the binary sets a deadline that a busy machine keeps: bun's own is 5 s", () => {
  const slow = files.filter(({ path, imports }) =>
    path.endsWith(".test.ts") && imports.some(({ to }) => to === "fast-check" || to === "test/support/daemon/box.ts")
  );
  expect(slow.length).toBeGreaterThan(20);
  expect(slow.filter(({ text }) => !/^setDefaultTimeout\((60|120)_000\);$/m.test(text)).map(({ path }) => path)).toEqual([]);
});

test("no test says how little time may pass: it counts, awaits a cause, advances a fake clock, or measures with cpuMs", () => {
  // A bound of 50 s or more only tells an end from none.
  const bound = /now\(\) - \w+\)\.(?:toBeLessThan\w*\((?!(?:[5-9]\d|\d{3})_000\))|toBeWithin\()/;
  expect(files.filter(({ text }) => bound.test(text)).map(({ path }) => path)).toEqual([]);
});
