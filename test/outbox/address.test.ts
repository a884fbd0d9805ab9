/** Where the courier sends waiting events when agents register, move, and take each other's place. */
import { describe, expect, test } from "bun:test";
import { takenBy } from "../../src/core/destination.ts";
import { established, event, home, pop, released } from "../support/outbox/events.ts";
import { done, refused, Rig, settle, timeout, unreachable } from "../support/outbox/rig.ts";
import { standStill } from "../support/timers.ts";

standStill();

describe("the agent:", () => {
  const moved = { address: "10.0.0.9", port: 9090 };
  const inUse = { address: "10.0.0.8", port: 8080 };

  test("waiting events follow their agent to a new address at once", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    await rig.answer(unreachable);
    rig.register("A", moved);
    expect(rig.posts.map(({ to }) => to)).toEqual([moved]);
  });

  test("delivered events are not sent again to the new address", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    await rig.answer(done);
    rig.register("A", moved);
    expect(rig.posts).toEqual([]);
  });

  test("after a Register at the same address waiting events are tried at once, and a POST in progress continues", async () => {
    const rig = new Rig();
    rig.courier.add([pop, event(5, { call: "c2" })]);
    await rig.answer(unreachable);
    const [post] = rig.posts;
    rig.register("A", home);
    expect(rig.waiting()).toEqual(["ScreenPop c2", "ScreenPop c1"]);
    expect(post?.signal.aborted).toBe(false);
  });

  test("a Register moves the events of that agent at that desk, and no others", async () => {
    const rig = new Rig();
    rig.courier.add([pop, event(4, { desk: "1002" }), event(5, { call: "c2", agent: "B", to: inUse })]);
    for (let post = 0; post < 3; post++) await rig.answer(unreachable);
    rig.register("A", moved);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
    expect([1, 4, 5].map((id) => rig.courier.get(id)?.to)).toEqual([moved, home, inUse]);
  });

  test("another agent who registers at the desk does not stop the events of the first", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    await rig.answer(timeout);
    rig.register("B", inUse);
    await rig.pass(500);
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["ScreenPop c1", home]]);
    await rig.answer(done);
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["CallEstablished c1", home]]);
  });

  test("another agent who registers at the same address gets no event of the first: they wait until the first has a new address", async () => {
    const rig = new Rig();
    rig.courier.add([pop, established]);
    const [post] = rig.posts;
    rig.register("B", home);
    expect(post?.signal.aborted).toBe(true);
    rig.posts.shift();
    await settle();
    await rig.pass(60_000);
    expect(rig.waiting()).toEqual([]);
    rig.register("A", moved);
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["ScreenPop c1", moved]]);
  });

  test("an event keeps the reason why it waits for its agent's next Register until it is discarded", async () => {
    const rig = new Rig();
    rig.courier.add([event(1, { next: 1000 })]);
    rig.register("B", home);
    await rig.pass(120_000);
    expect(rig.record).toEqual([
      "discarded 1: too old after 120 s; last attempt: agent B has registered at this address; it waits for its own agent's next Register",
    ]);
  });

  test("agents registered at different desks may share an address", () => {
    const rig = new Rig();
    rig.courier.add([event(4, { desk: "1002" })]);
    expect(rig.courier.arrived("1002", { registration: { agent: "B", ...home }, atDesk: { agent: "A", ...home } })).toEqual([]);
    expect(rig.courier.get(4)?.to).toEqual(home);
    expect(rig.courier.arrived("1002", { registration: { agent: "B", ...home }, atDesk: { agent: "C", ...home } })).toEqual([
      { agent: "A", why: takenBy("B") },
    ]);
    expect(rig.courier.get(4)?.to).toBeUndefined();
  });

  test("an agent whose newer address at another desk is taken has the address of this desk", () => {
    const rig = new Rig();
    const here = { address: "10.0.0.10", port: 8080 };
    rig.courier.add([event(4, { desk: "1002" })]);
    expect(rig.courier.arrived("1002", { registration: { agent: "B", ...home }, atDesk: { agent: "A", ...here } })).toEqual([
      { agent: "A", to: here },
    ]);
    expect(rig.courier.get(4)?.to).toEqual(here);
  });

  test("while an agent has no address nothing is sent, and no timer runs", async () => {
    const rig = new Rig();
    rig.courier.add([event(2, { name: "CallEstablished", nowhere: true })]);
    await rig.pass(3_600_000);
    expect(rig.record).toEqual([]);
    rig.register("A", moved);
    expect(rig.waiting()).toEqual(["CallEstablished c1"]);
  });

  test("events for an agent who never registers are discarded in time", async () => {
    const rig = new Rig();
    rig.courier.add([event(1, { nowhere: true })]);
    await rig.pass(119_999);
    expect(rig.record).toEqual([]);
    await rig.pass(1);
    expect(rig.record).toEqual(["discarded 1: too old after 120 s; last attempt: agent A is not registered"]);
  });

  test("agents without an address do not delay others", () => {
    const rig = new Rig();
    const lost = Array.from({ length: 50 }, (_, n) => event(n + 10, { call: `lost${n}`, agent: "gone", nowhere: true }));
    rig.courier.add([...lost, event(100)]);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
  });
});

describe("an agent who moves while a POST is on the way:", () => {
  const moved = { address: "10.0.0.9", port: 9090 };

  test("the POST is aborted and repeated at the new address at once, as it may have arrived; the next events go there too", async () => {
    const rig = new Rig();
    rig.courier.add([pop, released]);
    const post = rig.posts.shift();
    rig.register("A", moved);
    expect(post?.signal.aborted).toBe(true);
    await settle();
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["ScreenPop c1", moved]]);
    expect(rig.courier.get(1)).toMatchObject({ reached: true, attempts: 2 });
    await rig.answer(done);
    expect(rig.posts.map(({ id, to }) => [id, to])).toEqual([["CallReleased c1", moved]]);
  });

  test("the POSTs to other agents continue", async () => {
    const rig = new Rig();
    rig.courier.add([
      pop,
      event(4, { desk: "1002" }),
      event(5, { call: "c2", agent: "B", to: { address: "10.0.0.8", port: 8080 } }),
    ]);
    rig.register("A", moved);
    await settle();
    expect(rig.posts.map(({ signal }) => signal.aborted)).toEqual([true, false, false, false]);
    expect(rig.courier.get(5)?.attempts).toBe(1);
  });

  test("a POST that the old address has answered meanwhile is not repeated", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    rig.posts.shift()?.answer(done);
    rig.register("A", moved);
    await settle();
    expect(rig.posts).toEqual([]);
    expect(rig.courier.status()).toEqual({ waiting: 0 });
  });

  test("attempts at the old address do not lengthen the pauses at the new one, and its refusals do not count", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    for (const pause of [500, 1000]) {
      await rig.answer(refused);
      await rig.pass(pause);
    }
    const post = rig.posts.shift();
    rig.register("A", moved);
    await settle();
    expect(post?.signal.aborted).toBe(true);
    await rig.answer(refused);
    expect(rig.record.at(-1)).toBe(`note 1: attempt 4, next ${rig.now + 500}, reached true, refusals 1`);
    await rig.pass(500);
    expect(rig.waiting()).toEqual(["ScreenPop c1"]);
  });

  test("there and back again: the event is tried at once, whatever the outcome of the first POST", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    rig.posts.shift();
    rig.register("A", moved);
    rig.register("A", home);
    await settle();
    expect(rig.posts.map(({ to }) => to)).toEqual([home]);
  });

  test("an event that the agent's Unregister has discarded is not repeated", async () => {
    const rig = new Rig();
    rig.courier.add([pop]);
    rig.courier.withdrawAll("1001", "A");
    rig.register("A", moved);
    await rig.answer(timeout);
    expect(rig.waiting()).toEqual([]);
  });
});
