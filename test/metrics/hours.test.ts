/** Calls and deliveries by hour, for the charts of the page. */
import { expect, test } from "bun:test";
import { Hours } from "../../src/metrics/hours.ts";

const hour = 3_600_000;

test("the last 24 hours, the oldest first; older ones are forgotten", () => {
  let now = 100 * hour;
  const hours = new Hours([0.001, 0.01, 0.1], () => now);
  hours.call();
  for (let i = 0; i < 30; i++) {
    now += hour;
    hours.call();
    hours.call();
  }
  const list = hours.list();
  expect(list.map(({ calls }) => calls)).toEqual(Array.from({ length: 24 }, () => 2));
  expect([list[0]?.at, list[23]?.at]).toEqual([new Date(107 * hour).toISOString(), new Date(130 * hour).toISOString()]);
  now += 10 * hour;
  expect(hours.list().filter(({ calls }) => calls > 0)).toHaveLength(14);
});

test("half and 95 % of the deliveries, as upper bounds", () => {
  const hours = new Hours([0.001, 0.01, 0.1], () => 0);
  expect(hours.list()[23]).toEqual({ at: "1970-01-01T00:00:00.000Z", calls: 0, delivered: 0 });
  for (let i = 0; i < 90; i++) hours.delivered(0.0005);
  for (let i = 0; i < 10; i++) hours.delivered(0.05);
  expect(hours.list()[23]).toMatchObject({ delivered: 100, p50: 0.001, p95: 0.1 });
  for (let i = 0; i < 1000; i++) hours.delivered(7);
  expect(hours.list()[23]).toMatchObject({ p50: 0.2, p95: 0.2 });
});

test("a wall clock that is set back or forward adds no hour twice", () => {
  let now = 100 * hour;
  const hours = new Hours([1], () => now);
  hours.call();
  now += 2 * hour;
  hours.call();
  now -= 2 * hour;
  hours.call();
  now += 2 * hour;
  expect(hours.list().map(({ calls }) => calls).slice(-3)).toEqual([2, 0, 1]);
});
