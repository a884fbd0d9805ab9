/** Whether an event can be sent now; if so, its first attempt is noted together with it. */
import { expect, test } from "bun:test";
import { established, event, pop } from "../support/outbox/events.ts";
import { done, Rig } from "../support/outbox/rig.ts";
import { standStill } from "../support/timers.ts";

standStill();

test.each([
  ["no event of its call waits", true, event(7, { call: "c7" })],
  ["an event of its call waits", false, event(7, { name: "CallReleased" })],
  ["its agent has no address", false, event(7, { call: "c7", nowhere: true })],
])("an event can be sent now when %s: %p", (_, free, tested) => {
  const rig = new Rig({ stored: [event(1)] });
  expect(rig.courier.canSendNow(tested)).toBe(free);
});

test("an event cannot be sent now while one of its call is on the way, or when its ScreenPop was not delivered", () => {
  const rig = new Rig({ suppressed: [{ desk: "1001", call: "c2" }] });
  rig.courier.add([pop]);
  expect(rig.courier.canSendNow(established)).toBe(false);
  expect(rig.courier.canSendNow(event(8, { call: "c2", name: "CallReleased" }))).toBe(false);
});

test("an event cannot be sent now while 32 POSTs are on the way", async () => {
  const rig = new Rig();
  rig.courier.add(Array.from({ length: 31 }, (_, n) => event(n + 1, { call: `c${n + 1}`, attempts: 1 })));
  const next = event(99, { call: "c99" });
  expect(rig.courier.canSendNow(next)).toBe(true);
  rig.courier.add([event(32, { call: "c32", attempts: 1 })]);
  expect(rig.courier.canSendNow(next)).toBe(false);
  await rig.answer(done);
  expect(rig.courier.canSendNow(next)).toBe(true);
});

test("a suppressed call is forgotten with its CallReleased", () => {
  const rig = new Rig({ suppressed: [{ desk: "1001", call: "c2" }] });
  const next = event(9, { call: "c2" });
  expect(rig.courier.canSendNow(next)).toBe(false);
  rig.courier.add([event(8, { call: "c2", name: "CallReleased" })]);
  expect(rig.record).toEqual(["discarded 8: its ScreenPop was not delivered"]);
  expect(rig.courier.canSendNow(next)).toBe(true);
});
