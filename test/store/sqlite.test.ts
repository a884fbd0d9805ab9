import { beforeEach, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CrmEvent } from "../../src/core/crm.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import { newCall } from "../../src/core/call.ts";
import { schemaVersion } from "../../src/store/migrations.ts";
import { openStore } from "../../src/store/sqlite.ts";
import type { NewEvent, Store } from "../../src/outbox/record.ts";
import { takenBy } from "../../src/core/destination.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
let path: string;
let count = 0;
beforeEach(() => {
  path = join(folder, `${++count}`, "telesetd.db");
});

const home = { address: "10.0.0.7", port: 8080 };
const registration = { agent: "A", ...home };
const desk: Desk = {
  ...newDesk("1001"),
  registration,
  agents: [{ id: "A", mode: "ready", queue: "sales", since: 5 }],
  calls: [{ ...newCall("c1", "called", registration, 7), legs: ["c1"], data: { language: "US" }, popped: true }],
  lastDial: { dialString: "+1 415", number: "1415", at: 3, outcome: "answered" },
  recentlyEnded: ["old"],
};
const dial = {
  dialString: "1415",
  number: "1415",
  agent: "A",
  from: "10.0.0.7",
  since: 1,
  settled: false,
  lifted: false,
};

function made(
  name: "ScreenPop" | "CallEstablished" | "CallReleased",
  part: Partial<NewEvent> & { readonly call?: string } = {},
): NewEvent {
  const { call = "c1", ...rest } = part;
  const event: CrmEvent = name === "ScreenPop"
    ? { name, call, ani: "14155550123", dnis: "1001", data: { language: "US" } }
    : { name, call };
  return { desk: "1001", agent: "A", event, ...rest };
}

/** Runs a function with the store, and closes it. */
function using<T>(work: (store: Store) => T): T {
  const store = openStore(path);
  try {
    return work(store);
  } finally {
    store.close();
  }
}

const ids = (events: readonly { readonly id: number }[]) => events.map(({ id }) => id);

describe("after it was closed and opened again", () => {
  test("a desk is unchanged: registration, agents, calls, last dial, ended calls", () => {
    using((store) => store.commit({ desk, send: [], discard: [] }, 10));
    expect(using((store) => store.desks())).toEqual([desk]);
  });

  test("the line of a desk is unknown", () => {
    const up: Desk = { ...desk, line: { link: { up: true, to: "switch" }, phone: "registered" } };
    using((store) => store.commit({ desk: up, send: [], discard: [] }, 10));
    expect(using((store) => store.desks())[0]?.line).toEqual({ link: { up: false, why: "not connected yet" }, phone: "unknown" });
  });

  test.each([
    [
      "a dial without an answer counts as accepted",
      { ...dial, waiting: ["m1"] },
      { ok: true } as const,
    ],
    [
      "the answer of a dial is kept",
      { ...dial, waiting: [], answer: { ok: false, why: "no" } as const },
      { ok: false, why: "no" } as const,
    ],
  ])("%s", (_, before, answer) => {
    const dialled = newCall("c2", "makecall", registration, 1);
    const dialling = { ...desk, calls: [...desk.calls, { ...dialled, dial: before }] };
    using((store) => store.commit({ desk: dialling, send: [], discard: [] }, 10));
    expect(using((store) => store.desks())[0]?.calls[1]?.dial).toEqual({
      ...dial,
      waiting: [],
      settled: true,
      answer,
      unsure: "telesetd was restarted",
    });
  });

  test("waiting events still wait, in order and complete", () => {
    const added = using((store) =>
      store.commit({ desk, send: [made("ScreenPop"), made("CallEstablished"), made("CallReleased")], discard: [] }, 10)
    );
    expect(added.map(({ event }) => event.name)).toEqual(["ScreenPop", "CallEstablished", "CallReleased"]);
    expect(using((store) => store.waiting())).toEqual(added);
    expect(added[0]).toEqual({
      id: 1,
      desk: "1001",
      agent: "A",
      event: made("ScreenPop").event,
      created: 10,
      attempts: 0,
      refusals: 0,
      reached: false,
      next: 10,
    });
  });

  test("calls and waiting events keep their destinations", () => {
    using((store) =>
      store.commit({ desk, send: [made("ScreenPop", { to: home }), made("ScreenPop", { call: "c2" })], discard: [] }, 10)
    );
    using((store) => {
      expect(store.desks()[0]?.calls[0]?.to).toEqual(home);
      expect(store.waiting().map(({ to }) => to)).toEqual([home, undefined]);
    });
  });

  test("waiting events have followed their agent, or have no address if another agent has taken it over", () => {
    const inUse = { address: "10.0.0.8", port: 8080 };
    const moved = { address: "10.0.0.9", port: 9090 };
    using((store) => {
      const added = [
        made("ScreenPop", { to: home }),
        made("ScreenPop", { agent: "B", to: inUse }),
        made("ScreenPop", { agent: "C", to: moved }),
        made("ScreenPop", { agent: "D", to: moved }),
        made("ScreenPop", { agent: "A" }),
        made("ScreenPop", { desk: "1002", to: home }),
      ];
      store.commit({ desk, send: added, discard: [] }, 10);
      const at = { address: "10.0.0.10", port: 8080 };
      const changed = [{ agent: "A", to: moved }, { agent: "C", why: takenBy("A") }, { agent: "D", to: at }];
      store.commit({ desk, send: [], discard: [], moved: changed }, 20);
    });
    expect(using((store) => store.waiting().map(({ agent, to }) => [agent, to]))).toEqual([
      ["A", moved],
      ["B", inUse],
      ["C", undefined],
      ["D", { address: "10.0.0.10", port: 8080 }],
      ["A", moved],
      ["A", home],
    ]);
    expect(using((store) => store.get(3)?.why)).toBe(takenBy("A"));
    using((store) => store.settle(1, "delivered", "", 30));
    expect(using((store) => store.get(1)?.to)).toEqual(moved);
  });

  test("the result of an attempt is kept", () => {
    const [event] = using((store) => {
      const added = store.commit({ desk, send: [made("ScreenPop")], discard: [] }, 10);
      for (const event of added) {
        store.update({ ...event, attempts: 1 }, true);
        store.update({ ...event, attempts: 1, refusals: 1, next: 500, why: "status 404" }, false);
      }
      return added;
    });
    expect(using((store) => store.waiting()) as unknown[]).toEqual([
      { ...event, attempts: 1, refusals: 1, next: 500, why: "status 404" },
    ]);
  });

  test("an event that was being sent may have reached the CRM", () => {
    using((store) => {
      for (const event of store.commit({ desk, send: [made("ScreenPop")], discard: [] }, 10)) {
        store.update({ ...event, attempts: 1 }, true);
      }
    });
    expect(using((store) => store.waiting())).toMatchObject([{ attempts: 1, reached: true }]);
  });

  test("an event that was added with its first attempt may have reached the CRM", () => {
    const added = using((store) => store.commit({ desk, send: [made("ScreenPop", { startNow: true })], discard: [] }, 10));
    expect(added).toMatchObject([{ attempts: 1, reached: false }]);
    expect(using((store) => store.waiting())).toMatchObject([{ attempts: 1, reached: true }]);
  });

  test("settled events do not wait", () => {
    using((store) => {
      store.commit({ desk, send: [made("ScreenPop"), made("CallEstablished"), made("CallReleased")], discard: [] }, 10);
      store.settle(1, "delivered", "", 20);
      store.settle(3, "discarded", "too old", 30);
    });
    expect(using((store) => ids(store.waiting()))).toEqual([2]);
    expect(using((store) => store.get(3))).toMatchObject({ settlement: "discarded", ended: 30, why: "too old" });
  });

  test("a process that was killed (SIGKILL) has lost none of its commits", async () => {
    const script = `
      const { openStore } = await import(${JSON.stringify(join(import.meta.dir, "../../src/store/sqlite.ts"))});
      const store = openStore(${JSON.stringify(path)});
      store.commit(${JSON.stringify({ desk, send: [made("ScreenPop")], discard: [] })}, 10);
      process.kill(process.pid, "SIGKILL");
    `;
    const killed = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
    await killed.exited;
    expect(killed.signalCode).toBe("SIGKILL");
    expect(using((store) => [store.desks(), ids(store.waiting())])).toEqual([[desk], [1]]);
  });
});

describe("a commit", () => {
  test("is one transaction: an error within it changes nothing, and the next one is complete", () => {
    using((store) => {
      store.commit({ desk, send: [made("ScreenPop")], discard: [] }, 10);
      const changed: Desk = { ...desk, registration: null };
      const bad = { ...made("CallReleased"), agent: null as unknown as string };
      const retire = [{ agent: "A", why: "gone" }];
      expect(() => store.commit({ desk: changed, send: [made("CallEstablished"), bad], discard: retire }, 20)).toThrow();
      expect(store.desks()).toEqual([desk]);
      expect(ids(store.waiting())).toEqual([1]);
      store.commit({ desk: changed, send: [], discard: retire }, 30);
      expect(store.desks()).toEqual([changed]);
      expect(store.waiting()).toEqual([]);
    });
  });

  test("writes nothing if nothing has changed", () => {
    using((store) => {
      store.commit({ desk, send: [], discard: [] }, 10);
      const reader = new Database(path, { readonly: true });
      const version = () => (reader.query("PRAGMA data_version").get() as { data_version: number }).data_version;
      const before = version();
      store.commit({ desk: structuredClone(desk), send: [], discard: [] }, 20);
      store.commit(
        { desk: { ...desk, line: { link: { up: true, to: "switch" }, phone: "registered" } }, send: [], discard: [] },
        30,
      );
      expect(version()).toBe(before);
      store.commit({ desk: { ...desk, recentlyEnded: [] }, send: [], discard: [] }, 40);
      expect(version()).not.toBe(before);
      reader.close();
    });
  });

  test("discards the waiting events of an agent at that desk only", () => {
    using((store) => {
      const others = [made("ScreenPop", { agent: "B", call: "c2" }), made("ScreenPop", { desk: "1002", call: "c3" })];
      store.commit({ desk, send: [made("ScreenPop"), ...others], discard: [] }, 10);
      store.commit({ desk, send: [made("CallReleased")], discard: [{ agent: "A", why: "the agent has left" }] }, 20);
      expect(ids(store.waiting())).toEqual([2, 3, 4]);
      expect(store.get(1)).toMatchObject({ settlement: "discarded", why: "the agent has left", ended: 20 });
    });
  });

  test("withdraws waiting events by their ids, and removes their addresses", () => {
    using((store) => {
      const place = { to: { address: "10.0.0.7", port: 8080 } };
      const events = [made("ScreenPop", place), made("CallReleased", place), made("ScreenPop", { call: "c2" })];
      store.commit({ desk, send: events, discard: [] }, 10);
      store.settle(2, "delivered", "", 15);
      store.withdraw([1, 2], "gone", 20);
      expect(ids(store.waiting())).toEqual([3]);
      expect(store.get(1)).toMatchObject({ settlement: "discarded", why: "gone", ended: 20 });
      expect(store.get(1)).not.toHaveProperty("to");
      expect(store.get(2)).toMatchObject({ settlement: "delivered", ended: 15, ...place });
    });
  });

  test("records an event that cannot be delivered, without letting it wait", () => {
    using((store) => {
      expect(store.commit({ desk, send: [made("CallReleased", { undeliverable: "the agent has left" })], discard: [] }, 10))
        .toEqual([]);
      expect(store.waiting()).toEqual([]);
      expect(store.get(1)).toMatchObject({ settlement: "discarded", why: "the agent has left", attempts: 0 });
    });
  });
});

describe("a settled event", () => {
  test("keeps its first settlement", () => {
    using((store) => {
      store.commit({ desk, send: [made("ScreenPop")], discard: [] }, 10);
      store.settle(1, "discarded", "the agent has left", 20);
      store.settle(1, "delivered", "", 30);
      expect(store.get(1)).toMatchObject({ settlement: "discarded", why: "the agent has left", ended: 20 });
    });
  });

  test("waits again as if new when the administrator retries it, but not if it was delivered", () => {
    using((store) => {
      store.commit({ desk, send: [made("ScreenPop"), made("CallReleased")], discard: [] }, 10);
      for (const event of store.waiting()) store.update({ ...event, attempts: 3, refusals: 3, reached: true }, false);
      store.settle(1, "discarded", "refused", 20);
      store.settle(2, "delivered", "", 20);
      expect(store.retry(1, 99, home)).toMatchObject({
        id: 1,
        to: home,
        created: 99,
        next: 99,
        attempts: 0,
        refusals: 0,
        reached: false,
      });
      expect(store.retry(2, 99)).toBeUndefined();
      expect(store.retry(77, 99)).toBeUndefined();
      expect(ids(store.waiting())).toEqual([1]);
    });
  });

  test("suppresses its call if it was a ScreenPop that cannot have arrived", () => {
    using((store) => {
      const calls = ["never", "perhaps", "delivered", "waits"];
      store.commit({ desk, send: calls.map((call) => made("ScreenPop", { call })), discard: [] }, 10);
      for (const event of store.waiting()) if (event.id === 2) store.update({ ...event, reached: true }, false);
      store.settle(1, "discarded", "too old", 20);
      store.settle(2, "discarded", "too old", 20);
      store.settle(3, "delivered", "", 20);
      expect(store.suppressedCalls()).toEqual([]);
      store.commit({ desk, send: calls.map((call) => made("CallReleased", { call })), discard: [] }, 30);
      expect(store.suppressedCalls()).toEqual([{ desk: "1001", call: "never" }]);
      store.settle(5, "discarded", "its ScreenPop was not delivered", 40);
      expect(store.suppressedCalls()).toEqual([]);
    });
  });

  test("suppresses its call as long as the call lasts, with any number of such calls", () => {
    using((store) => {
      const calls = Array.from({ length: 1200 }, (_, n) => newCall(`n${n}`, "called", null, 5));
      store.commit({ desk, send: calls.map(({ id }) => made("ScreenPop", { call: id })), discard: [] }, 10);
      for (const { id } of store.waiting()) store.settle(id, "discarded", "too old", 20);
      expect(store.suppressedCalls()).toEqual([]);
      store.commit({ desk: { ...desk, calls }, send: [], discard: [] }, 30);
      expect(store.suppressedCalls()).toHaveLength(1200);
      store.commit({ desk: { ...desk, calls: calls.slice(0, 1) }, send: [], discard: [] }, 30);
      expect(store.suppressedCalls()).toEqual([{ desk: "1001", call: "n0" }]);
    });
  });

  test("is deleted if it is old or there are too many; waiting events never are", () => {
    using((store) => {
      store.commit({ desk, send: Array.from({ length: 6 }, () => made("CallReleased")), discard: [] }, 0);
      for (const id of [1, 2, 3, 4]) store.settle(id, "delivered", "", id * 86_400_000);
      expect(store.prune({ days: 2, rows: 100, calls: 100 }, 4 * 86_400_000)).toBe(1);
      expect(store.prune({ days: 100, rows: 2, calls: 100 }, 4 * 86_400_000)).toBe(1);
      expect(ids(store.list(true, 10))).toEqual([6, 5, 4, 3]);
      expect(ids(store.list(false, 1))).toEqual([6]);
    });
  });
});

test("a forgotten desk is deleted, and is written again when it returns", () => {
  using((store) => {
    store.commit({ desk, send: [], discard: [] }, 10);
    store.forget("1001");
    expect(store.desks()).toEqual([]);
    store.commit({ desk, send: [], discard: [] }, 20);
    expect(store.desks()).toEqual([desk]);
  });
});

test("the clock's mark and the latest recorded time are kept", () => {
  using((store) => {
    expect(store.clock()).toEqual({ last: 0 });
    store.setClock({ boot: "b1", offset: 5 });
    store.setClock({ boot: "b2", offset: 7 });
    store.commit({ desk, send: [made("ScreenPop")], discard: [] }, 10);
    store.settle(1, "delivered", "", 20);
  });
  expect(using((store) => store.clock())).toEqual({ mark: { boot: "b2", offset: 7 }, last: 20 });
});

describe("the file", () => {
  test("is created with its folder, readable only by its owner", () => {
    using(() => {});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  test(`of a newer version is refused with a sentence and not changed`, () => {
    using(() => {});
    const db = new Database(path);
    db.run(`PRAGMA user_version = ${schemaVersion + 1}`);
    db.close();
    expect(() => openStore(path)).toThrow(
      `is from a newer telesetd (version ${schemaVersion + 1}; this one supports ${schemaVersion}): install the newer one`,
    );
    const after = new Database(path, { readonly: true });
    expect(after.query("PRAGMA user_version").get()).toEqual({ user_version: schemaVersion + 1 });
    after.close();
  });

  test("that is not a database is refused", async () => {
    using(() => {});
    await Bun.write(path, "x".repeat(5000));
    rmSync(`${path}-wal`, { force: true });
    expect(() => openStore(path)).toThrow();
  });
});
