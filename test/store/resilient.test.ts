/** The store on a bad disk: damaged at random, full, read-only, missing, or from a newer telesetd. It never throws. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
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
import { ownFolder } from "../support/folder.ts";

setDefaultTimeout(60_000);

const folder = ownFolder();
let made = 0;
const place = () => join(folder, String(++made), "telesetd.db");

/** A desk with a call whose ScreenPop was sent. */
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
  /** Resolves when the log contains this text. */
  logged(text: string): Promise<void>;
}

function open(path: string, again = 20): Opened {
  const log: string[] = [];
  let wake = Promise.withResolvers<void>();
  const put = (line: string) => {
    log.push(line);
    wake.resolve();
  };
  const logged = async (text: string) => {
    while (!log.some((line) => line.includes(text))) {
      wake = Promise.withResolvers();
      await wake.promise;
    }
  };
  return { store: openSafeStore(path, openLog(put, "info", false), again), log, logged };
}

/** Creates a store with a call whose ScreenPop was sent, and whose CallReleased is waiting. */
function fill(path: string): void {
  const store = openStore(path);
  for (let call = 1; call <= 8; call++) {
    const [event] = store.commit(change(`old${call}`), call);
    store.settle(event?.id ?? 0, "delivered", "", call);
  }
  store.commit(change("c1", "CallReleased"), 9);
  store.close();
}

/** Checks that a store works, also after it was opened again. */
function works(path: string, { store }: Opened): void {
  const [event] = store.commit(change("new"), 100);
  expect(event?.id).toBeGreaterThan(0);
  expect(store.trouble).toBeUndefined();
  store.close();
  const again = openStore(path);
  expect(again.waiting().map(({ event }) => event.call)).toContain("new");
  // A flipped bit in the text of a row cannot be detected: there may be an additional desk with another name.
  expect(again.desks().filter(({ extension }) => extension === "1001").at(-1)?.calls[0]?.id).toBe("new");
  again.close();
}

describe("damaged", () => {
  test("not a database: it is renamed, and a new one works", () => {
    const path = place();
    mkdirSync(join(path, ".."));
    writeFileSync(path, "this is a letter to my aunt, and longer than the head of a database ".repeat(40));
    const opened = open(path);
    const aside = readdirSync(join(path, "..")).find((name) => name.includes(".damaged-"));
    expect(readFileSync(join(path, "..", aside ?? ""), "utf8")).toStartWith("this is a letter");
    expect(opened.log.join("\n")).toContain("The store is damaged: it was renamed, and a new one created");
    works(path, opened);
  });

  test("an empty file is treated as missing", () => {
    const path = place();
    mkdirSync(join(path, ".."));
    writeFileSync(path, "");
    works(path, open(path));
    expect(readdirSync(join(path, "..")).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("a desk that is not JSON: the store is renamed", () => {
    const path = place();
    fill(path);
    const db = new Database(path);
    db.run("UPDATE desks SET state = '{'");
    db.close();
    const opened = open(path);
    expect(opened.log.join("\n")).toContain("it was renamed");
    works(path, opened);
  });

  /** Offset 60: user_version; offset 18: file format write version (SQLite file format, section 1.3). */
  test.each([
    ["a negative version", 60, 0xff],
    ["version 0", 63, 0],
    ["the previous version", 63, schemaVersion - 1],
    ["an unknown write version", 18, 0x42],
  ])("a header with %s: it is renamed, and a new one works", (_, at, byte) => {
    const path = place();
    fill(path);
    const bytes = readFileSync(path);
    bytes[at] = byte;
    writeFileSync(path, bytes);
    const opened = open(path);
    const id = opened.store.commit(change("c3"), 99)[0]?.id;
    expect(opened.log.join("\n")).toContain("it was renamed");
    expect(id).toBeLessThan(1000);
    works(path, opened);
  });

  test.each([
    ["a column's name", "refusals INTEGER", "refusalc INTEGER"],
    ["a column's type", "attempts INTEGER", "attempts INTEGEB"],
    [
      "a column's default, which breaks the next event",
      "refusals INTEGER NOT NULL DEFAULT 0",
      "refusals INTEGER NOT NULL DEFAULT p",
    ],
    ["an index's condition", "WHERE settlement IS NULL", "WHERE settlemenu IS NULL"],
  ])("%s is changed: it is renamed, and a new one works", (_, text, damaged) => {
    const path = place();
    fill(path);
    const bytes = readFileSync(path);
    // The old text remains in pages that were split, so every occurrence is changed.
    let found = bytes.indexOf(text);
    expect(found).toBeGreaterThan(0);
    for (; found >= 0; found = bytes.indexOf(text, found + 1)) bytes.write(damaged, found);
    writeFileSync(path, bytes);
    const opened = open(path);
    expect(opened.log.join("\n")).toContain("it was renamed");
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
    `bits of %s flipped at random, 60 times: it opens or is renamed; nothing throws, and it works afterwards (SEED=${seed})`,
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
        // A flipped version may be a newer one: then the store is refused, and memory is used.
        if (opened.store.trouble?.includes("newer telesetd")) {
          expect(opened.store.commit(change("new"), 100)).toHaveLength(1);
          opened.store.close();
        } else works(path, opened);
      }
      live.close();
    },
  );

  test("while in use: it is renamed; the new one has the desks and the waiting events, with the same ids", () => {
    const path = place();
    fill(path);
    const { store, log } = open(path);
    const [waiting] = store.waiting();
    const [second] = store.commit(change("c2"), 50);
    // Checkpoints all pages into the file, makes SQLite drop its cache with a write, and overwrites the file with garbage.
    const db = new Database(path);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    db.run("PRAGMA application_id = 7");
    const file = openSync(path, "r+");
    writeSync(file, new Uint8Array(readFileSync(path).length - 1024).fill(0xa5), 0, undefined, 1024);
    closeSync(file);
    db.close();
    const [third] = store.commit(change("c3"), 51);
    expect(log.join("\n")).toContain("it was renamed");
    expect(store.trouble).toBeUndefined();
    store.settle(second?.id ?? 0, "delivered", "", 52);
    store.close();
    const again = openStore(path);
    expect(again.waiting().map(({ id, event }) => `${id} ${event.call}`)).toEqual([`${waiting?.id} c1`, `${third?.id} c3`]);
    expect(new Set([waiting?.id, second?.id, third?.id]).size).toBe(3);
    expect(again.desks()[0]?.calls[0]?.id).toBe("c3");
    again.close();
  });
});

test("from a newer telesetd: it is refused with a sentence, memory is used, and the file is not changed", () => {
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
    `the store ${copy} is from a newer telesetd (version ${
      schemaVersion + 1
    }; this one supports ${schemaVersion}): install the newer one`,
  );
  expect(store.commit(change("c9"), 60)).toHaveLength(1);
  expect(store.list(false, 10).map(({ event }) => event.call)).toEqual(["c9"]);
  store.close();
  expect(["", "-wal"].map((suffix) => readFileSync(`${copy}${suffix}`))).toEqual(before);
});

describe("missing", () => {
  test("a folder that cannot be created: memory is used; once it can be created, the current state is written", async () => {
    const path = place();
    writeFileSync(join(path, ".."), "a file where the folder should be");
    const { store, logged } = open(path);
    expect(store.trouble).toContain(`cannot open the store ${path}: `);
    store.commit(change("c1"), 1);
    const [event] = store.commit(change("c2"), 2);
    store.settle(event?.id ?? 0, "delivered", "", 3);
    rmSync(join(path, ".."));
    await logged("The store works again");
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

  test("a folder in place of the file is reported with a sentence, and nothing throws", () => {
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
    "read-only at the start: its content is read, events are kept in memory, and all is written once possible",
    onDisk(async (path, disk) => {
      fill(path);
      disk.readOnly(true);
      const { store, logged } = open(path);
      expect(store.trouble).toContain("cannot open the store");
      expect(store.desks()[0]?.calls[0]?.id).toBe("c1");
      expect(store.waiting().map(({ event }) => `${event.name} ${event.call}`)).toEqual(["CallReleased c1"]);
      const [event] = store.commit(change("c2"), 70);
      store.settle(store.waiting()[0]?.id ?? 0, "delivered", "", 71);
      disk.readOnly(false);
      await logged("The store works again");
      store.close();
      const again = openStore(path);
      expect(again.waiting().map(({ id, event }) => `${id} ${event.call}`)).toEqual([`${event?.id} c2`]);
      again.close();
    }),
  );

  test(
    "full while in use: the problem is logged once, reading does not clear it, and all is written once there is space",
    onDisk(async (path, disk) => {
      fill(path);
      const { store, log, logged } = open(path);
      disk.fill();
      const added = Array.from({ length: 40 }, (_, call) => store.commit(change(`f${call}`), 80 + call)).flat();
      expect(store.trouble).toBe(`cannot write the store ${path}: the disk is full`);
      expect(new Set(added.map(({ id }) => id)).size).toBe(40);
      // Lists show the current state, not the file's; and reading does not clear the trouble.
      expect(store.list(false, 100).map(({ event }) => event.call)).toEqual([
        ...added.map(({ event }) => event.call).reverse(),
        "c1",
      ]);
      expect(store.trouble).toBeDefined();
      const [first, second] = added;
      store.settle(first?.id ?? 0, "delivered", "", 130);
      const [old] = store.list(false, 100).filter(({ event }) => event.call === "c1");
      store.settle(old?.id ?? 0, "delivered", "", 130);
      expect(store.list(false, 100).map(({ event }) => event.call)).not.toContain("c1");
      if (second) store.update({ ...second, attempts: 3, next: 500.5, why: "no answer" }, false);
      store.setClock({ boot: "b0071e57", offset: 4711 });
      expect(log.filter((line) => line.includes("Store unavailable"))).toHaveLength(1);
      disk.makeRoom();
      await logged("The store works again");
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
    "full at the start, with and without a file: memory is used, nothing throws",
    onDisk((path, disk) => {
      fill(path);
      disk.fill();
      const { store } = open(path);
      expect(store.waiting().map(({ event }) => event.call)).toEqual(["c1"]);
      // The ids continue from those in the file.
      expect(store.commit(change("c2"), 90)).toMatchObject([{ id: 10 }]);
      expect(store.trouble).toBeDefined();
      store.close();
      const fresh = open(join(disk.path, "other.db")).store;
      expect(fresh.commit(change("c2"), 90)).toHaveLength(1);
      expect(fresh.trouble).toBeDefined();
      fresh.close();
    }),
  );

  test(
    "at the stop of the daemon: the state in memory is written",
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
