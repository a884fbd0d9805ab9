/** Absent keys instead of undefined ones. */
import { expect, test } from "bun:test";
import { present } from "../../src/core/present.ts";

test("keeps every value but undefined", () => {
  const values = present({ a: undefined, b: null, c: 0, d: "", e: false });
  expect(values).toStrictEqual({ b: null, c: 0, d: "", e: false });
  expect(Object.keys(values)).toEqual(["b", "c", "d", "e"]);
});
