import { expect, test } from "bun:test";
import { rateLimit } from "../../src/platform/rate-limit.ts";

test("a full bucket is spent, then refilled at the rate", () => {
  const granted = rateLimit({ perSecond: 10, burst: 3 });
  expect([0, 0, 0, 0, 99, 100, 150, 200].map((now) => granted("a", now))).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
    false,
    true,
  ]);
});

test("a bucket never exceeds its burst", () => {
  const granted = rateLimit({ perSecond: 10, burst: 2 });
  expect([0, 1e9, 1e9, 1e9].map((now) => granted("a", now))).toEqual([true, true, true, false]);
});

test("a clock that goes back removes no tokens", () => {
  const granted = rateLimit({ perSecond: 1, burst: 2 });
  expect([1e6, 0, 0].map((now) => granted("a", now))).toEqual([true, true, false]);
});

test("memory is bounded: the least recently used address is forgotten", () => {
  const granted = rateLimit({ perSecond: 0.001, burst: 1 });
  granted("quiet", 0);
  granted("busy", 0);
  for (let i = 0; i < 1023; i++) {
    granted(`other ${i}`, 0);
    expect(granted("busy", 0)).toBe(false);
  }
  expect([granted("quiet", 0), granted("busy", 0)]).toEqual([true, false]);
});
