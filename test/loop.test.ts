import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { hasDial } from "../src/core/call.ts";
import type { Reply } from "../src/core/crm.ts";
import { newDesk } from "../src/core/desk.ts";
import { openStore } from "../src/store/sqlite.ts";
import { ended, leg, makeCall, Rig, settle, storePath, up } from "./support/loop-rig.ts";
import type { Store } from "../src/outbox/record.ts";
import { standStill } from "./support/timers.ts";

describe("from the phone to the CRM:", () => {
  test("the events of a call are sent in order", async () => {
    const rig = new Rig();
    await rig.register();
    await rig.line.say(up, leg({ rings: true }), leg({ answered: true }), leg({ ended }));
    expect(rig.sent).toEqual(["A: ScreenPop L1", "A: CallEstablished L1", "A: CallReleased L1"]);
    await rig.end();
  });

  test("an event of one desk goes to that desk, an event of all to all, an event of an unknown desk to none", async () => {
    const rig = new Rig({ desks: ["1001", "1002"] });
    await rig.line.say(
      up,
      { type: "phone", desk: "1002", registered: true },
      leg({ desk: "1002", leg: "L2" }),
      leg({ desk: "1003", leg: "L3" }),
    );
    expect(rig.loop.desks().map(({ line, calls }) => [line.link.up, line.phone, calls.map(({ id }) => id)])).toEqual([
      [true, "unknown", []],
      [true, "registered", ["L2"]],
    ]);
    await rig.end();
  });

  test("an event is in the store before it is sent", async () => {
    const store = openStore(storePath());
    const inStore: number[] = [];
    const rig = new Rig({ store });
    await rig.register();
    const sent = rig.sent.push.bind(rig.sent);
    rig.sent.push = (...lines) => {
      inStore.push(store.list(true, 10).length);
      return sent(...lines);
    };
    await rig.line.say(leg({ rings: true }));
    expect(inStore).toEqual([1]);
    expect(store.list(true, 10)).toMatchObject([{ event: { name: "ScreenPop" }, attempts: 1, settlement: "delivered" }]);
    await rig.end();
  });

  test("an undeliverable event is recorded with its reason", async () => {
    const rig = new Rig();
    await rig.register();
    await rig.line.say(leg({ rings: true }));
    await rig.loop.submit({ name: "Unregister", desk: "1001", agent: "A" });
    await rig.line.say(leg({ ended }));
    expect(rig.sent).toEqual(["A: ScreenPop L1"]);
    expect(rig.store.get(2)).toMatchObject({ settlement: "discarded", why: "agent A has unregistered from desk 1001" });
    await rig.end();
  });

  test("the driver gets the legs that are believed to be alive", async () => {
    const rig = new Rig({ desks: ["1001", "1002"] });
    await rig.line.say(up, leg({}), leg({ desk: "1002", leg: "L2" }));
    rig.loop.submit(makeCall);
    expect(rig.line.known()).toEqual([{ desk: "1001", leg: "L1" }, { desk: "1002", leg: "L2" }]);
    await rig.end();
  });
});

describe("one writer:", () => {
  test("each change is committed whole before the next input is handled, whatever its source", async () => {
    const store = openStore(storePath());
    const commits: string[] = [];
    let inside = 0;
    let most = 0;
    const watched = new Proxy(store, {
      get: (target, name: keyof Store) => {
        const value = target[name] as (...parts: unknown[]) => unknown;
        if (name !== "commit") return value.bind(target);
        return (...[change, now]: Parameters<Store["commit"]>) => {
          most = Math.max(most, ++inside);
          commits.push(`${change.desk.calls.length} calls, dial ${change.desk.calls.find(hasDial)?.id ?? "none"}`);
          const added = target.commit(change, now);
          inside--;
          return added;
        };
      },
    });
    const rig = new Rig({ store: watched });
    rig.line.result = { outcome: "done" };
    const heard = rig.line.say(up, leg({ rings: true }));
    const answers: Promise<Reply & { call?: string }>[] = [
      rig.register(),
      rig.loop.submit({ name: "Ready", desk: "1001", agent: "A" }),
    ];
    await heard;
    answers.push(rig.loop.submit(makeCall));
    expect(await Promise.all(answers)).toEqual([{ ok: true }, { ok: true }, { ok: true, call: "m3" }]);
    expect(most).toBe(1);
    expect(commits.at(-1)).toBe("2 calls, dial m3");
    expect(store.desks()).toMatchObject([{
      registration: { agent: "A" },
      agents: [{ mode: "ready" }],
      calls: [{}, { dial: { lifted: true } }],
    }]);
    await rig.end();
  });
});

describe("a leg that has sent no event yet", () => {
  let rig: Rig;
  const commits = () => (rig.store.commit as ReturnType<typeof jest.fn>).mock.calls.map(([{ desk }]) => desk.calls.length);
  beforeEach(async () => {
    jest.useFakeTimers();
    const store = openStore(storePath());
    rig = new Rig({ store });
    await rig.register();
    await rig.line.say(up);
    jest.advanceTimersByTime(100);
    store.commit = jest.fn(store.commit.bind(store));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test("is written with the ScreenPop that follows, not twice", async () => {
    await rig.line.say(leg({}), leg({ rings: true }));
    expect(commits()).toEqual([1]);
    jest.advanceTimersByTime(1000);
    expect(commits()).toEqual([1]);
    await rig.end();
  });

  test("is written after 80 ms if nothing follows", async () => {
    await rig.line.say(leg({}));
    jest.advanceTimersByTime(79);
    expect(commits()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(commits()).toEqual([1]);
    await rig.end();
  });

  test("is written when the daemon stops", async () => {
    await rig.line.say(leg({}));
    rig.loop.stop();
    expect(commits()).toEqual([1]);
    await rig.end();
  });

  test("a change of a call that has sent an event is written at once", async () => {
    await rig.line.say(
      leg({ rings: true }),
      { type: "leg-renamed", desk: "1001", from: "L1", to: "L2" },
      leg({ leg: "L2", held: true }),
    );
    expect(commits()).toEqual([1, 1, 1]);
    await rig.end();
  });
});

describe("from the CRM to the phone:", () => {
  standStill();

  /** Time passes for the loop and its timers. */
  const pass = async (rig: Rig, ms: number): Promise<void> => {
    rig.now += ms;
    jest.advanceTimersByTime(ms);
    await settle();
  };
  /** The answer to a callout so far. */
  const answerOf = (reply: Promise<Reply & { call?: string }>): { answer?: Reply; call?: string } => {
    const got: { answer?: Reply; call?: string } = {};
    reply.then(({ call, ...answer }) => Object.assign(got, { answer, call }));
    return got;
  };

  test("MakeCall drives the line once and is answered when the phone rings", async () => {
    const rig = new Rig();
    await rig.line.say(up);
    const got = answerOf(rig.loop.submit(makeCall));
    await settle();
    expect(rig.line.commands).toEqual([{ type: "dial", desk: "1001", call: "m1", number: "914155550123" }]);
    expect(got.answer).toBeUndefined();
    await rig.line.say(leg({ leg: "m1", call: "m1", rings: true }));
    expect(got.answer).toEqual({ ok: true });
    await rig.end();
  });

  test("MakeCall is answered with the result that the line reports", async () => {
    const rig = new Rig();
    await rig.line.say(up);
    const got = answerOf(rig.loop.submit(makeCall));
    await rig.line.ends({ outcome: "failed", cause: "USER_NOT_REGISTERED", why: "Phone 1001 is not registered." });
    expect(got.answer).toEqual({ ok: false, why: "Phone 1001 is not registered." });
    expect(rig.loop.desks()[0]).toMatchObject({ calls: [] });
    await rig.end();
  });

  test("MakeCall is answered after 2 s, not earlier, if nothing happens", async () => {
    const rig = new Rig();
    await rig.line.say(up);
    const got = answerOf(rig.loop.submit(makeCall));
    await pass(rig, 1999);
    expect(got.answer).toBeUndefined();
    await pass(rig, 1);
    expect(got.answer).toEqual({ ok: true });
    expect(jest.getTimerCount()).toBeLessThanOrEqual(1);
    await rig.end();
  });

  test("a dial that was in progress at a restart ends in time, although the line reports nothing", async () => {
    const first = new Rig();
    await first.register();
    await first.line.say(up);
    answerOf(first.loop.submit(makeCall));
    first.loop.stop();
    await first.running;
    const rig = new Rig({ store: first.store });
    await pass(rig, 179_999);
    expect(rig.loop.desks()[0]?.calls).toMatchObject([{ dial: { dialString: "914155550123" } }]);
    await pass(rig, 1);
    expect(rig.loop.desks()[0]).toMatchObject({ calls: [], lastDial: { outcome: expect.stringContaining("not known") } });
    await rig.end();
  });

  test("a result after stop changes nothing", async () => {
    const rig = new Rig();
    await rig.line.say(up);
    const got = answerOf(rig.loop.submit(makeCall));
    rig.loop.stop();
    await rig.line.ends({ outcome: "done" });
    expect(got.answer).toEqual({ ok: false, why: "telesetd is stopping: check the phone before dialling again." });
    expect(rig.loop.desks()[0]?.calls).toMatchObject([{ dial: { lifted: false } }]);
    await rig.end();
  });

  test("stop answers the waiting callouts, ends the line and leaves no timer", async () => {
    const rig = new Rig();
    await rig.line.say(up);
    const got = [answerOf(rig.loop.submit(makeCall)), answerOf(rig.loop.submit(makeCall))];
    await rig.end();
    const stopped = { ok: false, why: "telesetd is stopping: check the phone before dialling again." } as const;
    expect(got.map(({ answer }) => answer)).toEqual([stopped, stopped]);
    // The second repeats the first: it has the same call.
    expect(got.map(({ call }) => call)).toEqual(["m1", "m1"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("CheckStatus is answered at once with the current state", async () => {
    const rig = new Rig();
    const check = () => rig.loop.checkStatus("10.0.0.7");
    expect(await check()).toMatchObject({ ok: false, why: expect.stringContaining("not connected yet") });
    await rig.line.say(up, { type: "phone", desk: "1001", registered: true });
    expect(await check()).toEqual({ ok: true });
    await rig.end();
  });

  test("waiting events follow a Register at once", async () => {
    const store = openStore(storePath());
    const event = { name: "CallReleased", call: "old" } as const;
    store.commit({ desk: newDesk("1001"), send: [{ desk: "1001", agent: "A", event }], discard: [] }, 0);
    const rig = new Rig({ store });
    rig.courier.sendDue();
    expect(rig.sent).toEqual([]);
    await rig.register();
    await settle();
    expect(rig.sent).toEqual(["A: CallReleased old"]);
    await rig.end();
  });
});

describe("after a restart:", () => {
  test("the calls keep their ids, and those that have ended are released", async () => {
    const path = storePath();
    const before = new Rig({ store: openStore(path) });
    await before.register();
    await before.line.say(leg({ rings: true }), leg({ leg: "L2", rings: true }));
    await before.end();
    const after = new Rig({ store: openStore(path) });
    await after.line.say(up, {
      type: "snapshot",
      desks: ["1001"],
      legs: [{ desk: "1001", leg: "L1", direction: "to-desk", answered: true }],
    });
    expect(after.sent).toEqual(["A: CallEstablished L1", "A: CallReleased L2"]);
    await after.end();
  });

  test("the calls of a desk that is no longer served are released, then the desk is forgotten", async () => {
    const path = storePath();
    const before = new Rig({ store: openStore(path) });
    await before.register();
    await before.line.say(leg({ rings: true }));
    await before.end();
    const after = new Rig({ store: openStore(path), desks: ["1002"] });
    after.loop.closeFormer();
    await settle();
    expect(after.sent).toEqual(["A: CallReleased L1"]);
    expect(after.registrations.at("1001")?.agent).toBe("A");
    after.loop.closeFormer();
    expect(after.registrations.at("1001")).toBeUndefined();
    expect(after.store.desks().map(({ extension }) => extension)).not.toContain("1001");
    await after.end();
  });
});

describe("the record of a call", () => {
  const internal = { caller: { identity: "1002", outside: false } };

  /** A loop whose store notes what each commit puts on record. */
  function noted(path = storePath()) {
    const store = openStore(path);
    const commits: string[] = [];
    const commit: typeof store.commit = (change, now) => {
      const events = change.send.map(({ event }) => event.name);
      commits.push([...events, ...(change.calls ?? []).map(({ id, reason }) => `${id} ${reason?.code ?? "sent"}`)].join(", "));
      return store.commit(change, now);
    };
    const spied = new Proxy(store, {
      get: (target, name) => {
        const value = name === "commit" ? commit : Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { rig: new Rig({ store: spied }), commits, store };
  }

  test("is written in the transaction of its CallReleased", async () => {
    const { rig, commits } = noted();
    await rig.register();
    commits.length = 0;
    await rig.line.say(leg({ rings: true }), leg({ ended }));
    expect(commits).toEqual(["ScreenPop", "CallReleased, L1 sent"]);
    await rig.end();
  });

  test("that sent nothing waits for the next change, and costs no transaction", async () => {
    const { rig, commits, store } = noted();
    await rig.register();
    commits.length = 0;
    await rig.line.say(leg({ ...internal, rings: true }), leg({ ...internal, ended }));
    expect(commits).toEqual([]);
    await rig.line.say(leg({ leg: "L2", rings: true }));
    expect(commits).toEqual(["ScreenPop, L1 internal-number"]);
    expect(store.calls({ limit: 9 }).map(({ id }) => id)).toEqual(["L1"]);
    await rig.end();
  });

  test("or is written a moment later, at a stop, or when it is read: once", async () => {
    const { rig, commits } = noted();
    await rig.line.say(leg({ ...internal, rings: true }), leg({ ...internal, ended }));
    rig.loop.commitWaiting();
    rig.loop.commitWaiting();
    expect(commits).toEqual(["L1 internal-number"]);
    await rig.line.say(leg({ ...internal, leg: "L2", rings: true }), leg({ ...internal, leg: "L2", ended }));
    while (commits.length < 2) await new Promise((done) => setImmediate(done));
    await rig.line.say(leg({ ...internal, leg: "L3", rings: true }), leg({ ...internal, leg: "L3", ended }));
    await rig.end();
    expect(commits).toEqual(["L1 internal-number", "L2 internal-number", "L3 internal-number"]);
  });

  test("has the whole timeline of a call that was in progress at a restart", async () => {
    const path = storePath();
    const before = new Rig({ store: openStore(path) });
    await before.register();
    before.now = 1000;
    await before.line.say(leg({ rings: true }));
    await before.end();
    const { rig, store } = noted(path);
    rig.now = 2000;
    await rig.line.say(up, { type: "snapshot", desks: ["1001"], legs: [{ desk: "1001", leg: "L1", answered: true }] });
    rig.now = 3000;
    await rig.line.say(leg({ ended }));
    expect(store.calls({ limit: 9 })[0]?.timeline.map(({ at, what }) => `${at} ${what}`)).toEqual([
      "1000 began",
      "1000 rang",
      "2000 answered",
      "3000 ended",
    ]);
    await rig.end();
  });

  test("of a leg that went elsewhere is written too, unless the desk has a part in the call", async () => {
    const { rig, store } = noted();
    const elsewhere = { type: "leg-elsewhere", desk: "1001", leg: "F1", farLeg: "far", to: "14155550177" } as const;
    await rig.line.say(elsewhere);
    await rig.line.say(leg({ rings: true, farLeg: "other" }), { ...elsewhere, leg: "F2", farLeg: "other" });
    await rig.line.say({ ...elsewhere, leg: "F3", farLeg: "L1" });
    rig.now += 3000;
    await rig.line.say({ type: "phone", desk: "1001", registered: true });
    rig.loop.commitWaiting();
    expect(store.calls({ limit: 9 }).map(({ id, reason }) => [id, reason])).toEqual([
      ["F1", { code: "forwarded-by-switch", to: "14155550177" }],
    ] as never);
    await rig.end();
  });
});
