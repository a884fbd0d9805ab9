/** The note that an event was delivered: it is written with the next change or a little later, and is never missing in a list. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { openSafeStore } from "../../src/store/resilient.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { crmEvent } from "../support/faults/office.ts";
import { ownFolder } from "../support/folder.ts";
import { FakeTimers } from "../support/timers.ts";

const folder = ownFolder();

/** A store with the event of a call that has just been delivered, and the file as another process sees it. */
function delivered(name: string) {
  const path = join(folder, name);
  const timers = new FakeTimers();
  const store = openSafeStore(path, openLog(() => {}, "error", false), 60_000, timers);
  const commit = (call: string) => {
    const send = [{ desk: "1001", agent: "A", event: crmEvent(call, "ScreenPop"), startNow: true }];
    const [event] = store.commit({ desk: newDesk("1001"), send, discard: [] }, 10);
    return event?.id ?? 0;
  };
  const id = commit("c1");
  store.settle(id, "delivered", "", 20);
  /** Whether the event waits according to the file, as after a crash. */
  const waits = () => {
    const file = openStore(path);
    const waiting = file.waiting();
    file.close();
    return waiting.map(({ event: { call }, reached }) => `${call}${reached ? " may have arrived" : ""}`);
  };
  return { store, timers, commit, id, waits };
}

test("after a crash at once, the event may have arrived and is sent again", () => {
  const { store, timers, waits } = delivered("crash.db");
  expect(waits()).toEqual(["c1 may have arrived"]);
  timers.advance(49);
  expect(waits()).toEqual(["c1 may have arrived"]);
  timers.advance(1);
  expect(waits()).toEqual([]);
  store.close();
});

test("the next change writes it in the same transaction", () => {
  const { store, timers, commit, waits } = delivered("next.db");
  commit("c2");
  expect(waits()).toEqual(["c2 may have arrived"]);
  expect(timers.pending).toEqual([]);
  store.close();
});

test("a stop writes it", () => {
  const { store, waits } = delivered("stop.db");
  store.close();
  expect(waits()).toEqual([]);
});

test("it counts in every list at once", () => {
  const { store, id } = delivered("lists.db");
  expect(store.get(id)).toMatchObject({ settlement: "delivered", ended: 20 });
  expect([store.list(false, 9), store.waiting(), store.discarded(0, 9)]).toEqual([[], [], []]);
  expect(store.list(true, 9)).toMatchObject([{ id, settlement: "delivered" }]);
  store.close();
});

test("an event that was discarded is written at once", () => {
  const { store, timers, commit, waits } = delivered("discarded.db");
  store.settle(commit("c2"), "discarded", "too old", 30);
  expect([waits(), timers.pending]).toEqual([[], []]);
  store.close();
});
