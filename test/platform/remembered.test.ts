import { expect, test } from "bun:test";
import { remembered } from "../../src/platform/remembered.ts";

test("the result for a text is computed once, also if it is undefined", () => {
  const asked: string[] = [];
  const length = remembered((text) => {
    asked.push(text);
    return text === "" ? undefined : text.length;
  });
  expect(["abc", "", "abc", "", "x"].map(length)).toEqual([3, undefined, 3, undefined, 1]);
  expect(asked).toEqual(["abc", "", "x"]);
});

test("more texts than there is room for are computed again, and correctly", () => {
  let computed = 0;
  const own = remembered((text) => {
    computed += 1;
    return text;
  });
  const texts = Array.from({ length: 250 }, (_, i) => `${i}`);
  for (const text of [...texts, ...texts]) expect(own(text)).toBe(text);
  expect(computed).toBe(500);
});
