/**
 * The cost of one event does not depend on the number of waiting events, counted without a stopwatch: how often the courier
 * visits events for each one that is delivered, discarded or retried. A search through all that waits would show.
 */
import { describe, expect, test } from "bun:test";
import type { CrmEvent } from "../../src/core/crm.ts";
import { SuppressedCalls } from "../../src/outbox/suppressed.ts";
import { calls, event } from "../support/outbox/events.ts";
import { done, refused, Rig, settle, unreachable } from "../support/outbox/rig.ts";
import type { OutboxEvent } from "../../src/outbox/record.ts";
import { standStill } from "../support/timers.ts";

standStill();

/** Counts the look-ups of the calls of events: every operation on an event needs them. */
class Looks {
  count = 0;

  watch(events: readonly OutboxEvent[]): OutboxEvent[] {
    return events.map((original) => {
      const { call, ...rest } = original.event;
      const watched = { ...rest } as CrmEvent;
      Object.defineProperty(watched, "call", { get: () => (this.count++, call), enumerable: true });
      return { ...original, event: watched };
    });
  }
}

/** Answers until nothing is on the way; returns the number of answers. */
async function drain(rig: Rig, most = Infinity): Promise<number> {
  let answered = 0;
  while (rig.posts.length > 0 && answered < most) {
    for (const post of rig.posts.splice(0)) {
      post.answer(done);
      answered++;
    }
    await settle();
  }
  return answered;
}

const [few, many] = [300, 3000] as const;

/** The look-ups for each event, when few and when many wait. */
async function compare(looksPerEvent: (count: number) => Promise<number>): Promise<void> {
  const [ofFew, ofMany] = [await looksPerEvent(few), await looksPerEvent(many)];
  expect(ofMany).toBeLessThan(1.2 * ofFew + 1);
}

const scenes: [name: string, make: (count: number) => OutboxEvent[]][] = [
  ["many calls of one event", (count) => calls(count)],
  [
    "calls of three events",
    (count) => {
      const names = ["ScreenPop", "CallEstablished", "CallReleased"] as const;
      return Array.from(
        { length: count },
        (_, n) => event(n + 1, { name: names[n % 3] ?? "ScreenPop", call: `c${Math.floor(n / 3)}` }),
      );
    },
  ],
  ["one call of many events", (count) => calls(count, { name: "CallEstablished", call: "one" })],
  ["many agents", (count) => Array.from({ length: count }, (_, n) => event(n + 1, { call: `c${n}`, agent: `A${n % 100}` }))],
];

describe("the number of operations for each event does not grow with the number of events:", () => {
  test.each(scenes)("delivered, %s", async (_, make) => {
    await compare(async (count) => {
      const looks = new Looks();
      const rig = new Rig({ stored: looks.watch(make(count)) });
      rig.courier.sendDue();
      await settle();
      expect(await drain(rig)).toBe(count);
      expect(rig.courier.status().waiting).toBe(0);
      return looks.count / count;
    });
  });

  test("delivered, while many wait for a dead address", async () => {
    await compare(async (count) => {
      const looks = new Looks();
      const dead = looks.watch(calls(count, { agent: "B" }, 1000));
      const rig = new Rig({ stored: dead });
      rig.courier.sendDue();
      await settle();
      while (rig.posts.length > 0) await rig.answer(unreachable);
      // Every waiting event has been checked once.
      for (let turns = 0; turns < count; turns += 20) await settle();
      looks.count = 0;
      for (let n = 0; n < 100; n++) {
        rig.courier.add([event(100_000 + n, { call: `live${n}`, attempts: 1 })]);
        await rig.answer(done);
      }
      return looks.count / 100;
    });
  });

  test("discarded because they are too old", async () => {
    await compare(async (count) => {
      const looks = new Looks();
      const rig = new Rig({ stored: looks.watch(calls(count)) });
      rig.now = 200_000;
      rig.courier.sendDue();
      while (rig.courier.status().waiting > 0) await settle();
      return looks.count / count;
    });
  });

  test("sent to the agent's new address: the Register itself visits none of them", async () => {
    const moved = { address: "10.0.0.9", port: 9090 };
    const looks = new Looks();
    const rig = new Rig({ stored: looks.watch(calls(many)) });
    rig.courier.sendDue();
    for (let answered = 0; answered < many;) {
      for (const post of rig.posts.splice(0)) {
        post.answer(refused);
        answered++;
      }
      await settle();
    }
    looks.count = 0;
    expect(rig.courier.arrived("1001", { registration: { agent: "A", ...moved }, atDesk: { agent: "A", ...moved } })).toEqual([
      { agent: "A", to: moved },
    ]);
    expect(looks.count).toBe(0);
    rig.courier.sendDue();
    await settle();
    for (const { to } of rig.posts) expect(to).toEqual(moved);
    expect(await drain(rig)).toBe(many);
  });

  test("looked up by the administrator, or counted", async () => {
    await compare((count) => {
      const looks = new Looks();
      const rig = new Rig({ stored: looks.watch(calls(count, { agent: "gone" })) });
      looks.count = 0;
      for (let id = 1; id <= 100; id++) {
        rig.courier.get(id);
        rig.courier.drop(id);
      }
      return Promise.resolve(looks.count / 100);
    });
  });
});

test("a suppressed call is not remembered beyond its end, and never more than 1,000 are", () => {
  const suppressed = new SuppressedCalls([{ desk: "1001", call: "c0" }]);
  for (let n = 0; n < 5000; n++) {
    suppressed.note(event(1, { call: `c${n}` }), false);
    suppressed.note(event(2, { call: `c${n}`, name: "CallEstablished" }), false);
    suppressed.note(event(3, { call: `c${n}`, name: "CallReleased" }), false);
  }
  const pops = Array.from({ length: 5000 }, (_, n) => event(1, { call: `c${n}` }));
  expect(pops.filter((pop) => suppressed.has(pop))).toEqual([]);
  for (const pop of pops) suppressed.note(pop, false);
  expect(pops.filter((pop) => suppressed.has(pop))).toEqual(pops.slice(4000));
});
