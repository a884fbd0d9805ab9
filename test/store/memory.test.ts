/** The state in memory and the file have the same content after any changes. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/outbox/record.ts";
import { crmEvent } from "../support/faults/office.ts";
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
const all = Number.MAX_SAFE_INTEGER;

type Changes = Pick<Store, keyof MemoryStore & keyof Store>;

const agent = fc.constantFrom("A", "B");
const extension = fc.constantFrom("1001", "1002");
const address = fc.constantFrom("10.0.0.7", "10.0.0.9").map((address) => ({ address, port: 8080 }));
const id = fc.integer({ min: 1, max: 12 });
const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const sending = fc.record({ agent, to: option(address), startNow: fc.boolean(), undeliverable: option(fc.constant("gone")) })
  .map(({ to, undeliverable, ...rest }) => ({
    ...rest,
    event: crmEvent("c1", "ScreenPop"),
    ...(to ? { to } : {}),
    ...(undeliverable === undefined ? {} : { undeliverable }),
  }));

const change: fc.Arbitrary<(store: Changes, now: number) => unknown> = fc.oneof(
  fc.record({ extension, send: fc.array(sending, { maxLength: 3 }) }).map(
    ({ extension, send }) => (store: Changes, now: number) =>
      store.commit({ desk: newDesk(extension), send: send.map((event) => ({ ...event, desk: extension })), discard: [] }, now),
  ),
  fc.tuple(extension, agent).map(([extension, agent]) => (store: Changes, now: number) =>
    store.commit({ desk: newDesk(extension), send: [], discard: [{ agent, why: "unregistered" }] }, now)
  ),
  fc.tuple(extension, agent, option(address)).map(([extension, agent, to]) => {
    const moved = [{ agent, ...(to ? { to } : { why: "taken" }) }];
    return (store: Changes, now: number) => store.commit({ desk: newDesk(extension), send: [], discard: [], moved }, now);
  }),
  fc.tuple(id, fc.boolean(), fc.boolean()).map(([id, onTheWay, reached]) => (store: Changes, now: number) => {
    const event = store.get(id);
    if (event && event.settlement === undefined) {
      store.update({ ...event, attempts: event.attempts + 1, reached, next: now + 0.4, why: "no answer" }, onTheWay);
    }
  }),
  fc.tuple(id, fc.constantFrom("delivered" as const, "discarded" as const)).map(([id, how]) => (store: Changes, now: number) =>
    store.settle(id, how, how === "delivered" ? "" : "too old", now)
  ),
  fc.array(id, { maxLength: 3 }).map((ids) => (store: Changes, now: number) => store.withdraw(ids, "gone", now)),
  fc.tuple(id, option(address)).map(([id, to]) => (store: Changes, now: number) => store.retry(id, now, to)),
  fc.tuple(id, extension).map(([id, desk]) => (store: Changes, now: number) =>
    store.recordDial(desk, { id: `d${id}`, agent: "A", from: "127.0.0.1", at: id, dialString: "5", outcome: `at ${now}` })
  ),
  extension.map((extension) => (store: Changes) => store.forget(extension)),
);

test("both have the same desks, events and dials, and give events the same ids", () => {
  let round = 0;
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const path = join(folder, `${++round}.db`);
      const [memory, file] = [new MemoryStore(0), openStore(path)];
      changes.forEach((change, index) => void [change(memory, index), change(file, index)]);
      for (
        const read of [
          (store: Changes) => store.desks().map(({ extension }) => extension).sort(),
          (store: Changes) => store.waiting(),
          (store: Changes) => [store.list(true, all), store.list(true, 3), store.list(false, 3, 7), store.discarded(2, 3)],
          (store: Changes) => [store.dials(all), store.dials(2, { at: 6, id: "d6" })],
        ]
      ) expect(read(memory)).toEqual(read(file));
      expect(memory.lastId).toBe(file.lastId());
      file.close();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    }),
    { numRuns: 60 },
  );
});
