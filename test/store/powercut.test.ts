/** Power cuts while the store is written: the file on the flash opens cleanly and contains a prefix of the operations. */
import { afterAll, afterEach, beforeEach, expect, jest, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { type FileStore, openStore } from "../../src/store/sqlite.ts";
import { Flash } from "../support/flash.ts";
import { crmEvent } from "../support/faults/office.ts";
import { Random } from "../support/faults/random.ts";
import type { OutboxEvent } from "../../src/outbox/record.ts";

setDefaultTimeout(60_000);

// In memory, where a sync is instant: the tests check when the store syncs, not how fast the disk is.
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "telesetd-power-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

/** One operation on the store, in one transaction; it writes its number. */
type Operation = { readonly kind: "add" | "try" | "deliver"; readonly id: number };

/** Random operations on a store, and the expected content after each. */
class History {
  readonly operations: Operation[] = [];
  readonly #waiting: OutboxEvent[] = [];

  constructor(readonly store: FileStore, readonly random: Random) {}

  /** The number of the last operation. */
  get now(): number {
    return this.operations.length;
  }

  act(): void {
    const number = this.operations.length + 1;
    const at = this.random.whole(0, this.#waiting.length);
    const event = this.#waiting[at];
    const kind = this.#waiting.length > 40 ? 0.9 : this.random.next();
    if (event === undefined || kind < 0.4) {
      const desk = { ...newDesk("1001"), lastDial: { dialString: "", number: "", at: number, outcome: "" } };
      const send = [{ desk: "1001", agent: "A", event: crmEvent(`c${number}`, "ScreenPop") }];
      this.#waiting.push(...this.store.commit({ desk, send, discard: [] }, number));
      this.operations.push({ kind: "add", id: this.#waiting.at(-1)?.id ?? 0 });
    } else if (kind < 0.7) {
      this.store.update({ ...event, attempts: number, why: `operation ${number}` }, true);
      this.operations.push({ kind: "try", id: event.id });
    } else {
      this.#waiting.splice(at, 1);
      this.store.settle(event.id, "delivered", `operation ${number}`, number);
      this.operations.push({ kind: "deliver", id: event.id });
    }
  }

  /** The expected content after `count` operations: the last one of the desk and of each event. */
  after(count: number): string[] {
    const events = new Map<number, string>();
    let desk = 0;
    this.operations.slice(0, count).forEach(({ kind, id }, index) => {
      if (kind === "add") desk = index + 1;
      events.set(
        id,
        kind === "add" ? `${id} added at ${index + 1}` : `${id} operation ${index + 1}${kind === "try" ? "" : " delivered"}`,
      );
    });
    return [`desk ${desk}`, ...[...events].sort(([a], [b]) => a - b).map(([, text]) => text)];
  }
}

/** The content of a store in the form of `History.after`, and the number of its last operation. */
function look(path: string): { readonly holds: string[]; readonly last: number } {
  const store = openStore(path);
  const events = store.list(true, 100_000).reverse();
  const desk = store.desks()[0]?.lastDial?.at ?? 0;
  store.close();
  const operations = events.map(({ why, created }) => Number(why?.slice("operation ".length) ?? created));
  const holds = events.map(({ id, why, created, settlement }) =>
    `${id} ${why ?? `added at ${created}`}${settlement ? ` ${settlement}` : ""}`
  );
  return { holds: [`desk ${desk}`, ...holds], last: Math.max(desk, 0, ...operations) };
}

let flash: Flash;
let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(folder, "box-")), "telesetd.db");
  flash = new Flash(path);
});
afterEach(() => void jest.useRealTimers());
afterEach(() => flash.undo());

/** Lets timers and syncs run. */
const turn = () => new Promise<void>((done) => setTimeout(done, 0));

test(`at 100 random moments: the store opens, with a prefix that includes all synced operations (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const store = openStore(path);
  const history = new History(store, random);
  const lost: number[] = [];
  let cuts = 0;
  await flash.begin();
  while (cuts < 100) {
    history.act();
    store.tidy();
    flash.did(history.now);
    if (random.next() < 0.3) await turn();
    if (random.next() > 0.03) continue;
    const copy = join(folder, `cut-${++cuts}.db`);
    flash.cut(copy, random);
    const { holds, last } = look(copy);
    expect(holds).toEqual(history.after(last));
    expect(last).toBeGreaterThanOrEqual(flash.durable);
    lost.push(history.now - last);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${copy}${suffix}`, { force: true });
  }
  store.close();
  // The test was hard enough: most cuts lost something, and the log was checkpointed and restarted.
  expect(lost.filter((count) => count > 0).length).toBeGreaterThan(30);
  expect(flash.checkpoints).toBeGreaterThan(3);
});

test(`during a checkpoint: nothing is lost, because the log was synced before (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const store = openStore(path);
  const history = new History(store, random);
  await flash.begin();
  for (let cuts = 0; cuts < 10;) {
    history.act();
    store.tidy();
    const before = flash.checkpoints;
    flash.did(history.now);
    if (random.next() < 0.1) await turn();
    if (flash.checkpoints === before) continue;
    const copy = join(folder, `checkpoint-${++cuts}.db`);
    flash.cutInCheckpoint(copy, random);
    expect(look(copy).holds).toEqual(history.after(history.now));
  }
  store.close();
});

test("writes are synced within 100 ms, with one sync for all of them", async () => {
  const store = openStore(path);
  const history = new History(store, new Random(seed));
  await flash.begin();
  jest.useFakeTimers();
  for (let round = 0; round < 9; round++) {
    const synced = flash.nextSync();
    history.act();
    store.tidy();
    flash.did(history.now);
    await new Promise((resolve) => setImmediate(resolve));
    for (let more = 0; more < 5; more++) {
      history.act();
      store.tidy();
      flash.did(history.now);
    }
    jest.advanceTimersByTime(100);
    await synced;
    expect(flash.durable).toBe(history.now);
  }
  store.close();
  expect(flash.syncs).toBe(9);
});

test("an event costs at most 12 kB of the log and one sync, for commit, attempt and result", async () => {
  const store = openStore(path);
  await flash.begin();
  const calls = 5;
  const before = flash.logSize();
  for (let call = 0; call < calls; call++) {
    for (const name of ["ScreenPop", "CallEstablished", "CallReleased"] as const) {
      const synced = flash.nextSync();
      const lastDial = { dialString: "", number: "", at: call, outcome: name };
      const desk = { ...newDesk("1001"), registration: { agent: "A", address: "10.0.0.7", port: 8080 }, lastDial };
      const event = { desk: "1001", agent: "A", event: crmEvent(crypto.randomUUID(), name), startNow: true };
      const [added] = store.commit({ desk, send: [event], discard: [] }, 1);
      store.settle(added?.id ?? 0, "delivered", "", 2);
      await synced;
    }
  }
  const bytes = (flash.logSize() - before) / (calls * 3);
  store.close();
  expect(flash.syncs).toBe(calls * 3);
  expect(bytes).toBeLessThan(12_000);
});
