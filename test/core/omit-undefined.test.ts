/** Absent keys instead of undefined ones. */
import { expect, test } from "bun:test";
import { omitUndefined } from "../../src/core/omit-undefined.ts";

test("keeps every value but undefined", () => {
  const values = omitUndefined({ a: undefined, b: null, c: 0, d: "", e: false });
  expect(values).toStrictEqual({ b: null, c: 0, d: "", e: false });
  expect(Object.keys(values)).toEqual(["b", "c", "d", "e"]);
});
