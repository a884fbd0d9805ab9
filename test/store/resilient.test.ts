/** The store on a bad disk: damaged at random, full, read-only, gone, of a newer telesetd. It never throws, and says what is wrong. */
import { afterAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newCall } from "../../src/core/call.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import { openLog } from "../../src/log/log.ts";
import { openSafeStore, type SafeStore } from "../../src/store/resilient.ts";
import { schemaVersion } from "../../src/store/migrations.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { noMount, SmallDisk } from "../support/mounts.ts";
import { type CallEventName, crmEvent } from "../support/faults/office.ts";
import { Random } from "../support/faults/random.ts";

const folder = mkdtempSync(join(tmpdir(), "telesetd-safe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;
const place = () => join(folder, String(++made), "telesetd.db");

/** A desk with a popped call. */
function desk(call: string): Desk {
  const registration = { agent: "A", address: "10.0.0.7", port: 8080 };
  return {
    ...newDesk("1001"),
    registration,
    calls: [{ ...newCall(call, "called", registration, 1), legs: [call], popped: true }],
  };
}

function change(call: string, name: CallEventName = "ScreenPop") {
  const event = crmEvent(call, name);
  return { desk: desk(call), send: [{ desk: "1001", agent: "A", event }], discard: [] };
}

interface Opened {
  readonly store: SafeStore;
  readonly log: string[];
  /** Resolves when the log has this. */
  says(text: string): Promise<void>;
}

function open(path: string, again = 20): Opened {
  const log: string[] = [];
  let wake = Promise.withResolvers<void>();
  const put = (line: string) => {
    log.push(line);
    wake.resolve();
  };
  const says = async (text: string) => {
    while (!log.some((line) => line.includes(text))) {
      wake = Promise.withResolvers();
      await wake.promise;
    }
  };
  return { store: openSafeStore(path, openLog(put, "info", false), again), log, says };
}

/** Puts a store there with a call that was popped, whose end waits. */
function fill(path: string): void {
  const store = openStore(path);
  for (let call = 1; call <= 8; call++) {
    const [event] = store.commit(change(`old${call}`), call);
    store.end(event?.id ?? 0, "delivered", "", call);
  }
  store.commit(change("c1", "CallReleased"), 9);
  store.close();
}

/** What every store that works can do, after it was opened again too. */
function works(path: string, { store }: Opened): void {
  const [event] = store.commit(change("new"), 100);
  expect(event?.id).toBeGreaterThan(0);
  expect(store.trouble).toBeUndefined();
  store.close();
  const again = openStore(path);
  expect(again.waiting().map(({ event }) => event.call)).toContain("new");
  // A flipped bit in a row's own text is no damage that anything could see: there may be a desk of another name beside it.
  expect(again.desks().filter(({ extension }) => extension === "1001").at(-1)?.calls[0]?.id).toBe("new");
  again.close();
}

describe("damaged", () => {
  test("no database at all: it is set aside, and a new one works", () => {
    const path = place();
    mkdirSync(join(path, ".."));
    writeFileSync(path, "this is a letter to my aunt, and longer than the head of a database ".repeat(40));
    const opened = open(path);
    const aside = readdirSync(join(path, "..")).find((name) => name.includes(".damaged-"));
    expect(readFileSync(join(path, "..", aside ?? ""), "utf8")).toStartWith("this is a letter");
    expect(opened.log.join("\n")).toContain("The store is damaged: it is set aside, and a new one begun");
    works(path, opened);
  });

  test("an empty file is as good as none", () => {
    const path = place();
    mkdirSync(join(path, ".."));
    writeFileSync(path, "");
    works(path, open(path));
    expect(readdirSync(join(path, "..")).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("a desk that is no JSON: it is set aside", () => {
    const path = place();
    fill(path);
    const db = new Database(path);
    db.run("UPDATE desks SET state = '{'");
    db.close();
    const opened = open(path);
    expect(opened.log.join("\n")).toContain("set aside");
    works(path, opened);
  });

  /** user_version is at 60, the version that a writer needs at 18 (file format of SQLite, section 1.3). */
  test.each([
    ["a version below zero", 60, 0xff],
    ["the version of none", 63, 0],
    ["the version before", 63, schemaVersion - 1],
    ["that no SQLite can write it", 18, 0x42],
  ])("a head that says %s: it is set aside, and a new one works", (_, at, byte) => {
    const path = place();
    fill(path);
    const bytes = readFileSync(path);
    bytes[at] = byte;
    writeFileSync(path, bytes);
    const opened = open(path);
    const id = opened.store.commit(change("c3"), 99)[0]?.id;
    expect(opened.log.join("\n")).toContain("set aside");
    expect(id).toBeLessThan(1000);
    works(path, opened);
  });

  test.each([
    ["a column's name", "refusals INTEGER", "refusalc INTEGER"],
    ["a column's type", "attempts INTEGER", "attempts INTEGEB"],
    [
      "a column's default, by which the next event is refused",
      "refusals INTEGER NOT NULL DEFAULT 0",
      "refusals INTEGER NOT NULL DEFAULT p",
    ],
    ["an index's condition", "WHERE settlement IS NULL", "WHERE settlemenu IS NULL"],
  ])("%s that is another: it is set aside, and a new one works", (_, text, damaged) => {
    const path = place();
    fill(path);
    const bytes = readFileSync(path);
    // Pages that were split keep the text as it was: what is read stands in any of them.
    let found = bytes.indexOf(text);
    expect(found).toBeGreaterThan(0);
    for (; found >= 0; found = bytes.indexOf(text, found + 1)) bytes.write(damaged, found);
    writeFileSync(path, bytes);
    const opened = open(path);
    expect(opened.log.join("\n")).toContain("set aside");
    works(path, opened);
  });

  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
  const places: readonly (readonly [string, (size: number) => readonly [number, number], string])[] = [
    ["the head", () => [0, 100], ""],
    ["the first page", () => [100, 1024], ""],
    ["any page", (size) => [1024, size], ""],
    ["the write-ahead log's head", () => [0, 32], "-wal"],
    ["the write-ahead log", (size) => [32, size], "-wal"],
  ];
  test.each(places)(
    `bits of %s flipped at random, 60 times: it opens, or is set aside; nothing throws, and it works after (SEED=${seed})`,
    (_, within, suffix) => {
      const random = new Random(seed);
      const good = place();
      fill(good);
      const live = openStore(good);
      live.commit(change("c2"), 40);
      for (let round = 0; round < 60; round++) {
        const path = place();
        mkdirSync(join(path, ".."));
        for (const part of ["", "-wal"]) copyFileSync(`${good}${part}`, `${path}${part}`);
        const bytes = readFileSync(`${path}${suffix}`);
        const [from, to] = within(bytes.length);
        for (let flips = random.whole(1, 4); flips > 0; flips--) {
          const at = random.whole(from, to);
          bytes[at] = (bytes[at] ?? 0) ^ (1 << random.whole(0, 8));
        }
        writeFileSync(`${path}${suffix}`, bytes);
        const opened = open(path);
        // A flipped version may say that it is a newer telesetd's: then it is refused, and memory serves.
        if (opened.store.trouble?.includes("newer telesetd")) {
          expect(opened.store.commit(change("new"), 100)).toHaveLength(1);
          opened.store.close();
        } else works(path, opened);
      }
      live.close();
    },
    60_000,
  );

  test("while it is in use: it is set aside; desks and what waits stand in the new one, under the same ids", () => {
    const path = place();
    fill(path);
    const { store, log } = open(path);
    const [waiting] = store.waiting();
    const [second] = store.commit(change("c2"), 50);
    // Under SQLite's hands: all pages into the file, a write by which they must be read anew, and then garbage over them.
    const db = new Database(path);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.run("PRAGMA application_id = 7");
    const file = openSync(path, "r+");
    writeSync(file, new Uint8Array(readFileSync(path).length - 1024).fill(0xa5), 0, undefined, 1024);
    closeSync(file);
    db.close();
    const [third] = store.commit(change("c3"), 51);
    expect(log.join("\n")).toContain("set aside");
    expect(store.trouble).toBeUndefined();
    store.end(second?.id ?? 0, "delivered", "", 52);
    store.close();
    const again = openStore(path);
    expect(again.waiting().map(({ id, event }) => `${id} ${event.call}`)).toEqual([`${waiting?.id} c1`, `${third?.id} c3`]);
    expect(new Set([waiting?.id, second?.id, third?.id]).size).toBe(3);
    expect(again.desks()[0]?.calls[0]?.id).toBe("c3");
    again.close();
  });
});

test("of a newer telesetd: it is refused by name, the daemon goes on from memory, and no byte of it changes", () => {
  const path = place();
  fill(path);
  const live = openStore(path);
  const db = new Database(path);
  db.run(`PRAGMA user_version = ${schemaVersion + 1}`);
  const bytes = () => ["", "-wal"].map((suffix) => readFileSync(`${path}${suffix}`));
  const copy = place();
  mkdirSync(join(copy, ".."));
  for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`);
  const before = bytes();
  db.close();
  live.close();
  const { store } = open(copy);
  expect(store.trouble).toBe(
    `the store ${copy} is of a newer telesetd (version ${
      schemaVersion + 1
    }, this one knows ${schemaVersion}): install that one again`,
  );
  expect(store.commit(change("c9"), 60)).toHaveLength(1);
  expect(store.list(false, 10).map(({ event }) => event.call)).toEqual(["c9"]);
  store.close();
  expect(["", "-wal"].map((suffix) => readFileSync(`${copy}${suffix}`))).toEqual(before);
});

describe("gone", () => {
  test("a folder that cannot be made: memory serves, and when it can be made, what is true then is written", async () => {
    const path = place();
    writeFileSync(join(path, ".."), "a file where the folder should be");
    const { store, says } = open(path);
    expect(store.trouble).toContain(`cannot open the store ${path}: `);
    store.commit(change("c1"), 1);
    const [event] = store.commit(change("c2"), 2);
    store.end(event?.id ?? 0, "delivered", "", 3);
    rmSync(join(path, ".."));
    await says("The store works again");
    expect(store.trouble).toBeUndefined();
    store.close();
    const again = openStore(path);
    expect(again.waiting().map(({ event }) => event.call)).toEqual(["c1"]);
    expect(again.list(true, 10).map(({ event, settlement }) => `${event.call} ${settlement ?? "waits"}`)).toEqual([
      "c2 delivered",
      "c1 waits",
    ]);
    expect(again.desks()[0]?.calls[0]?.id).toBe("c2");
    again.close();
  });

  test("a folder in place of the file is said in words, and nothing is thrown", () => {
    const path = place();
    mkdirSync(path, { recursive: true });
    const { store } = open(path);
    expect(store.trouble).toStartWith(`cannot open the store ${path}: the `);
    expect(store.commit(change("c1"), 1)).toHaveLength(1);
    store.close();
    expect(existsSync(path)).toBe(true);
  });
});

describe.skipIf(noMount !== "")(`on a small disk${noMount}`, () => {
  function onDisk(play: (path: string, disk: SmallDisk) => Promise<void> | void): () => Promise<void> {
    return async () => {
      const disk = SmallDisk.mount("256k");
      if (!disk) throw new Error("Cannot mount");
      try {
        await play(join(disk.path, "telesetd.db"), disk);
      } finally {
        disk.undo();
      }
    };
  }

  test(
    "read-only at the start: what stood in the file is known, events go on in memory, and all is written when it can be",
    onDisk(async (path, disk) => {
      fill(path);
      disk.readOnly(true);
      const { store, says } = open(path);
      expect(store.trouble).toContain("cannot open the store");
      expect(store.desks()[0]?.calls[0]?.id).toBe("c1");
      expect(store.waiting().map(({ event }) => `${event.name} ${event.call}`)).toEqual(["CallReleased c1"]);
      const [event] = store.commit(change("c2"), 70);
      store.end(store.waiting()[0]?.id ?? 0, "delivered", "", 71);
      disk.readOnly(false);
      await says("The store works again");
      store.close();
      const again = openStore(path);
      expect(again.waiting().map(({ id, event }) => `${id} ${event.call}`)).toEqual([`${event?.id} c2`]);
      again.close();
    }),
  );

  test(
    "full while it is in use: the trouble is named once, reading does not hide it, and all is written when there is room",
    onDisk(async (path, disk) => {
      fill(path);
      const { store, log, says } = open(path);
      disk.fill();
      const added = Array.from({ length: 40 }, (_, call) => store.commit(change(`f${call}`), 80 + call)).flat();
      expect(store.trouble).toBe(`cannot write the store ${path}: the disk is full`);
      expect(new Set(added.map(({ id }) => id)).size).toBe(40);
      // Lists show what is true, not what stands in the file; and to look is not to heal.
      expect(store.list(false, 100).map(({ event }) => event.call)).toEqual([
        ...added.map(({ event }) => event.call).reverse(),
        "c1",
      ]);
      expect(store.trouble).toBeDefined();
      const [first, second] = added;
      store.end(first?.id ?? 0, "delivered", "", 130);
      const [old] = store.list(false, 100).filter(({ event }) => event.call === "c1");
      store.end(old?.id ?? 0, "delivered", "", 130);
      expect(store.list(false, 100).map(({ event }) => event.call)).not.toContain("c1");
      if (second) store.update({ ...second, attempts: 3, next: 500.5, why: "no answer" }, false);
      store.setClock({ boot: "b0071e57", offset: 4711 });
      expect(log.filter((line) => line.includes("The store is lost"))).toHaveLength(1);
      disk.makeRoom();
      await says("The store works again");
      store.close();
      const again = openStore(path);
      expect(again.waiting().map(({ event }) => event.call)).toEqual(added.slice(1).map(({ event }) => event.call));
      expect(again.get(second?.id ?? 0)).toMatchObject({ attempts: 3, next: 501, why: "no answer" });
      expect(again.get(first?.id ?? 0)).toMatchObject({ settlement: "delivered", ended: 130 });
      expect(again.clock().mark).toEqual({ boot: "b0071e57", offset: 4711 });
      again.close();
    }),
  );

  test(
    "full at the start, with a file and without: memory serves, nothing throws",
    onDisk((path, disk) => {
      fill(path);
      disk.fill();
      const { store } = open(path);
      expect(store.waiting().map(({ event }) => event.call)).toEqual(["c1"]);
      // The ids go on from those in the file.
      expect(store.commit(change("c2"), 90)).toMatchObject([{ id: 10 }]);
      expect(store.trouble).toBeDefined();
      store.close();
      const other = open(join(disk.path, "other.db")).store;
      expect(other.commit(change("c2"), 90)).toHaveLength(1);
      expect(other.trouble).toBeDefined();
      other.close();
    }),
  );

  test(
    "the daemon's last chance: what was told from memory is written when it is stopped",
    onDisk((path, disk) => {
      fill(path);
      const { store } = open(path, 3_600_000);
      disk.fill();
      for (let call = 0; call < 40; call++) store.commit(change(`f${call}`), 80 + call);
      expect(store.trouble).toBeDefined();
      disk.makeRoom();
      store.close();
      const again = openStore(path);
      expect(again.waiting()).toHaveLength(41);
      again.close();
    }),
  );
});
