/** A store of an older telesetd is migrated with its whole content, and an interrupted migration does no harm. */
import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { newCall } from "../../src/core/call.ts";
import { newDesk } from "../../src/core/desk.ts";
import { lookAtStore } from "../../src/store/inspect.ts";
import { migrate, schemaDigest, schemaVersion } from "../../src/store/migrations.ts";
import { digestOfSchema } from "../../src/store/open.ts";
import { openStore } from "../../src/store/sqlite.ts";
import { ownFolder } from "../support/folder.ts";

const folder = ownFolder();
let made = 0;

/** The schemas of released versions, copied, never imported from src: never change them. */
const versions: readonly string[] = [
  `CREATE TABLE desks (extension TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
   CREATE TABLE events (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     desk TEXT NOT NULL, agent TEXT NOT NULL, event TEXT NOT NULL,
     created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
     reached INTEGER NOT NULL DEFAULT 0, on_the_way INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL,
     why TEXT, ending TEXT, ended INTEGER
   ) STRICT;
   CREATE INDEX events_waiting ON events (id) WHERE ending IS NULL;
   CREATE INDEX events_ended ON events (ended) WHERE ending IS NOT NULL;
   PRAGMA user_version = 1;`,
  `ALTER TABLE events ADD COLUMN name TEXT NOT NULL DEFAULT '';
   ALTER TABLE events ADD COLUMN call TEXT NOT NULL DEFAULT '';
   UPDATE events SET name = json_extract(event, '$.name'), call = json_extract(event, '$.call');
   CREATE INDEX events_given_up ON events (id) WHERE name = 'ScreenPop' AND ending = 'retired' AND reached = 0;
   CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, offset INTEGER NOT NULL) STRICT;
   INSERT INTO clock VALUES (1, 'boot-1', 123456);
   PRAGMA user_version = 2;`,
  `CREATE TABLE dials (
     id TEXT PRIMARY KEY, desk TEXT NOT NULL, agent TEXT NOT NULL, source TEXT NOT NULL,
     at INTEGER NOT NULL, dial_string TEXT NOT NULL, number TEXT, outcome TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dials_at ON dials (at);
   PRAGMA user_version = 3;`,
  `ALTER TABLE events ADD COLUMN address TEXT;
   ALTER TABLE events ADD COLUMN port INTEGER;
   UPDATE events SET address = '10.0.0.7', port = 8080 WHERE ending IS NULL;
   PRAGMA user_version = 4;`,
  `UPDATE desks SET state = json_remove(
     json_set(
       state,
       '$.recentlyEnded', json(coalesce(state -> '$.gone', '[]')),
       '$.calls', json((
         SELECT json_group_array(json(
           CASE WHEN call ->> '$.answerUntold'
             THEN json_set(json_remove(call, '$.answerUntold'), '$.answerUnreported', json('true')) ELSE call END
         )) FROM (
           SELECT CASE WHEN coalesce(value ->> '$.follows.first', value ->> '$.id') = state ->> '$.dial.call'
             THEN json_set(value, '$.dial', json_remove(state -> '$.dial', '$.call')) ELSE value END AS call
           FROM json_each(state, '$.calls')
         )
       ))
     ),
     '$.dial', '$.gone'
   );
   ALTER TABLE events RENAME COLUMN ending TO settlement;
   DROP INDEX events_given_up;
   UPDATE events SET settlement = CASE settlement WHEN 'told' THEN 'delivered' ELSE 'discarded' END WHERE settlement IS NOT NULL;
   CREATE INDEX events_discarded_pops ON events (id) WHERE name = 'ScreenPop' AND settlement = 'discarded' AND reached = 0;
   PRAGMA user_version = 5;`,
];

const home = { address: "10.0.0.7", port: 8080 };
const registration = { agent: "A", ...home };
const { to: _, ...begun } = newCall("c1", "called", registration, 7);
const call = { ...begun, legs: ["c1"], popped: true };
const { recentlyEnded: __, ...before } = newDesk("1001");
const oldDesk = { ...before, registration, calls: [call], dial: null, gone: ["L0"] };
const desk = { ...before, registration, calls: [{ ...call, to: home }], recentlyEnded: ["L0"] };
const pop = { name: "ScreenPop", call: "c1", ani: "14155550123", dnis: "1001", data: { CustomerID: "C-1" } };
const given = { name: "ScreenPop", call: "c2", ani: "", dnis: "1001", data: {} };
const released = { name: "CallReleased", call: "c2" };

/** A store of that version: a desk with a call, and a delivered, a discarded and a waiting event. */
function old(version: number, state: object = oldDesk): string {
  const path = join(folder, `${++made}.db`);
  const db = new Database(path);
  db.run("PRAGMA journal_mode = WAL");
  const [first = "", ...rest] = versions.slice(0, version);
  db.run(first);
  db.query("INSERT INTO desks VALUES ('1001', ?1)").run(JSON.stringify(state));
  const insert = db.query(
    `INSERT INTO events (desk, agent, event, created, attempts, refusals, reached, on_the_way, next, why, ending, ended)
     VALUES ('1001', 'A', ?1, ?2, ?3, 0, 0, ?4, ?2, ?5, ?6, ?7)`,
  );
  insert.run(JSON.stringify(pop), 1000, 1, 0, "", "told", 1010);
  insert.run(JSON.stringify(given), 2000, 4, 0, "too old after 120 s", "retired", 122_000);
  insert.run(JSON.stringify(released), 3000, 2, 1, null, null, null);
  for (const sql of rest) db.run(sql);
  db.close();
  return path;
}

function versionOf(path: string): number {
  const db = new Database(path);
  const { user_version: version } = db.query("PRAGMA user_version").get() as { user_version: number };
  db.close();
  return version;
}

/** Checks that the whole content is present and usable. */
function holdsAll(path: string, version: number): void {
  const store = openStore(path);
  // An older telesetd sent everything to the registered agent.
  expect(store.desks()).toEqual([desk]);
  expect(store.waiting()).toEqual([
    {
      id: 3,
      desk: "1001",
      agent: "A",
      to: home,
      event: released as never,
      created: 3000,
      attempts: 2,
      refusals: 0,
      reached: true,
      next: 3000,
    },
  ]);
  expect(store.suppressedCalls()).toEqual([{ desk: "1001", call: "c2" }]);
  expect(store.get(1)).toMatchObject({ event: pop, settlement: "delivered", ended: 1010, attempts: 1 });
  expect(store.get(2)).toMatchObject({ event: given, settlement: "discarded", why: "too old after 120 s" });
  expect(store.clock()).toEqual(version < 2 ? { last: 122_000 } : { last: 122_000, mark: { boot: "boot-1", offset: 123456 } });
  expect(store.retry(2, 5000)?.event.call).toBe("c2");
  const change = {
    desk,
    send: [{ desk: "1001", agent: "A", event: { name: "CallReleased", call: "c9" } as const }],
    discard: [],
  };
  expect(store.commit(change, 6000)).toMatchObject([{ id: 4 }]);
  store.close();
  expect(versionOf(path)).toBe(schemaVersion);
}

test("every older version is tested", () => {
  expect(versions).toHaveLength(schemaVersion - 1);
});

describe.each(versions.map((_, index) => index + 1))("a store of version %d", (version) => {
  test("is migrated with its whole content", () => {
    holdsAll(old(version), version);
  });

  test("can be inspected without migrating it", () => {
    const { events, waiting, desks } = lookAtStore(old(version));
    expect(events.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "CallReleased waiting",
      "ScreenPop discarded",
      "ScreenPop delivered",
    ]);
    expect({ waiting, desks: desks.map(({ extension }) => extension) }).toEqual({ waiting: 1, desks: ["1001"] });
  });

  test("stays unchanged if a step is interrupted before its commit, and is migrated the next time", () => {
    for (let step = version + 1; step <= schemaVersion; step++) {
      const path = old(version);
      const db = new Database(path);
      let at = version;
      // As in a power cut: the step has run, its commit has not.
      const cut = (work: () => void) =>
        db.transaction(() => {
          work();
          if (++at === step) throw new Error("cut");
        })();
      expect(() => migrate((sql) => db.run(sql), cut, version)).toThrow("cut");
      db.close();
      expect(versionOf(path)).toBe(step - 1);
      holdsAll(path, version);
    }
  });

  test("opens if its migration is interrupted at any moment: copies of file and log between all commands", () => {
    const path = old(version);
    const db = new Database(path);
    // Every page is written to the log at once, so that the copies contain partial steps.
    db.run("PRAGMA cache_size = 1");
    const copies: string[] = [];
    const copy = () => {
      const to = join(folder, `${++made}.db`);
      for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${to}${suffix}`);
      copies.push(to);
    };
    const run = (sql: string) => {
      for (const command of sql.split(";").filter((part) => part.trim() !== "")) {
        db.run(command);
        copy();
      }
    };
    migrate(run, (work) => db.transaction(work)(), version);
    db.close();
    expect(copies.length).toBeGreaterThan(1);
    for (const copy of copies) holdsAll(copy, version);
  });
});

describe("a desk that was dialling when version 4 was stopped", () => {
  const dial = { dialString: "9415", number: "9415", agent: "A", from: "10.0.0.7", since: 8, settled: false, lifted: false };
  const dialled = { ...begun, id: "m1", origin: "makecall", legs: ["L1"] };
  const dialling = { ...oldDesk, calls: [call, dialled], dial: { ...dial, call: "m1", waiting: ["m1"] } };
  const unsure = { ...dial, waiting: [], settled: true, answer: { ok: true }, unsure: "telesetd was restarted" };

  test("keeps its dial, which may never be settled", () => {
    const store = openStore(old(4, dialling));
    expect(store.desks()).toEqual([
      { ...desk, calls: [{ ...call, to: home }, { ...dialled, to: home, dial: unsure }] } as never,
    ]);
    store.close();
  });

  test("keeps its dial even if the party has changed since", () => {
    const followed = { ...dialled, id: "m1-2", follows: { first: "m1", calls: 2 } };
    const store = openStore(old(4, { ...dialling, calls: [followed] }));
    expect(store.desks()[0]?.calls).toMatchObject([{ id: "m1-2", dial: { number: "9415", since: 8 } }]);
    store.close();
  });

  test("still knows that its switch does not report answers", () => {
    const store = openStore(old(4, { ...oldDesk, calls: [{ ...dialled, answerUntold: true }] }));
    expect(store.desks()[0]?.calls).toEqual([{ ...dialled, to: home, answerUnreported: true } as never]);
    store.close();
  });
});

test("a new store has the current version, and opening it again changes nothing", () => {
  const path = join(folder, "new.db");
  openStore(path).close();
  expect(versionOf(path)).toBe(schemaVersion);
  openStore(path).close();
  expect(versionOf(path)).toBe(schemaVersion);
});

test("schemaDigest is the digest of a new store: a new version has a new one", () => {
  const db = new Database(":memory:");
  migrate((sql) => db.run(sql), (work) => db.transaction(work)(), 0);
  expect(digestOfSchema(db)).toBe(schemaDigest);
});
