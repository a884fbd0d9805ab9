/** Housekeeping is done after a number of events, in a moment of silence. */
import { expect, test } from "bun:test";
import { Housekeeping } from "../../src/platform/housekeeping.ts";
import { FakeTimers } from "../support/timers.ts";

test("it starts after 24 events, in a silence of 3 ms, and the next after 24 more", () => {
  const timers = new FakeTimers();
  let times = 0;
  const housekeeping = new Housekeeping(timers, () => times++);
  const handle = (events: number, pause: number) => {
    for (let event = 0; event < events; event++) {
      housekeeping.eventHandled();
      timers.advance(pause);
    }
    return times;
  };
  expect(handle(23, 100)).toBe(0);
  // No silence: more events follow at once.
  expect(handle(5, 2)).toBe(0);
  timers.advance(1);
  expect(times).toBe(1);
  expect(handle(23, 100)).toBe(1);
  expect(handle(1, 100)).toBe(2);
});
