/** The administrator's commands on an outbox of thousands: none is skipped, and the event loop turns in between. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Crm } from "../../src/core/crm.ts";
import { newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { Courier } from "../../src/outbox/courier.ts";
import { OutboxDesk } from "../../src/outbox/admin.ts";
import { deliveryRules } from "../../src/outbox/schedule.ts";
import { localTime } from "../../src/platform/local-time.ts";
import { openSafeStore } from "../../src/store/resilient.ts";
import { exchange } from "../../src/commands/ask.ts";
import { openAdmin } from "../support/admin.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
let made = 0;

const home = { address: "10.0.0.7", port: 8080 };

/** An outbox with this number of discarded events, three of each call, and a CRM that confirms everything. */
function outbox(discarded: number, maxEvents = 10_000) {
  const log = openLog(() => {}, "error", false);
  const store = openSafeStore(join(folder, `${++made}.db`), log);
  const desk = newDesk("1001");
  const names = ["ScreenPop", "CallEstablished", "CallReleased"] as const;
  const send = Array.from({ length: discarded }, (_, n) => {
    const name = names[n % 3] ?? "ScreenPop";
    const call = `c${Math.floor(n / 3)}`;
    const event = name === "ScreenPop" ? { name, call, ani: "", dnis: "", data: {} } : { name, call };
    return { desk: "1001", agent: "A", to: home, event };
  });
  store.commit({ desk, send, discard: [] }, 10);
  store.commit({ desk, send: [], discard: [{ agent: "A", why: "the CRM was away" }] }, 20);
  const sent: string[] = [];
  let taken = Infinity;
  const crm: Crm = {
    deliver: (event) => {
      if (sent.length >= taken) return new Promise(() => {});
      sent.push(`${event.call} ${event.name}`);
      return Promise.resolve({ outcome: "done" });
    },
  };
  const rules = { ...deliveryRules, maxEvents };
  const now = () => 30;
  const courier = new Courier({ store, crm, now, random: () => 1, rules, log });
  const box = new OutboxDesk({ store, courier, now, registrations: { addressFor: () => home } });
  const takes = (most: number) => void (taken = most);
  const rows = (all: boolean) => [...box.pages(all)].flat();
  return { box, store, courier, sent, takes, rows };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("of 3,000 discarded events", () => {
  test("list --all shows every event, the newest first, in pages", () => {
    const { box, rows, store } = outbox(3000);
    expect(rows(true).map(({ id }) => id)).toEqual(Array.from({ length: 3000 }, (_, n) => 3000 - n));
    expect(rows(false)).toEqual([]);
    for (const page of box.pages(true)) expect(page.length).toBeLessThanOrEqual(25);
    store.close();
  });

  test("retry --all sends every event once, those of a call in order, and returns their number", async () => {
    const { box, courier, sent, rows, store } = outbox(3000);
    expect(await box.retryAll()).toEqual({ retried: 3000, full: false });
    while (courier.status().waiting > 0) await turn();
    expect(new Set(sent).size).toBe(3000);
    expect(sent).toHaveLength(3000);
    const calls = Map.groupBy(sent, (line) => line.split(" ")[0]);
    for (const [call, lines] of calls) {
      expect(lines).toEqual([`${call} ScreenPop`, `${call} CallEstablished`, `${call} CallReleased`]);
    }
    expect(rows(true).every(({ state }) => state === "delivered")).toBe(true);
    expect(await box.retryAll()).toEqual({ retried: 0, full: false });
    store.close();
  });

  test("retry --all takes at most 20 events in a turn of the event loop", async () => {
    const { box, courier, takes, store } = outbox(3000);
    takes(0);
    const all = box.retryAll();
    let waiting = courier.status().waiting;
    while (waiting < 3000) {
      await turn();
      expect(courier.status().waiting - waiting).toBeLessThanOrEqual(20);
      waiting = courier.status().waiting;
    }
    expect(await all).toEqual({ retried: 3000, full: false });
    store.close();
  });

  test("retry --all counts the waiting events, and takes no more than the outbox holds", async () => {
    const { box, courier, takes, rows, store } = outbox(3000, 1000);
    takes(0);
    box.retry(1);
    expect(await box.retryAll()).toEqual({ retried: 1000, full: true });
    expect(courier.status().waiting).toBe(1000);
    expect(rows(false).map(({ id }) => id)).toEqual(Array.from({ length: 1000 }, (_, n) => 1000 - n));
    store.close();
  });
});

test("after a ScreenPop that is sent again the next events of its call are sent too", async () => {
  const { box, courier, sent, store } = outbox(1);
  const event = { name: "ScreenPop", call: "c0", ani: "", dnis: "", data: {} } as const;
  courier.discardNew({ desk: "1001", event });
  box.retry(1);
  const released = { desk: "1001", agent: "A", to: home, event: { name: "CallReleased", call: "c0" } } as const;
  courier.add(store.commit({ desk: newDesk("1001"), send: [released], discard: [] }, 30));
  while (courier.status().waiting > 0) await turn();
  expect(sent).toEqual(["c0 ScreenPop", "c0 CallReleased"]);
  store.close();
});

test("retry and drop of a settled event say how and when it was settled", async () => {
  const { box, courier, store } = outbox(3);
  expect(box.drop(2)).toEqual({ status: 409, why: `Event 2 was discarded at ${localTime(new Date(20))}: nothing to drop.` });
  expect(box.retry(1)).toMatchObject({ event: { id: 1, state: "waiting" } });
  while (courier.status().waiting > 0) await turn();
  const why = `Event 1 was delivered at ${localTime(new Date(30))}: nothing to`;
  expect([box.retry(1), box.drop(1)]).toEqual([{ status: 409, why: `${why} retry.` }, { status: 409, why: `${why} drop.` }]);
  const unknown = { status: 404, why: "There is no such event in the outbox: see telesetd outbox list --all" } as const;
  for (const id of [4, 0, -1, 1.5, NaN]) expect([box.retry(id), box.drop(id)]).toEqual([unknown, unknown]);
  store.close();
});

test("an event behind another of its call says which one it waits for", () => {
  const { box, rows, takes, store } = outbox(6);
  takes(0);
  for (const id of [1, 2, 3, 5]) box.retry(id);
  expect(rows(false).map(({ id, waitsFor }) => [id, waitsFor])).toEqual([[5, undefined], [3, 1], [2, 1], [1, undefined]]);
  expect(box.show(3)?.waitsFor).toBe(1);
  store.close();
});

describe("over the socket", () => {
  test.each([[0], [1], [24], [25], [26], [3000]])("a list of %i rows is one JSON array", async (rows) => {
    const { box, store } = outbox(rows);
    const socket = await openAdmin({ outbox: box });
    const { status, text } = await exchange(socket, "GET", "/outbox?all=1");
    expect([status, (JSON.parse(text) as unknown[]).length]).toEqual([200, rows]);
    store.close();
  });

  test.each([["0", 0], ["1", 1], ["26", 26], ["9999", 60], ["x", 60]])(
    "with limit=%s a list of 60 rows has the newest %i",
    async (limit, rows) => {
      const { box, store } = outbox(60);
      const socket = await openAdmin({ outbox: box });
      const { text } = await exchange(socket, "GET", `/outbox?all=1&limit=${limit}`);
      expect((JSON.parse(text) as { id: number }[]).map(({ id }) => id)).toEqual(Array.from({ length: rows }, (_, n) => 60 - n));
      store.close();
    },
  );

  test("the event loop turns between the pages of a list", async () => {
    let turns = 0;
    let counting = true;
    const count = () => {
      turns++;
      if (counting) setImmediate(count);
    };
    const seen: number[] = [];
    function* dials(): Generator<number[]> {
      for (let page = 0; page < 20; page++) {
        seen.push(turns);
        yield [page];
      }
    }
    setImmediate(count);
    const socket = await openAdmin({ dials });
    const { text } = await exchange(socket, "GET", "/dials");
    counting = false;
    expect(JSON.parse(text)).toEqual(Array.from({ length: 20 }, (_, page) => page));
    expect(new Set(seen).size).toBe(20);
  });

  test("a refusal has its reason", async () => {
    const { box, store } = outbox(3);
    const socket = await openAdmin({ outbox: box });
    const { status, text } = await exchange(socket, "POST", "/outbox/2/drop");
    expect([status, JSON.parse(text)]).toEqual([409, { error: expect.stringContaining("Event 2 was discarded at") }]);
    store.close();
  });

  test("a log level that cannot be changed has nothing to do with the outbox", async () => {
    const socket = await openAdmin();
    for (const method of ["GET", "POST"]) {
      const { status, text } = await exchange(socket, method, "/log?level=debug");
      expect([status, JSON.parse(text)]).toEqual([404, {
        error: "The log level of this telesetd cannot be changed while it runs.",
      }]);
    }
  });
});
