import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { callKey, deliveryRules, type OutboxEvent, pauseAfter, whatIsDue } from "../../src/outbox/schedule.ts";
import { event } from "./events.ts";

const day = 86_400_000;
const ids = (events: readonly OutboxEvent[]) => events.map(({ id }) => id);

interface Case {
  readonly name: string;
  readonly waiting: readonly OutboxEvent[];
  readonly now?: number;
  readonly busy?: readonly string[];
  readonly send?: readonly number[];
  readonly retire?: Readonly<Record<number, string>>;
  readonly lookAt?: number;
}

const cases: Case[] = [
  { name: "nothing waits: nothing to do", waiting: [] },
  { name: "a new event is sent at once", waiting: [event(1)], send: [1] },
  { name: "of one call only the first", waiting: [event(1), event(2, { name: "CallEstablished" })], send: [1] },
  { name: "of several calls the first of each", waiting: [event(1), event(2, { call: "c2" }), event(3)], send: [1, 2] },
  { name: "the same call id at two desks is two calls", waiting: [event(1), event(2, { desk: "1002" })], send: [1, 2] },
  {
    name: "a call with an event on the way waits for it",
    waiting: [event(1), event(2, { call: "c2" })],
    busy: ["1001/c1"],
    send: [2],
  },
  { name: "what is to be tried later is looked at then", waiting: [event(1, { next: 500 })], now: 499, lookAt: 500 },
  { name: "what was to be tried later is sent when it is time", waiting: [event(1, { next: 500 })], now: 500, send: [1] },
  {
    name: "the soonest of several is looked at first",
    waiting: [event(1, { next: 700 }), event(2, { call: "c2", next: 600 }), event(3, { call: "c3", next: 800 })],
    lookAt: 600,
  },
  {
    name: "a pause that would outlast the event is cut short by its end",
    waiting: [event(1, { next: 500_000 })],
    now: 1000,
    lookAt: 120_000,
  },
  {
    name: "a ScreenPop is sent until its two minutes are over",
    waiting: [event(1)],
    now: 119_999,
    send: [1],
  },
  {
    name: "a ScreenPop that cannot have arrived is given up after two minutes, with all that follows it",
    waiting: [
      event(1, { why: "Cannot reach the CRM" }),
      event(2, { name: "CallEstablished", created: 119_000 }),
      event(3, { call: "c2", created: 119_000 }),
    ],
    now: 120_000,
    retire: {
      1: "too old after 120 s; last attempt: Cannot reach the CRM",
      2: "its ScreenPop was not told: too old after 120 s; last attempt: Cannot reach the CRM",
    },
    send: [3],
  },
  {
    name: "a ScreenPop that was never tried is given up and says so",
    waiting: [event(1)],
    now: 120_000,
    retire: { 1: "too old after 120 s; last attempt: none was possible" },
  },
  {
    name: "a ScreenPop that may have arrived is given up alone: what follows is looked at again at once",
    waiting: [event(1, { reached: true, why: "no answer" }), event(2, { name: "CallEstablished", created: 119_000 })],
    now: 120_000,
    retire: { 1: "too old after 120 s; last attempt: no answer" },
    lookAt: 120_000,
  },
  {
    name: "a CallEstablished is sent for a day",
    waiting: [event(1, { name: "CallEstablished" })],
    now: day - 1,
    send: [1],
  },
  {
    name: "a CallEstablished is given up after a day, alone",
    waiting: [event(1, { name: "CallEstablished" }), event(2, { name: "CallReleased", created: 1000 })],
    now: day,
    retire: { 1: "too old after 86400 s; last attempt: none was possible" },
    lookAt: day,
  },
  {
    name: "a CallReleased is given up after a day",
    waiting: [event(1, { name: "CallReleased", why: "status 500" })],
    now: day,
    retire: { 1: "too old after 86400 s; last attempt: status 500" },
    lookAt: day,
  },
  { name: "an event that was refused twice is tried again", waiting: [event(1, { refusals: 2 })], send: [1] },
  {
    name: "an event that was refused three times is given up, what follows is not",
    waiting: [event(1, { refusals: 3, reached: true, why: "status 404" }), event(2, { name: "CallReleased" })],
    retire: { 1: "the CRM refused it 3 times: status 404" },
    lookAt: 0,
  },
  {
    name: "an event that is too old and on the way is left alone",
    waiting: [event(1)],
    now: day,
    busy: ["1001/c1"],
  },
  {
    name: "the age of what follows counts only when it is its turn",
    waiting: [event(1, { name: "CallEstablished", created: 0, next: day - 10 }), event(2, { name: "CallReleased", created: 0 })],
    now: day - 20,
    lookAt: day - 10,
  },
];

describe("of the waiting events:", () => {
  test.each(cases.map((one) => [one.name, one] as const))(
    "%s",
    (_, { waiting, now = 0, busy = [], send = [], retire = {}, lookAt }) => {
      const due = whatIsDue(waiting, new Set(busy), now, deliveryRules);
      expect(ids(due.send)).toEqual([...send]);
      expect(Object.fromEntries(due.retire.map(({ event, why }) => [event.id, why]))).toEqual({ ...retire });
      expect(due.lookAt).toBe(lookAt);
    },
  );
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

describe("whatever waits:", () => {
  const waiting = fc.array(
    fc.record({
      name: fc.constantFrom("ScreenPop" as const, "CallEstablished" as const, "CallReleased" as const),
      call: fc.constantFrom("c1", "c2", "c3"),
      desk: fc.constantFrom("1001", "1002"),
      created: fc.nat(2 * day),
      next: fc.nat(3 * day),
      refusals: fc.nat(4),
      reached: fc.boolean(),
    }),
    { maxLength: 12 },
  ).map((parts) => parts.map((part, index) => event(index + 1, part)));
  const busy = fc.subarray(["1001/c1", "1001/c2", "1002/c3"]).map((keys) => new Set(keys));
  const someTime = fc.nat(3 * day);

  test("at most one event of a call is sent, its first, never one of a busy call, never one that is given up", () => {
    fc.assert(fc.property(waiting, busy, someTime, (events, onTheWay, now) => {
      const { send, retire } = whatIsDue(events, onTheWay, now, deliveryRules);
      const firsts = [...Map.groupBy(events, callKey).values()].map(([first]) => first);
      for (const one of send) expect(firsts).toContain(one);
      expect([...send, ...retire.map(({ event }) => event)].filter((one) => onTheWay.has(callKey(one)))).toEqual([]);
      expect(new Set([...send, ...retire.map(({ event }) => event)]).size).toBe(send.length + retire.length);
    }));
  });

  test("looked at whenever it asks for it, it comes to an end: everything is given up at last, and nothing is forgotten", () => {
    fc.assert(fc.property(waiting, (events) => {
      let left = events;
      let now = 0;
      for (let looks = 0; left.length > 0; looks++) {
        expect(looks).toBeLessThan(1000);
        const { send, retire, lookAt } = whatIsDue(left, new Set(), now, deliveryRules);
        const over = new Set(ids(retire.map(({ event }) => event)));
        // Each attempt fails, and is put off for an hour.
        const tried = new Set(ids(send));
        const later = now + 3_600_000;
        left = left.filter(({ id }) => !over.has(id)).map((one) => (tried.has(one.id) ? { ...one, next: later } : one));
        expect(send.length + retire.length > 0 || lookAt !== undefined).toBe(true);
        now = Math.max(now, tried.size > 0 ? now : lookAt ?? now);
      }
    }));
  });
});
