/** Events while the store is lost: their destinations, the record when it works again, and the ids afterwards. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { openSafeStore, type SafeStore } from "../../src/store/resilient.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { crmEvent } from "../support/faults/office.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();

const home = { address: "10.0.0.7", port: 8080 };
const moved = { address: "10.0.0.9", port: 8080 };

/** A store with the ScreenPops of two calls, and a lock that makes it lost until `recovered`. */
function lost(name: string) {
  const path = join(folder, name);
  const store = openSafeStore(path, openLog(() => {}, "error", false), 60_000);
  const desk = { ...newDesk("1001"), registration: { agent: "A", ...home } };
  const send = ["c1", "c2"].map((call) => ({ desk: "1001", agent: "A", to: home, event: crmEvent(call, "ScreenPop") }));
  const events = store.commit({ desk, send, discard: [] }, 10);
  const db = new Database(path);
  db.run("BEGIN IMMEDIATE");
  /** The store's content after it has been written. */
  const recovered = () => {
    db.run("ROLLBACK");
    db.close();
    store.close();
    return openStore(path);
  };
  return { store, desk, events, recovered };
}

test("events withdrawn meanwhile are recorded", () => {
  const { store, recovered } = lost("withdrawn.db");
  store.withdraw([1], "gone", 20);
  expect([store.trouble !== undefined, store.waiting().map(({ id }) => id)]).toEqual([true, [2]]);
  const after = recovered();
  expect(after.get(1)).toMatchObject({ settlement: "discarded", why: "gone", ended: 20 });
  expect(after.get(1)).not.toHaveProperty("to");
  expect(after.waiting().map(({ id }) => id)).toEqual([2]);
  after.close();
});

test("an event tried meanwhile keeps its agent's new address", () => {
  const { store, desk, events, recovered } = lost("moved.db");
  const registration = { agent: "A", ...moved };
  store.commit({ desk: { ...desk, registration }, send: [], discard: [], moved: [{ agent: "A", to: moved }] }, 20);
  for (const event of events) store.update({ ...event, attempts: 1 }, true);
  expect(store.trouble).toBeDefined();
  const after = recovered();
  expect(after.waiting().map(({ attempts, to }) => ({ attempts, to }))).toEqual(
    [1, 1].map((attempts) => ({ attempts, to: moved })),
  );
  after.close();
});

/** Commits and settles an event of this call, closes the store, and reads what the file has under the event's id. */
function settledIn(store: SafeStore, path: string, call: string) {
  const event = { desk: "1001", agent: "A", event: crmEvent(call, "ScreenPop") };
  const [added] = store.commit({ desk: newDesk("1001"), send: [event], discard: [] }, 30);
  store.settle(added?.id ?? 0, "delivered", "", 40);
  store.close();
  const file = openStore(path);
  const found = file.get(added?.id ?? 0);
  file.close();
  return [found?.event.call, found?.settlement];
}

test("the file of a store that replaced a damaged one gives new events the same ids", () => {
  const path = join(folder, "replaced.db");
  const store = openSafeStore(path, openLog(() => {}, "error", false), 60_000);
  const send = ["c1", "c2"].map((call) => ({ desk: "1001", agent: "A", event: crmEvent(call, "ScreenPop") }));
  for (const { id } of store.commit({ desk: newDesk("1001"), send, discard: [] }, 10)) store.settle(id, "delivered", "", 20);
  const db = new Database(path);
  db.run("DROP TABLE events");
  db.close();
  store.list(true, 1);
  expect(store.trouble).toBeUndefined();
  expect(settledIn(store, path, "c3")).toEqual(["c3", "delivered"]);
});

test("the file of a store that could not be opened at the start gives new events the same ids", async () => {
  const path = join(folder, "late", "store.db");
  writeFileSync(dirname(path), "in the way");
  const works = Promise.withResolvers<void>();
  const log = openLog((line) => void (line.includes("works again") && works.resolve()), "info", false);
  const store = openSafeStore(path, log, 20);
  expect(store.trouble).toBeDefined();
  rmSync(dirname(path));
  mkdirSync(dirname(path));
  await works.promise;
  expect(settledIn(store, path, "c1")).toEqual(["c1", "delivered"]);
});
