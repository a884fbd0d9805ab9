/** Events while the store is lost: their destinations, and the record when it works again. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { openSafeStore } from "../../src/store/resilient.ts";
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
  store.commit({ desk: { ...desk, registration }, send: [], discard: [], arrival: { registration, atDesk: registration } }, 20);
  for (const event of events) store.update({ ...event, attempts: 1 }, true);
  expect(store.trouble).toBeDefined();
  const after = recovered();
  expect(after.waiting().map(({ attempts, to }) => ({ attempts, to }))).toEqual(
    [1, 1].map((attempts) => ({ attempts, to: moved })),
  );
  after.close();
});
