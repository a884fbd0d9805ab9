import { describe, expect, test } from "bun:test";
import { deliveryRules, type Due, pauseAfter, whatIsDue } from "../../src/outbox/schedule.ts";
import { event, type EventPart } from "../support/outbox/events.ts";

const day = 86_400_000;
/** A name, the event, the time, what is due, and why nothing can be sent. */
const cases: [name: string, part: EventPart, now: number, due: Due, why?: string][] = [
  ["a new event is sent", {}, 0, { type: "send", until: 120_000 }],
  ["what is to be tried later waits until then", { next: 500 }, 499, { type: "wait", until: 500 }],
  ["what was to be tried later is sent when it is time", { next: 500 }, 500, { type: "send", until: 120_000 }],
  ["a pause that would outlast the event is cut short by its end", { next: 500_000 }, 1000, { type: "wait", until: 120_000 }],
  ["a ScreenPop is sent until its two minutes are over", {}, 119_999, { type: "send", until: 120_000 }],
  [
    "a ScreenPop is discarded after two minutes, with the failure of its last attempt",
    { why: "Cannot reach the CRM" },
    120_000,
    { type: "discard", why: "too old after 120 s; last attempt: Cannot reach the CRM" },
  ],
  [
    "the reason says that a discarded ScreenPop was never tried",
    {},
    120_000,
    { type: "discard", why: "too old after 120 s; last attempt: no attempt was possible" },
  ],
  [
    "why nothing could be sent at all counts more than the last attempt",
    { why: "Cannot reach the CRM" },
    120_000,
    { type: "discard", why: "too old after 120 s; last attempt: agent A is not registered" },
    "agent A is not registered",
  ],
  ["a CallEstablished is sent for a day", { name: "CallEstablished" }, day - 1, { type: "send", until: day }],
  [
    "a CallEstablished is discarded after a day",
    { name: "CallEstablished" },
    day,
    { type: "discard", why: "too old after 86400 s; last attempt: no attempt was possible" },
  ],
  [
    "a CallReleased is discarded after a day",
    { name: "CallReleased", why: "status 500" },
    day,
    { type: "discard", why: "too old after 86400 s; last attempt: status 500" },
  ],
  ["an event that was refused twice is tried again", { refusals: 2 }, 0, { type: "send", until: 120_000 }],
  [
    "an event that was refused three times is discarded",
    { refusals: 3, reached: true, why: "status 404" },
    0,
    { type: "discard", why: "the CRM refused it 3 times: status 404" },
  ],
];

test.each(cases.map((row) => [row[0], row] as const))("%s", (_, [, part, now, due, why]) => {
  expect(whatIsDue(event(1, part), now, deliveryRules, why)).toEqual(due);
});

describe("the pause before the next attempt", () => {
  test.each([
    [1, 0, 250, 500],
    [2, 0, 500, 1000],
    [3, 0, 1000, 2000],
    [4, 0, 2000, 4000],
    [5, 0, 2500, 5000],
    [100, 119_999, 2500, 5000],
    [5, 120_000, 4000, 8000],
    [7, 120_000, 16_000, 32_000],
    [8, 120_000, 30_000, 60_000],
    [10_000, day, 30_000, 60_000],
  ])("after attempt %i, %i ms old, is %i to %i ms", (attempts, age, shortest, longest) => {
    expect(pauseAfter(attempts, age, 0)).toBe(shortest);
    expect(pauseAfter(attempts, age, 1)).toBe(longest);
    expect(pauseAfter(attempts, age, 0.5)).toBe((shortest + longest) / 2);
  });
});
