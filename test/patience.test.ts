/** Tests do not depend on how fast the machine is: rules for their files. */
import { expect, test } from "bun:test";
import { sources } from "./support/sources.ts";

const files = sources("test");

test("a file with property tests sets a timeout that a busy machine keeps: bun's own is 5 s", () => {
  const properties = files.filter(({ path, imports }) =>
    path.endsWith(".test.ts") && imports.some(({ to }) => to === "fast-check")
  );
  expect(properties.length).toBeGreaterThan(10);
  expect(properties.filter(({ text }) => !/^setDefaultTimeout\((60|120)_000\);$/m.test(text)).map(({ path }) => path)).toEqual(
    [],
  );
});

test("no test says how little time may pass: it counts, awaits a cause, advances a fake clock, or measures with cpuMs", () => {
  // A bound of 50 s or more only tells an end from none.
  const bound = /now\(\) - \w+\)\.(?:toBeLessThan\w*\((?!(?:[5-9]\d|\d{3})_000\))|toBeWithin\()/;
  expect(files.filter(({ text }) => bound.test(text)).map(({ path }) => path)).toEqual([]);
});
