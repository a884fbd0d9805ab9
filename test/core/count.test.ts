/** Numbers in sentences. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import * as fc from "fast-check";
import { ago, count, thousands } from "../../src/core/count.ts";

setDefaultTimeout(60_000);

describe("numbers in sentences", () => {
  test("thousands are separated as English does", () => {
    fc.assert(fc.property(fc.integer(), (n) => expect(thousands(n)).toBe(n.toLocaleString("en"))));
  });

  test.each([[0, "event", "0 events"], [1, "event", "1 event"], [1204, "event", "1,204 events"], [2, "box", "2 boxes"]])(
    "%p %s: %p",
    (n, what, text) => {
      expect(count(n, what)).toBe(text);
    },
  );

  test("a duration has the largest unit that fits twice", () => {
    expect([ago(1000), ago(119_000), ago(120_000), ago(200 * 86_400_000)]).toEqual([
      "1 second",
      "119 seconds",
      "2 minutes",
      "200 days",
    ]);
  });
});
