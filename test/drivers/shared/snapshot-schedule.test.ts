/** When the session lists the live legs again, on a fake clock. Snapshots over TCP: snapshot.test.ts and unreadable.test.ts. */
import { expect, test } from "bun:test";
import type { LegFacts } from "../../../src/core/line.ts";
import { minPauseMs, SnapshotSchedule } from "../../../drivers/shared/snapshot-schedule.ts";
import { FakeTimers } from "../../support/timers.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Snapshots that are answered on command of the test. */
function rig() {
  const waiting: PromiseWithResolvers<readonly LegFacts[]>[] = [];
  const did: string[] = [];
  const timers = new FakeTimers();
  const snapshots = new SnapshotSchedule({
    timers,
    legs: () => {
      const answer = Promise.withResolvers<readonly LegFacts[]>();
      waiting.push(answer);
      return answer.promise;
    },
    seen: (legs) => did.push(`seen ${legs.map(({ leg }) => leg).join(" ")}`.trim()),
    others: () => Promise.resolve(void did.push("others")),
    failed: (error) => did.push(`failed ${error}`),
  });
  return {
    timers,
    snapshots,
    did,
    asked: () => waiting.length,
    answer: (legs: readonly LegFacts[] = []) => waiting.at(-1)?.resolve(legs),
    fail: (why: string) => waiting.at(-1)?.reject(why),
  };
}

test("all requests before a snapshot starts share it; those made during it share one more, a second later", async () => {
  const { timers, snapshots, did, asked, answer } = rig();
  for (let n = 0; n < 5; n++) snapshots.repair();
  await settle();
  expect(asked()).toBe(1);
  for (let n = 0; n < 5; n++) snapshots.repair();
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

test("one snapshot at a time, which contains what is reported meanwhile", async () => {
  const { timers, snapshots, did, asked, answer } = rig();
  snapshots.repair();
  snapshots.later(0);
  timers.advance(1);
  await settle();
  expect(asked()).toBe(1);
  snapshots.note({ type: "leg", facts: { desk: "1001", leg: "new" } });
  snapshots.note({ type: "leg", facts: { desk: "1001", leg: "old", ended: { cause: "NORMAL_CLEARING", why: "" } } });
  answer([{ desk: "1001", leg: "old" }, { desk: "1001", leg: "other" }]);
  await settle();
  expect(did[0]).toBe("seen other new");
});

test("no snapshot after the connection has ended", async () => {
  const { timers, snapshots, asked } = rig();
  snapshots.later(5);
  snapshots.stop();
  snapshots.repair();
  timers.advance(10);
  await settle();
  expect(asked()).toBe(0);
});

test("a snapshot that fails is also followed by a pause", async () => {
  const { timers, snapshots, did, asked, fail } = rig();
  snapshots.repair();
  await settle();
  fail("refused");
  await settle();
  snapshots.repair();
  await settle();
  expect([asked(), did]).toEqual([1, []]);
  timers.advance(minPauseMs);
  await settle();
  expect([asked(), did]).toEqual([2, ["failed refused"]]);
});
