/** Rules for test files, so that tests do not depend on the speed of the machine. */
import { expect, test } from "bun:test";
import { sources } from "./support/sources.ts";

const files = sources("test");

test("a file with property tests or with the binary sets a longer deadline than Bun's default of 5 s", () => {
  const slow = files.filter(({ path, imports }) =>
    path.endsWith(".test.ts") && imports.some(({ to }) => to === "fast-check" || to === "test/support/daemon/box.ts")
  );
  expect(slow.length).toBeGreaterThan(20);
  expect(slow.filter(({ text }) => !/^setDefaultTimeout\((60|120)_000\);$/m.test(text)).map(({ path }) => path)).toEqual([]);
});

test("no test has an upper bound on elapsed time: it counts, awaits a cause, advances a fake clock, or measures with cpuMs", () => {
  // A bound of 50 s or more is only a backstop.
  const bound = /now\(\) - \w+\)\.(?:toBeLessThan\w*\((?!(?:[5-9]\d|\d{3})_000\))|toBeWithin\()/;
  expect(files.filter(({ text }) => bound.test(text)).map(({ path }) => path)).toEqual([]);
});
