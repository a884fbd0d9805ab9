/** When the session looks at the live legs again, on a fake clock. The looks over TCP: snapshot.test.ts and unreadable.test.ts. */
import { expect, test } from "bun:test";
import type { LegFacts } from "../../../src/core/line.ts";
import { Looks } from "../../../drivers/freeswitch/looks.ts";
import { FakeTimers } from "../../support/timers.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Looks whose answers come when the test says so. */
function rig() {
  const waiting: ((legs: readonly LegFacts[]) => void)[] = [];
  const did: string[] = [];
  const timers = new FakeTimers();
  const looks = new Looks({
    timers,
    legs: () => new Promise((resolve) => waiting.push(resolve)),
    seen: (legs) => did.push(`seen ${legs.map(({ leg }) => leg).join(" ")}`.trim()),
    others: () => Promise.resolve(void did.push("others")),
    failed: (error) => did.push(`failed ${error}`),
  });
  return { timers, looks, did, asked: () => waiting.length, answer: (legs: readonly LegFacts[] = []) => waiting.at(-1)?.(legs) };
}

test("all that ask before a look begins get one; those that ask during it get one more, a second after it", async () => {
  const { timers, looks, did, asked, answer } = rig();
  for (let n = 0; n < 5; n++) looks.repair();
  await settle();
  expect(asked()).toBe(1);
  for (let n = 0; n < 5; n++) looks.repair();
  answer();
  await settle();
  expect([asked(), did]).toEqual([1, ["seen", "others"]]);
  timers.advance(999);
  await settle();
  expect(asked()).toBe(1);
  timers.advance(1);
  await settle();
  expect(asked()).toBe(2);
  answer();
  await settle();
  timers.advance(10_000);
  await settle();
  expect(asked()).toBe(2);
});

test("one look at a time, and what is reported during one is in it", async () => {
  const { timers, looks, did, asked, answer } = rig();
  looks.repair();
  looks.later(0);
  timers.advance(1);
  await settle();
  expect(asked()).toBe(1);
  looks.note({ type: "leg", facts: { desk: "1001", leg: "new" } });
  looks.note({ type: "leg", facts: { desk: "1001", leg: "old", ended: { cause: "NORMAL_CLEARING", why: "" } } });
  answer([{ desk: "1001", leg: "old" }, { desk: "1001", leg: "other" }]);
  await settle();
  expect(did[0]).toBe("seen other new");
});

test("no look after the connection is over", async () => {
  const { timers, looks, asked } = rig();
  looks.later(5);
  looks.stop();
  looks.repair();
  timers.advance(10);
  await settle();
  expect(asked()).toBe(0);
});
