/** A commit decides which events start now, writes the change and sends them, without another turn of the event loop. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { CrmEvent, Delivery } from "../../src/core/crm.ts";
import type { Effect } from "../../src/core/input.ts";
import { openLog } from "../../src/log/log.ts";
import { Courier } from "../../src/outbox/courier.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { deliveryRules } from "../../src/outbox/schedule.ts";
import { openStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/outbox/record.ts";
import { storePath } from "../support/loop-rig.ts";

const to = { address: "10.0.0.7", port: 8080 };
const desk: Desk = { ...newDesk("1001"), registration: { agent: "A", ...to } };

let store: Store;
let courier: Courier;
let outbox: Outbox;
let posts: string[];
let log: string[];

beforeEach(() => {
  store = openStore(storePath());
  posts = [];
  log = [];
  const crm = {
    deliver: ({ name, call }: CrmEvent): Promise<Delivery> => {
      posts.push(`${name} ${call}`);
      return new Promise(() => {});
    },
  };
  const lines = openLog((line) => log.push(line), "info", false);
  const now = () => 1;
  courier = new Courier({ store, crm, now, random: () => 1, rules: deliveryRules, log: lines });
  outbox = new Outbox({ store, courier, now, log: lines });
});
afterEach(() => store.close());

const send = (
  name: "CallEstablished" | "CallReleased",
  call: string,
  more: { to?: typeof to; undeliverable?: string } = { to },
) => ({ type: "send", agent: "A", event: { name, call }, ...more }) satisfies Effect;
const onRecord = () => store.list(true, 10).map(({ event, attempts, settlement }) => `${event.name} ${attempts} ${settlement}`);

test("the first event of a call is sent within the commit, its attempt written with it; the next ones wait", () => {
  outbox.commit({ desk, effects: [send("CallEstablished", "c1"), send("CallReleased", "c1"), send("CallReleased", "c2")] });
  expect(posts).toEqual(["CallEstablished c1", "CallReleased c2"]);
  expect(onRecord()).toEqual(["CallReleased 1 undefined", "CallReleased 0 undefined", "CallEstablished 1 undefined"]);
  outbox.commit({ desk, effects: [send("CallReleased", "c1")] });
  expect(posts).toHaveLength(2);
});

test("an event without an address waits, and is sent within the commit of a Register", () => {
  outbox.commit({ desk, effects: [send("CallReleased", "c1", {})] });
  expect([posts, outbox.holds("1001")]).toEqual([[], true]);
  outbox.commit({ desk, effects: [], arrival: { registration: { agent: "A", ...to }, atDesk: null } });
  expect(posts).toEqual(["CallReleased c1"]);
  expect(store.get(1)?.to).toEqual(to);
});

test("an undeliverable event is only recorded, and the log has the reason", () => {
  outbox.commit({ desk, effects: [send("CallReleased", "c1", { undeliverable: "agent A has unregistered" })] });
  expect(onRecord()).toEqual(["CallReleased 0 discarded"]);
  expect([posts, outbox.holds("1001")]).toEqual([[], false]);
  expect(log.join()).toContain('Discarded an event that cannot be delivered desk=1001 event=CallReleased call=c1 why="agent A');
});

test("the events after an undeliverable ScreenPop are discarded: the CRM would not know their call", () => {
  const pop: CrmEvent = { name: "ScreenPop", call: "c1", ani: "", dnis: "1001", data: {} };
  outbox.commit({ desk, effects: [{ type: "send", agent: "A", event: pop, undeliverable: "agent A has unregistered" }] });
  outbox.commit({ desk, effects: [send("CallReleased", "c1")] });
  expect([posts, onRecord()]).toEqual([[], ["CallReleased 0 discarded", "ScreenPop 0 discarded"]]);
  expect(log.join()).toContain(
    'Gave up delivering an event desk=1001 call=c1 event=CallReleased why="its ScreenPop was not delivered"',
  );
});

test("the events of an agent who unregisters are discarded, on record and in the log", () => {
  outbox.commit({ desk, effects: [send("CallReleased", "c1", {})] });
  outbox.commit({ desk, effects: [{ type: "discard", agent: "A", why: "agent A has unregistered" }] });
  expect([onRecord(), outbox.holds("1001")]).toEqual([["CallReleased 0 discarded"], false]);
  expect(log.join()).toContain("Discarded the pending events of an agent");
});
