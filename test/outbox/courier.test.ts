import { describe, expect, jest, test } from "bun:test";
import { calls, established, event, home, pop, released } from "../support/outbox/events.ts";
import { done, refused, Rig, settle, timeout, unreachable } from "../support/outbox/rig.ts";
import { standStill } from "../support/timers.ts";

standStill();

describe("in order:", () => {
  test("each event of a call is sent after the one before it has been delivered", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established, released]);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
    await rig.answer(done);
    expect(rig.waiting()).toEqual(["CallEstablished c1"]);
    await rig.answer(done);
    expect(rig.waiting()).toEqual(["CallReleased c1"]);
    await rig.answer(done);
    expect(rig.courier.status()).toEqual({ waiting: 0 });
  });

  test("a failed attempt is repeated before the next event", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    await rig.answer(timeout);
    expect(rig.waiting()).toEqual([]);
    await rig.pass(500);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
  });

  test("calls do not wait for each other", () => {
    const rig = new Rig();
    rig.courier.add([pop, established, event(4, { call: "c2" }), event(5, { desk: "1002" })]);
    expect(rig.waiting()).toEqual(["ScreenPop c1", "ScreenPop c1", "ScreenPop c2"]);
  });
});

describe("the record:", () => {
  test("an attempt is noted before it is made, and its result after it", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    expect(rig.record).toEqual(["note 1: attempt 1, on the way", "post ScreenPop c1"]);
    await rig.answer(done);
    expect(rig.record.slice(2)).toEqual(["delivered 1"]);
  });

  test("a failed attempt is noted with the time of the next one", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    await rig.answer(timeout);
    expect(rig.record.at(-1)).toBe("note 1: attempt 1, next 500, reached true, refusals 0");
    await rig.pass(500);
    await rig.answer(unreachable);
    expect(rig.record.at(-1)).toBe("note 1: attempt 2, next 1500, reached true, refusals 0");
    await rig.pass(1000);
    await rig.answer(refused);
    expect(rig.record.at(-1)).toBe("note 1: attempt 3, next 3500, reached true, refusals 1");
  });

  test("an event whose first attempt was noted together with it is sent without another note", () => {
    const rig = new Rig();
    rig.courier.add([event(1, { attempts: 1 })]);
    expect(rig.record).toEqual(["post ScreenPop c1"]);
  });

  test("an event that the CRM answered with an Error is delivered, with that answer", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    await rig.answer({ outcome: "done", note: "the CRM answered with an Error: no" });
    expect(rig.record.at(-1)).toBe("delivered 1: the CRM answered with an Error: no");
  });

  test("events that wait when the daemon starts are tried at once, whatever their next time", () => {
    const rig = new Rig({ stored: [event(1, { next: 99_000, attempts: 3 })] });
    rig.courier.sendDue();
    expect(rig.record).toEqual(["note 1: attempt 4, on the way", "post ScreenPop c1"]);
  });
});

describe("retries:", () => {
  test.each([[1, 500], [0, 250], [0.5, 375]])("with the random number %d the first pause is %i ms", async (random, pause) => {
    const rig = new Rig({ random });
    rig.courier.add([pop]);
    await rig.answer(timeout);
    await rig.pass(pause - 1);
    expect(rig.waiting()).toEqual([]);
    await rig.pass(1);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
  });

  test("an event is discarded after three refusals; the next one is sent", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    for (const pause of [500, 1000]) {
      await rig.answer(refused);
      await rig.pass(pause);
    }
    await rig.answer(refused);
    await rig.pass(0);
    expect(rig.record).toContain("discarded 1: the CRM refused it 3 times: status 404");
    expect(rig.waiting()).toEqual(["CallEstablished c1"]);
  });

  test("an event is not discarded because the CRM cannot be reached", async () => {
    const rig = new Rig();
    rig.courier.add([established]);
    for (let attempt = 1; attempt <= 10; attempt++) {
      await rig.answer(timeout);
      await rig.pass(60_000);
    }
    expect(rig.waiting()).toEqual(["CallEstablished c1"]);
  });
});

describe("too old:", () => {
  test("a ScreenPop that cannot have reached the CRM is discarded after two minutes, with all events of its call, later ones too", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    await rig.answer(unreachable);
    while (rig.now < 120_000) {
      await rig.pass(5000);
      if (rig.posts.length > 0) await rig.answer(unreachable);
    }
    await rig.pass(5000);
    expect(rig.record.slice(-2)).toEqual([
      "discarded 1: too old after 120 s; last attempt: connection refused",
      "discarded 2: its ScreenPop was not delivered: too old after 120 s; last attempt: connection refused",
    ]);
    rig.courier.add([event(3, { name: "CallReleased", created: rig.now, next: rig.now })]);
    expect(rig.record.at(-1)).toBe("discarded 3: its ScreenPop was not delivered");
    expect(rig.courier.status()).toEqual({ waiting: 0 });
  });

  test("a ScreenPop that may have reached the CRM is discarded after two minutes; the next events are sent", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    await rig.answer(timeout);
    while (rig.now < 120_000) {
      await rig.pass(5000);
      if (rig.posts.length > 0 && rig.waiting()[0] === "ScreenPop c1") await rig.answer(unreachable);
    }
    await rig.pass(5000);
    expect(rig.record).toContain("discarded 1: too old after 120 s; last attempt: connection refused");
    expect(rig.waiting()).toEqual(["CallEstablished c1"]);
  });

  test("the other events are discarded after a day", async () => {
    const rig = new Rig();
    rig.courier.add([established, released]);
    await rig.answer(timeout);
    rig.now = 86_400_000;
    rig.courier.sendDue();
    expect(rig.record.slice(-2)).toEqual([
      "discarded 2: too old after 86400 s; last attempt: no answer",
      "discarded 3: too old after 86400 s; last attempt: no attempt was possible",
    ]);
  });

  test("the events after a ScreenPop that was discarded before the daemon started are discarded too", () => {
    const rig = new Rig({ stored: [established, event(9, { call: "c2" })], suppressed: [{ desk: "1001", call: "c1" }] });
    rig.courier.sendDue();
    expect(rig.record).toEqual([
      "discarded 2: its ScreenPop was not delivered",
      "note 9: attempt 1, on the way",
      "post ScreenPop c2",
    ]);
  });
});

describe("the agent:", () => {
  const inUse = { address: "10.0.0.8", port: 8080 };

  test("unregisters: the events that wait for that agent at that desk are forgotten, other events stay", async () => {
    const rig = new Rig();
    rig.courier.add([pop, event(4, { desk: "1002" }), event(5, { call: "c2", agent: "B", to: inUse })]);
    for (let post = 0; post < 3; post++) await rig.answer(unreachable);
    rig.courier.withdrawAll("1001", "A");
    await rig.pass(500);
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["ScreenPop c2", inUse], ["ScreenPop c1", home]]);
    expect(rig.courier.status().waiting).toBe(2);
  });

  test("is about to unregister, and many events wait: some whole calls are discarded in each turn; events that arrive meanwhile stay", async () => {
    const followers = calls(100, { name: "CallEstablished" }, 1001).map((follower, n) => ({
      ...follower,
      event: { ...follower.event, call: `c${n + 1}` },
    }));
    const rig = new Rig({ stored: [...calls(100), ...followers] });
    rig.courier.sendDue();
    expect(rig.posts).toHaveLength(4);
    rig.record.length = 0;
    const withdrawn = rig.courier.withdraw("1001", "A", "gone");
    expect(rig.record).toEqual([`withdrawn ${calls(16).map(({ id }) => `${id} ${id + 1000}`).join(" ")}: gone`]);
    rig.courier.add([event(2000, { call: "new" })]);
    await withdrawn;
    expect(rig.record.filter((line) => line.startsWith("withdrawn"))).toHaveLength(Math.ceil(100 / 16));
    expect(rig.courier.status().waiting).toBe(1);
    expect(rig.courier.get(2000)).toBeDefined();
    expect(rig.courier.withdraw("1001", "A", "gone")).toBeUndefined();
    expect(rig.courier.withdraw("1001", "nobody", "gone")).toBeUndefined();
  });

  test("unregisters while an event is on the way: its failure does not bring it back", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    rig.courier.withdrawAll("1001", "A");
    await rig.answer(timeout);
    expect(rig.record).toEqual(["note 1: attempt 1, on the way", "post ScreenPop c1"]);
    expect(rig.courier.status()).toEqual({ waiting: 0 });
    expect(rig.counted()).toEqual({ '{event="ScreenPop",result="withdrawn"}': 1 });
  });

  test("unregisters while an event is on the way, and the CRM confirms it: it counts once, as delivered", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    rig.courier.withdrawAll("1001", "A");
    await rig.answer(done);
    expect(rig.counted()).toEqual({
      '{event="ScreenPop",result="delivered"}': 1,
      '{event="CallEstablished",result="withdrawn"}': 1,
    });
  });
});

test("the oldest waiting event is known, also when it was requeued after younger ones", () => {
  const rig = new Rig();
  rig.courier.add([event(2, { call: "c2", created: 5000, nowhere: true })]);
  rig.courier.requeue([event(1, { created: 1000, nowhere: true })]);
  expect(rig.courier.status()).toEqual({ waiting: 2, oldest: 1000 });
});

describe("the administrator:", () => {
  test("drops a waiting event", async () => {
    const rig = new Rig();
    rig.courier.add([established, released]);
    await rig.answer(timeout);
    expect([rig.courier.drop(2), rig.courier.drop(2), rig.courier.drop(77)]).toEqual([true, false, false]);
    expect([2, 3].map((id) => rig.courier.get(id)?.id)).toEqual([undefined, 3]);
  });

  test("requeues a discarded event: it is sent before the later events of its call", async () => {
    const rig = new Rig();
    rig.courier.add([established, released]);
    await rig.answer(timeout);
    rig.courier.requeue([event(1, { reached: true })]);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
    await rig.answer(done);
    await rig.pass(500);
    for (const name of ["CallEstablished", "CallReleased"]) {
      expect(rig.waiting()).toEqual([`${name} c1`]);
      await rig.answer(done);
    }
  });
});

describe("the outbox is bounded:", () => {
  test("when it is full the oldest event is discarded, with the events after its ScreenPop", async () => {
    const rig = new Rig({ rules: { maxEvents: 2 } });
    rig.courier.add([event(1, { nowhere: true }), event(2, { name: "CallEstablished", nowhere: true })]);
    rig.courier.add([event(4, { call: "c2", nowhere: true })]);
    expect(rig.record).toEqual([
      "discarded 1: the outbox is full: it holds at most 2 events",
      "discarded 2: its ScreenPop was not delivered",
    ]);
    await rig.pass(0);
    expect(rig.courier.status().waiting).toBe(1);
  });

  test("an event on the way is not discarded", () => {
    const rig = new Rig({ rules: { maxEvents: 1 } });
    rig.courier.add([pop]);
    rig.courier.add([event(4, { call: "c2", next: 1000 })]);
    expect(rig.record).toEqual([
      "note 1: attempt 1, on the way",
      "post ScreenPop c1",
      "discarded 4: the outbox is full: it holds at most 1 event",
    ]);
  });
});

describe("status:", () => {
  test("the number of waiting events, and the time of the oldest", () => {
    const rig = new Rig({ stored: [event(1, { created: 70 }), event(2, { created: 80, call: "c2" })] });
    expect(rig.courier.status()).toEqual({ waiting: 2, oldest: 70 });
  });
});

describe("stop:", () => {
  test("waits for the POSTs on the way and notes their results; nothing more is sent", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    let stopped = false;
    const stopping = rig.courier.stop(3000).then(() => stopped = true);
    await settle();
    expect(stopped).toBe(false);
    rig.courier.add([event(5, { call: "c2" })]);
    await rig.answer(done);
    await stopping;
    expect(rig.record).toEqual(["note 1: attempt 1, on the way", "post ScreenPop c1", "delivered 1"]);
  });

  test("waits no longer than it may: then the POSTs on the way are aborted, and that is noted", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    const [post] = rig.posts;
    const stopping = rig.courier.stop(3000);
    await rig.pass(2999);
    expect(post?.signal.aborted).toBe(false);
    await rig.pass(1);
    await stopping;
    expect(post?.signal.aborted).toBe(true);
    expect(rig.record.at(-1)).toBe("note 1: attempt 1, next 3500, reached true, refusals 0");
  });

  test("leaves no timer", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    await rig.answer(timeout);
    await rig.courier.stop(3000);
    rig.courier.add([event(5, { call: "c2" })]);
    rig.register("A", home);
    expect(jest.getTimerCount()).toBe(0);
    expect(rig.waiting()).toEqual([]);
  });
});
