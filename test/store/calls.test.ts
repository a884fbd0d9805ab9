/** The record of calls: written with the desk, bounded, read page by page, and kept while the store is lost. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import fc from "fast-check";
import { newDesk } from "../../src/core/desk.ts";
import type { CallRecord } from "../../src/core/history.ts";
import { openLog } from "../../src/log/log.ts";
import type { NewEvent, Store } from "../../src/outbox/record.ts";
import { openSafeStore } from "../../src/store/resilient.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
let made = 0;

function opened(): { path: string; store: ReturnType<typeof openStore> } {
  const path = join(folder, `${++made}.db`);
  return { path, store: openStore(path) };
}

const call = (id: string, at: number, began = at - 10): CallRecord => ({
  id,
  origin: "called",
  kind: "internal",
  agent: null,
  party: { identity: "1002", outside: false },
  began,
  end: { at, disposition: "answered", cause: "NORMAL_CLEARING" },
  popped: false,
  established: false,
  timeline: [{ at: began, what: "began" }, { at, what: "ended", cause: "NORMAL_CLEARING" }],
  reason: { code: "internal-number", number: "1002", pattern: "^\\d{2,5}$" },
});
const event = (call: string, name: "ScreenPop" | "CallReleased" = "CallReleased", desk = "1001"): NewEvent => ({
  desk,
  agent: "A",
  event: name === "ScreenPop" ? { name, call, ani: "", dnis: "1001", data: {} } : { name, call },
});

function put(
  store: Store,
  calls: CallRecord[],
  { at = calls[0]?.end?.at ?? 0, desk = "1001", send = [] as NewEvent[] } = {},
): void {
  store.commit({ desk: newDesk(desk), send, discard: [], calls }, at);
}

const ids = (calls: readonly { readonly id: string }[]) => calls.map(({ id }) => id);

describe("the record", () => {
  test("returns a call as it was put on record, after a restart too", () => {
    const { path, store } = opened();
    put(store, [call("c1", 1000)], { send: [event("c1")] });
    store.close();
    const again = openStore(path);
    expect(again.calls({ limit: 9 })).toEqual([{ ...call("c1", 1000), desk: "1001", place: 1000, lastEvent: 1 }]);
    again.close();
  });

  test("lists the newest first, page by page, also calls that ended at the same time, and those of one desk", () => {
    const { store } = opened();
    put(store, [call("c1", 1000), call("c2", 1000)]);
    put(store, [call("d1", 1000)], { desk: "1002" });
    put(store, [call("c3", 2000)]);
    expect(ids(store.calls({ limit: 9 }))).toEqual(["c3", "d1", "c2", "c1"]);
    const [, second] = store.calls({ limit: 2 });
    expect(ids(store.calls({ limit: 1, before: second?.place ?? 0 }))).toEqual(["c2"]);
    expect(ids(store.calls({ limit: 9, desk: "1001" }))).toEqual(["c3", "c2", "c1"]);
    expect(ids(store.calls({ limit: 9, desk: "1003" }))).toEqual([]);
    store.close();
  });

  test("finds calls by the start of their ids", () => {
    const { store } = opened();
    put(store, [call("ab-1", 1000), call("ab-2", 1001), call("b", 1002), call("a%", 1003)]);
    expect(ids(store.callsNamed("ab", 9))).toEqual(["ab-2", "ab-1"]);
    expect(ids(store.callsNamed("ab", 1))).toEqual(["ab-2"]);
    expect(ids(store.callsNamed("ab-1", 9))).toEqual(["ab-1"]);
    expect(ids(store.callsNamed("%", 9))).toEqual([]);
    expect(ids(store.callsNamed("a%", 9))).toEqual(["a%"]);
    store.close();
  });

  test("has a call once: its later record replaces the earlier one", () => {
    const { store } = opened();
    put(store, [call("c1", 1000), call("c2", 1500)]);
    put(store, [call("c1", 2000)]);
    expect(store.calls({ limit: 9 }).map(({ id, place }) => [id, place])).toEqual([["c1", 2000], ["c2", 1500]]);
    store.close();
  });

  test("forgets the calls of former days, and the oldest ones above the maximum", () => {
    const { store } = opened();
    const day = 86_400_000;
    put(store, [1, 2, 3, 4, 5].map((n) => call(`c${n}`, n * day)));
    store.prune({ days: 3, rows: 100, calls: 100 }, 5 * day);
    expect(ids(store.calls({ limit: 9 }))).toEqual(["c5", "c4", "c3", "c2"]);
    store.prune({ days: 3, rows: 100, calls: 2 }, 5 * day);
    expect(ids(store.calls({ limit: 9 }))).toEqual(["c5", "c4"]);
    store.prune({ days: 3, rows: 100, calls: 0 }, 5 * day);
    expect(store.calls({ limit: 9 })).toEqual([]);
    store.close();
  });
});

describe("the events of calls", () => {
  test("are those of these desks' calls, in order, whatever else was sent meanwhile, and whenever they were retried", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(3)), { maxLength: 40 }), fc.nat(5), (sent, wanted) => {
        const { store } = opened();
        const began = new Map<string, number>();
        sent.forEach(([n, retried], at) => {
          const id = `c${n}`;
          began.set(id, began.get(id) ?? at);
          put(store, [], { at, send: [event(id)] });
          store.settle(at + 1, "discarded", "", at);
          // A retried event looks newer than those after it.
          if (retried === 0) store.retry(Math.max(1, at - 2), at + 1000);
        });
        const id = `c${wanted}`;
        put(store, [call(id, sent.length + 5000, began.get(id) ?? 0)]);
        const found = store.eventsOf(store.callsNamed(id, 1));
        expect(found.map(({ id }) => id)).toEqual(sent.flatMap(([n], at) => n === wanted ? [at + 1] : []));
        store.close();
      }),
      { numRuns: 30 },
    );
  });

  test("of a call in progress are found too, and those of another desk's call with the same id are not", () => {
    const { store } = opened();
    put(store, [], { at: 10, send: [event("c1", "ScreenPop"), event("c1", "ScreenPop", "1002"), event("c2")] });
    expect(store.eventsOf([{ id: "c1", desk: "1001", began: 10 }]).map(({ id }) => id)).toEqual([1]);
    expect(store.eventsOf([])).toEqual([]);
    store.close();
  });
});

describe("while the store is lost", () => {
  /** An open store, then locked by another process and lost. `free` unlocks it and waits until it works again. */
  function lost(before: (store: Store) => void) {
    const path = join(folder, `${++made}.db`);
    const works = Promise.withResolvers<void>();
    const log = openLog((line) => void (line.includes("works again") && works.resolve()), "info", false);
    const store = openSafeStore(path, log, 20);
    before(store);
    const locker = new Database(path);
    locker.run("BEGIN IMMEDIATE");
    const free = async () => {
      locker.run("ROLLBACK");
      locker.close();
      await works.promise;
    };
    return { path, store, free };
  }

  test("calls and their events are kept in memory, listed with the earlier ones, and written later, once", async () => {
    const { path, store, free } = lost((store) => put(store, [call("c1", 1000)], { send: [event("c1")] }));
    put(store, [call("c2", 2000)], { send: [event("c2")] });
    put(store, [call("c3", 3000)]);
    expect(store.trouble).toContain("cannot write the store");
    const all = () => ids(store.calls({ limit: 9 }));
    expect(all()).toEqual(["c3", "c2", "c1"]);
    expect(ids(store.calls({ limit: 1, before: 2000 }))).toEqual(["c1"]);
    expect(ids(store.callsNamed("c", 2))).toEqual(["c3", "c2"]);
    expect(store.eventsOf(store.calls({ limit: 9 })).map(({ event }) => event.call)).toEqual(["c1", "c2"]);
    await free();
    expect(all()).toEqual(["c3", "c2", "c1"]);
    store.close();
    const again = openStore(path);
    expect(again.calls({ limit: 9 }).map(({ id, place, lastEvent }) => [id, place, lastEvent])).toEqual([
      ["c3", 3000, 2],
      ["c2", 2000, 2],
      ["c1", 1000, 1],
    ]);
    again.close();
  });

  test("at most 10,000 are kept in memory, the newest", async () => {
    const { store, free } = lost(() => {});
    for (let n = 1; n <= 11; n++) put(store, Array.from({ length: 1000 }, (_, i) => call(`c${n}-${i}`, n * 1000 + i)));
    for (let n = 0; n < 1000; n++) put(store, []);
    const calls = store.calls({ limit: 99_999 });
    expect(calls).toHaveLength(10_000);
    expect(calls.at(-1)?.id).toBe("c2-0");
    await free();
    store.close();
  });
});
