import { expect, test } from "bun:test";
import { localTime, shortTime } from "../../src/platform/local-time.ts";

const at = new Date(2026, 0, 5, 9, 7, 3);

test("a time is that of the machine's zone", () => {
  expect(localTime(at)).toBe("2026-01-05 09:07:03");
});

test("a time of today needs no date", () => {
  expect(shortTime(at, new Date(2026, 0, 5, 23, 0))).toBe("09:07:03");
  expect(shortTime(at, new Date(2026, 0, 6, 1, 0))).toBe("2026-01-05 09:07:03");
});
