/** How much is sent at once, and to whom: a backlog, and addresses that fail. */
import { describe, expect, test } from "bun:test";
import { calls, event, home } from "../support/outbox/events.ts";
import { done, refused, Rig, settle, timeout, unreachable } from "../support/outbox/rig.ts";
import { standStill } from "../support/timers.ts";

standStill();

describe("at once:", () => {
  test.each([
    ["in 10 ms or more, at most 32", 10, [4, 8, 16, 32, 32, 32]],
    ["sooner, at most 8", 0, [4, 8, 8, 8, 8, 8]],
  ])("4 POSTs go to an address at first, twice as many with each answer; when it answers %s", async (_, ms, expected) => {
    const rig = new Rig();
    rig.courier.add(calls(200));
    await settle();
    const onTheWay = [rig.posts.length];
    for (let answers = 0; answers < 5; answers++) {
      rig.now += ms;
      await rig.answer(done);
      onTheWay.push(rig.posts.length);
    }
    expect(onTheWay).toEqual(expected);
  });

  test("8 at most after more than 4 answers in one turn: they have waited for telesetd, however late they are", async () => {
    const rig = new Rig();
    rig.courier.add(calls(200));
    rig.now += 10;
    for (let answers = 0; answers < 3; answers++) await rig.answer(done);
    expect(rig.posts).toHaveLength(32);
    rig.now += 10;
    for (const post of rig.posts.splice(0, 10)) post.answer(done);
    await settle();
    expect(rig.posts).toHaveLength(22);
  });

  test("in one turn of the event loop at most 4 POSTs are started and 32 events discarded, however many are due", () => {
    const rig = new Rig({ stored: [...calls(200, { created: -200_000 }), ...calls(200, {}, 1000)] });
    for (let turns = 0; rig.posts.length === 0; turns++) {
      const before = rig.record.length;
      rig.courier.sendDue();
      expect(rig.record.length - before).toBeLessThanOrEqual(32 + 2 * 4);
      expect(turns).toBeLessThan(20);
    }
    expect(rig.posts).toHaveLength(4);
    rig.courier.sendDue();
    expect(rig.posts).toHaveLength(4);
  });

  test("a long call whose ScreenPop is too old is discarded in parts, one in each turn", async () => {
    const old = { call: "long", created: -200_000 };
    const rig = new Rig({ stored: [event(1, old), ...calls(99, { ...old, name: "CallEstablished" }, 2)] });
    rig.courier.sendDue();
    expect(rig.record).toHaveLength(32);
    await settle();
    expect(rig.record).toHaveLength(100);
    expect(rig.courier.status()).toEqual({ waiting: 0 });
  });

  test("a full outbox is emptied in parts, one in each turn", async () => {
    const rig = new Rig({ stored: calls(200, { agent: "gone" }), rules: { maxEvents: 10 } });
    rig.courier.sendDue();
    expect(rig.courier.status().waiting).toBe(200 - 32);
    await settle();
    expect(rig.courier.status().waiting).toBe(10);
  });
});

describe("an address that fails:", () => {
  const dead = { address: "10.0.0.66", port: 8080 };

  test("gets one POST at a time, each after a longer pause, however many events wait", async () => {
    const rig = new Rig();
    rig.courier.add(calls(100));
    for (let first = 0; first < 4; first++) await rig.answer(unreachable);
    const pauses: number[] = [];
    let since = rig.now;
    while (pauses.length < 7) {
      await rig.pass(250);
      if (rig.posts.length === 0) continue;
      pauses.push(rig.now - since);
      expect(rig.posts).toHaveLength(1);
      await rig.answer(unreachable);
      since = rig.now;
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test("gets all events that are due as soon as it answers again", async () => {
    const rig = new Rig();
    rig.courier.add(calls(100));
    for (let first = 0; first < 4; first++) await rig.answer(unreachable);
    await rig.pass(500);
    await rig.answer(refused);
    for (let answers = 0; answers < 4; answers++) await rig.answer(done);
    expect(rig.posts).toHaveLength(8);
  });

  test("still gets a new event at once", async () => {
    const rig = new Rig();
    rig.courier.add(calls(100));
    for (let first = 0; first < 4; first++) await rig.answer(unreachable);
    const fresh = event(500, { call: "fresh", attempts: 1 });
    expect(rig.courier.canSendNow(fresh)).toBe(true);
    rig.courier.add([fresh]);
    expect(rig.waiting()).toEqual(["ScreenPop fresh"]);
  });

  test("events that fail do not delay others that are delivered", async () => {
    const rig = new Rig();
    rig.courier.add(calls(40));
    const [poisoned] = rig.posts.splice(0, 1);
    await rig.answer(done);
    poisoned?.answer(timeout);
    await settle();
    expect(rig.posts.length).toBeGreaterThan(4);
  });

  test("does not delay other addresses", async () => {
    const rig = new Rig();
    rig.courier.add([...calls(50, { agent: "B", to: dead }), ...calls(50, {}, 101)]);
    await settle();
    // The dead address never answers.
    for (let answered = 0; answered < 50; answered++) {
      const index = rig.posts.findIndex(({ to }) => to === home);
      const [post] = rig.posts.splice(index, 1);
      post?.answer(done);
      await settle();
    }
    expect(rig.posts.map(({ to }) => to)).toEqual([dead, dead, dead, dead]);
  });

  test("many failing addresses take at most half of the places", async () => {
    const rig = new Rig();
    const many = Array.from({ length: 60 }, (_, n) => `10.0.1.${n}`);
    rig.courier.add(
      many.flatMap((address, n) => calls(3, { agent: `B${n}`, to: { address, port: 8080 } }, 1000 + 10 * n)),
    );
    await settle();
    // Each fails once, then none answers.
    const failed = new Set<string>();
    while (failed.size < many.length) {
      failed.add(rig.posts[0]?.to.address ?? "");
      await rig.answer(unreachable);
    }
    for (const { to } of rig.posts) expect(failed).toContain(to.address);
    while (rig.posts.length > 0) await rig.answer(unreachable);
    await rig.pass(60_000);
    expect(rig.posts).toHaveLength(16);
    rig.courier.add(calls(8));
    await settle();
    expect(rig.posts.filter(({ to }) => to === home)).toHaveLength(4);
  });
});
