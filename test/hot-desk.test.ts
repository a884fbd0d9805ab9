/** Destination of a call's events when agents change desks: another agent registers, an agent moves, a PC changes hands. */
import { describe, expect, test } from "bun:test";
import { newDesk } from "../src/core/desk.ts";
import { openStore } from "../src/store/sqlite.ts";
import { ended, leg, places, Rig, storePath, up } from "./support/loop-rig.ts";

describe("hot desk:", () => {
  const rings = leg({ rings: true });
  const over = leg({ ended });

  test("another agent registers at the desk: the first agent gets the rest of the call, the new one the next call", async () => {
    const rig = new Rig();
    await rig.register();
    await rig.line.say(rings);
    await rig.register("B");
    await rig.line.say(leg({ answered: true }), over, leg({ leg: "L2", rings: true }));
    expect(rig.sent).toEqual(["A: ScreenPop L1", "A: CallEstablished L1", "A: CallReleased L1", "B: ScreenPop L2"]);
    await rig.end();
  });

  test("the rest of a call follows its agent to another desk", async () => {
    const rig = new Rig({ desks: ["1001", "1002"] });
    await rig.register();
    await rig.line.say(rings);
    await rig.register("A", "1002", "10.0.0.9");
    await rig.line.say(over);
    expect(rig.sent).toEqual(["A: ScreenPop L1", "10.0.0.9: CallReleased L1"]);
    await rig.end();
  });

  test("an agent at two desks gets each desk's calls at the address of that desk, also when UWQ repeats a Register", async () => {
    const rig = new Rig({ desks: ["1001", "1002"] });
    await rig.register();
    await rig.register("A", "1002", "10.0.0.9");
    await rig.line.say(rings);
    await rig.register("A", "1002", "10.0.0.9");
    await rig.line.say(leg({ desk: "1002", leg: "L2", rings: true }), over);
    expect(rig.sent).toEqual(["A: ScreenPop L1", "10.0.0.9: ScreenPop L2", "A: CallReleased L1"]);
    await rig.end();
  });

  test("an agent who registers at the first agent's address gets no events of that agent's calls", async () => {
    const rig = new Rig();
    await rig.register();
    await rig.line.say(rings);
    await rig.register("B", "1001", places.A);
    await rig.line.say(over);
    expect(rig.sent).toEqual(["A: ScreenPop L1"]);
    await rig.register("A", "1001", "10.0.0.9");
    expect(rig.sent).toEqual(["A: ScreenPop L1", "10.0.0.9: CallReleased L1"]);
    await rig.end();
  });

  test("an agent sharing an address with another desk's agent loses it once another agent is at the desk", async () => {
    const path = storePath();
    const rig = new Rig({ store: openStore(path), desks: ["1001", "1002"] });
    await rig.register();
    await rig.line.say(rings);
    await rig.register("B", "1002", places.A);
    await rig.line.say(leg({ answered: true }));
    await rig.register("B", "1001", "10.0.0.9");
    await rig.line.say(over);
    expect(rig.sent).toEqual(["A: ScreenPop L1", "A: CallEstablished L1"]);
    const after = new Rig({ store: openStore(path), desks: ["1001", "1002"] });
    await after.register("A", "1001", "10.0.0.10");
    expect(after.sent).toEqual(["10.0.0.10: CallReleased L1"]);
    await Promise.all([rig.end(), after.end()]);
  });

  test("an agent whose newer address is taken over by another agent gets the call's desk address again", async () => {
    const path = storePath();
    const rig = new Rig({ store: openStore(path), desks: ["1001", "1002"] });
    await rig.register();
    await rig.line.say(rings);
    await rig.register("A", "1002", places.B);
    await rig.register("B", "1002");
    const after = new Rig({ store: openStore(path), desks: ["1001", "1002"] });
    await after.line.say(over);
    expect([rig.sent, after.sent]).toEqual([["A: ScreenPop L1"], ["A: CallReleased L1"]]);
    await Promise.all([rig.end(), after.end()]);
  });

  test("after a kill -9 the rest of the call and waiting events keep their destinations", async () => {
    const path = storePath();
    const before = new Rig({ store: openStore(path) });
    await before.register();
    await before.line.say(rings);
    await before.register("B");
    await before.register("A", "1001", "10.0.0.9");
    await before.register("B");
    // The daemon was killed without closing anything.
    const after = new Rig({ store: openStore(path) });
    await after.line.say(up, { type: "snapshot", desks: ["1001"], legs: [] });
    expect(after.sent).toEqual(["10.0.0.9: CallReleased L1"]);
    await Promise.all([before.end(), after.end()]);
  });

  test("waiting events of a desk no longer configured follow their agent to another desk", async () => {
    const path = storePath();
    const store = openStore(path);
    const event = { name: "CallReleased", call: "old" } as const;
    store.commit({ desk: newDesk("1001"), send: [{ desk: "1001", agent: "A", event }], discard: [] }, 0);
    const rig = new Rig({ store, desks: ["1002"] });
    await rig.register("A", "1002");
    expect(rig.sent).toEqual(["A: CallReleased old"]);
    expect(rig.store.get(1)?.to).toEqual({ address: places.A, port: 8080 });
    await rig.end();
  });
});

describe("an agent unregisters with thousands of events waiting:", () => {
  /** Waiting events of 1,000 calls for agent A, who has no address. */
  async function withMuch(): Promise<Rig> {
    const store = openStore(storePath());
    const send = Array.from({ length: 1000 }, (_, n) => ({ desk: "1001", agent: "A", event: released(n) }));
    const registration = { agent: "A", address: places.A, port: 8080 };
    store.commit({ desk: { ...newDesk("1001"), registration }, send, discard: [] }, 0);
    const rig = new Rig({ store });
    await rig.line.say(up);
    return rig;
  }
  const released = (n: number) => ({ name: "CallReleased", call: `c${n}` } as const);
  const unregister = { name: "Unregister", desk: "1001", agent: "A" } as const;

  test("they are discarded over many turns of the loop, then Unregister is answered; later events are not delivered either", async () => {
    const rig = await withMuch();
    let turns = 0;
    const turn = () => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    const answer = rig.loop.submit(unregister);
    expect(rig.loop.desks()[0]?.registration?.agent).toBe("A");
    expect(await answer).toEqual({ ok: true });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(1000 / 32);
    expect(rig.loop.desks()[0]?.registration).toBeNull();
    await rig.line.say(leg({ rings: true }), leg({ ended }));
    expect(rig.sent).toEqual([]);
    expect(rig.courier.status()).toEqual({ waiting: 0 });
    expect(rig.store.list(false, 1)).toEqual([]);
    expect(rig.store.get(1)).toMatchObject({ settlement: "discarded", why: "agent A has unregistered from desk 1001" });
    await rig.end();
  });

  test("an agent who registers meanwhile stays registered", async () => {
    const rig = await withMuch();
    const answer = rig.loop.submit(unregister);
    await rig.register("B");
    expect(await answer).toEqual({ ok: true });
    await rig.line.say(leg({ rings: true }));
    expect(rig.sent).toEqual(["B: ScreenPop L1"]);
    await rig.end();
  });

  test("a stop answers it with an Error", async () => {
    const rig = await withMuch();
    const answer = rig.loop.submit(unregister);
    await rig.end();
    expect(await answer).toMatchObject({ ok: false, why: "telesetd is stopping: try again." });
  });
});

describe("a retried event goes", () => {
  const home = { address: places.A, port: 8080 };
  const old = { desk: "1001", agent: "A", to: home };

  test.each(
    [
      ["to the old address while nobody is registered", [], home],
      ["to the address of its agent at its desk", [["A", "1001", "10.0.0.9"], ["A", "1002", "10.0.0.10"]], "10.0.0.9"],
      ["to the newest address of its agent elsewhere", [["A", "1003", "10.0.0.9"], ["A", "1002", "10.0.0.10"]], "10.0.0.10"],
      ["to the old address when another agent is at the desk", [["B", "1001", places.B]], places.A],
      ["nowhere when another agent has the old address", [["B", "1001", places.A]], undefined],
    ] as const,
  )("%s", async (_, registers, expected) => {
    const rig = new Rig({ desks: ["1001", "1002", "1003"] });
    for (const [agent, desk, address] of registers) {
      rig.now++;
      await rig.register(agent, desk, address);
    }
    const to = typeof expected === "string" ? { address: expected, port: 8080 } : expected;
    expect(rig.registrations.addressFor(old)).toEqual(to);
    await rig.end();
  });
});
