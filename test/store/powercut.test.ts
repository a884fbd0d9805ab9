/** The power fails while the store is being written: what stands on the flash opens cleanly and holds a prefix of what was done. */
import { afterAll, afterEach, beforeEach, expect, jest, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newDesk } from "../../src/core/desk.ts";
import { type FileStore, openStore } from "../../src/store/sqlite.ts";
import { Flash } from "../support/flash.ts";
import { crmEvent } from "../support/faults/office.ts";
import { Random } from "../support/faults/random.ts";
import type { OutboxEvent } from "../../src/outbox/record.ts";

// In memory, where a sync takes no time: what is measured is when the store asks for it, not how fast this machine's disk is.
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "telesetd-power-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

/** One thing done to the store, one transaction; its number stands in what it writes. */
type Deed = { readonly kind: "tell" | "try" | "tell the end"; readonly id: number };

/** Does things to a store at random, and knows what must stand in it after each. */
class History {
  readonly deeds: Deed[] = [];
  readonly #waiting: OutboxEvent[] = [];

  constructor(readonly store: FileStore, readonly random: Random) {}

  /** The number of the last thing done. */
  get now(): number {
    return this.deeds.length;
  }

  act(): void {
    const number = this.deeds.length + 1;
    const at = this.random.whole(0, this.#waiting.length);
    const event = this.#waiting[at];
    const kind = this.#waiting.length > 40 ? 0.9 : this.random.next();
    if (event === undefined || kind < 0.4) {
      const desk = { ...newDesk("1001"), lastDial: { dialString: "", number: "", at: number, outcome: "" } };
      const send = [{ desk: "1001", agent: "A", event: crmEvent(`c${number}`, "ScreenPop") }];
      this.#waiting.push(...this.store.commit({ desk, send, discard: [] }, number));
      this.deeds.push({ kind: "tell", id: this.#waiting.at(-1)?.id ?? 0 });
    } else if (kind < 0.7) {
      this.store.update({ ...event, attempts: number, why: `deed ${number}` }, true);
      this.deeds.push({ kind: "try", id: event.id });
    } else {
      this.#waiting.splice(at, 1);
      this.store.end(event.id, "delivered", `deed ${number}`, number);
      this.deeds.push({ kind: "tell the end", id: event.id });
    }
  }

  /** What must stand in the store after so many deeds: of the desk its last, of each event what was done to it. */
  after(count: number): string[] {
    const events = new Map<number, string>();
    let desk = 0;
    this.deeds.slice(0, count).forEach(({ kind, id }, index) => {
      if (kind === "tell") desk = index + 1;
      events.set(
        id,
        kind === "tell" ? `${id} told at ${index + 1}` : `${id} deed ${index + 1}${kind === "try" ? "" : " delivered"}`,
      );
    });
    return [`desk ${desk}`, ...[...events].sort(([one], [other]) => one - other).map(([, text]) => text)];
  }
}

/** What stands in a store, in the words of `History.after`, and the number of the last thing that was done to it. */
function look(path: string): { readonly holds: string[]; readonly last: number } {
  const store = openStore(path);
  const events = store.list(true, 100_000).reverse();
  const desk = store.desks()[0]?.lastDial?.at ?? 0;
  store.close();
  const deeds = events.map(({ why, created }) => Number(why?.slice("deed ".length) ?? created));
  const holds = events.map(({ id, why, created, settlement }) =>
    `${id} ${why ?? `told at ${created}`}${settlement ? ` ${settlement}` : ""}`
  );
  return { holds: [`desk ${desk}`, ...holds], last: Math.max(desk, 0, ...deeds) };
}

let flash: Flash;
let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(folder, "box-")), "telesetd.db");
  flash = new Flash(path);
});
afterEach(() => void jest.useRealTimers());
afterEach(() => flash.undo());

/** Lets timers and syncs have their turn. */
const turn = () => new Promise<void>((done) => setTimeout(done, 0));

test(`cut at 100 random moments: it opens, holds a prefix, and all that was synced (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const store = openStore(path);
  const history = new History(store, random);
  const lost: number[] = [];
  let cuts = 0;
  await flash.begin();
  while (cuts < 100) {
    history.act();
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
  // It was no easy time: most cuts lost something, the log was checkpointed and begun anew.
  expect(lost.filter((count) => count > 0).length).toBeGreaterThan(30);
  expect(flash.checkpoints).toBeGreaterThan(3);
}, 60_000);

test(`cut in the middle of a checkpoint: nothing is lost at all, because the log was synced before (SEED=${seed})`, async () => {
  const random = new Random(seed);
  const store = openStore(path);
  const history = new History(store, random);
  await flash.begin();
  for (let cuts = 0; cuts < 10;) {
    history.act();
    const before = flash.checkpoints;
    flash.did(history.now);
    if (random.next() < 0.1) await turn();
    if (flash.checkpoints === before) continue;
    const copy = join(folder, `checkpoint-${++cuts}.db`);
    flash.cutInCheckpoint(copy, random);
    expect(look(copy).holds).toEqual(history.after(history.now));
  }
  store.close();
}, 60_000);

test("what is written is synced within 100 ms, once for all that comes meanwhile", async () => {
  const store = openStore(path);
  const history = new History(store, new Random(seed));
  await flash.begin();
  jest.useFakeTimers();
  for (let round = 0; round < 9; round++) {
    const synced = flash.nextSync();
    history.act();
    flash.did(history.now);
    await new Promise((resolve) => setImmediate(resolve));
    for (let more = 0; more < 5; more++) {
      history.act();
      flash.did(history.now);
    }
    jest.advanceTimersByTime(100);
    await synced;
    expect(flash.durable).toBe(history.now);
  }
  store.close();
  expect(flash.syncs).toBe(9);
});

test("an event costs at most 12 kB of the log and one sync: commit, attempt and result together", async () => {
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
      const [told] = store.commit({ desk, send: [event], discard: [] }, 1);
      store.end(told?.id ?? 0, "delivered", "", 2);
      await synced;
    }
  }
  const bytes = (flash.logSize() - before) / (calls * 3);
  store.close();
  expect(flash.syncs).toBe(calls * 3);
  expect(bytes).toBeLessThan(12_000);
});
