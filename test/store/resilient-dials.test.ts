/** The record of dials while the store is lost: shown, bounded, and written when the disk works again. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import type { DialRecord } from "../../src/core/input.ts";
import { openLog } from "../../src/log/log.ts";
import { openSafeStore, type SafeStore } from "../../src/store/resilient.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
let made = 0;

const dial = (id: string, at: number, outcome = "asked"): DialRecord => ({
  id,
  at,
  agent: "7",
  from: "10.0.0.7",
  dialString: "+1 (415) 555-0123",
  number: "914155550123",
  outcome,
});
const shown = (store: Pick<SafeStore, "dials">, limit = 100) => store.dials(limit).map(({ id, outcome }) => `${id} ${outcome}`);

/** An open store, then locked by another process and lost. `free` unlocks it and waits until it works again. */
function lost(before: (store: SafeStore) => void = () => {}) {
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

test("all dials are shown while the store is lost, including earlier ones, with their outcomes", async () => {
  const { store, free } = lost((store) => {
    store.recordDial("1001", dial("old", 1000, "answered"));
    store.recordDial("1001", dial("open", 2000));
  });
  store.recordDial("1001", dial("new", 3000));
  expect(store.trouble).toContain("cannot write the store");
  store.recordDial("1001", dial("open", 2000, "Phone 1001 is busy."));
  store.recordDial("1001", dial("new", 3000, "answered"));
  expect(shown(store)).toEqual(["new answered", "open Phone 1001 is busy.", "old answered"]);
  expect(shown(store, 2)).toEqual(["new answered", "open Phone 1001 is busy."]);
  expect(store.dials(2, { at: 2000, id: "open" }).map(({ id }) => id)).toEqual(["old"]);
  await free();
  store.close();
});

test("they are written once when the store works again, completely and in order", async () => {
  const { path, store, free } = lost((store) => store.recordDial("1001", dial("open", 2000)));
  store.recordDial("1002", dial("a", 3000));
  store.recordDial("1001", dial("open", 2000, "answered"));
  store.recordDial("1002", dial("a", 3000, "answered"));
  store.recordDial("1002", { ...dial("b", 3000, "refused: no"), at: 3001 });
  await free();
  expect(store.trouble).toBeUndefined();
  // Nothing is left in memory that would hide later changes.
  store.recordDial("1002", dial("a", 3000, "later"));
  expect(shown(store)).toEqual(["b refused: no", "a later", "open answered"]);
  store.close();
  const again = openStore(path);
  expect(again.dials(100)).toEqual([
    { ...dial("b", 3001, "refused: no"), desk: "1002" },
    { ...dial("a", 3000, "later"), desk: "1002" },
    { ...dial("open", 2000, "answered"), desk: "1001" },
  ]);
  again.close();
});

test("they are written when the daemon stops while the store can be written again", () => {
  const { path, store, free } = lost();
  store.recordDial("1001", dial("a", 1));
  void free();
  store.close();
  const again = openStore(path);
  expect(shown(again as never)).toEqual(["a asked"]);
  again.close();
});

test("a store that could not be opened at the start gets them as soon as it can", async () => {
  const path = join(folder, String(++made), "telesetd.db");
  writeFileSync(dirname(path), "no folder");
  const works = Promise.withResolvers<void>();
  const store = openSafeStore(path, openLog((line) => void (line.includes("works again") && works.resolve()), "info", false), 20);
  store.recordDial("1001", dial("a", 1));
  store.recordDial("1001", dial("a", 1, "answered"));
  expect(shown(store)).toEqual(["a answered"]);
  rmSync(dirname(path));
  mkdirSync(dirname(path));
  await works.promise;
  expect(shown(store)).toEqual(["a answered"]);
  store.close();
});

test("a store that is damaged while in use loses no later dials", () => {
  const path = join(folder, `${++made}.db`);
  const store = openSafeStore(path, openLog(() => {}, "info", false), 20);
  store.commit({ desk: newDesk("1001"), send: [], discard: [] }, 1);
  const db = new Database(path);
  db.run("DROP TABLE dials");
  db.close();
  store.recordDial("1001", dial("a", 1));
  expect(shown(store)).toEqual(["a asked"]);
  store.close();
});

test("memory is bounded: beyond 10,000 the oldest are dropped", async () => {
  const { store, free } = lost();
  for (let n = 0; n < 11_000; n++) store.recordDial("1001", dial(`d${n}`, n));
  expect(store.dials(20_000)).toHaveLength(10_000);
  expect(store.dials(1)[0]?.id).toBe("d10999");
  expect(store.dials(20_000).at(-1)?.id).toBe("d1000");
  await free();
  expect(store.dials(20_000)).toHaveLength(10_000);
  store.close();
});
