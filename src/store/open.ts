/** The store's file: made, brought up to date, and looked over before anybody works with it. */
import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { migrate, schemaQuery, schemaVersion } from "./migrations.ts";

/**
 * Opens it, making it when it is not there and bringing it up to date when it is older.
 * @throws Error in words when it cannot be opened; NewerStore when it is a newer telesetd's.
 */
export function openFile(path: string): Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) refuseNewer(path);
  const db = new Database(path, { create: true, strict: true });
  try {
    prepare(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A store of a newer telesetd: it is not touched. */
export class NewerStore extends Error {}

/** Looks before anything is written: even to open a file for writing may change it. */
function refuseNewer(path: string): void {
  const db = new Database(path, { readonly: true });
  try {
    const { user_version: found } = db.query("PRAGMA user_version").get() as { user_version: number };
    if (found > schemaVersion) {
      throw new NewerStore(
        `the store ${path} is of a newer telesetd (version ${found}, this one knows ${schemaVersion}): install that one again`,
      );
    }
    if (found < 0) throw new Error(`the store ${path} is damaged: it says that its version is ${found}`);
  } finally {
    db.close();
  }
}

function prepare(db: Database, path: string): void {
  // Small pages: an event changes a few hundred bytes, and the flash is written by the page.
  db.run("PRAGMA page_size = 1024");
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  db.run("PRAGMA wal_autocheckpoint = 2000");
  // Of a file of some megabytes only the last events are looked at; the rest need not stand in memory (2 MB by default).
  db.run("PRAGMA cache_size = -256");
  chmodSync(path, 0o600);
  const { user_version: found } = db.query("PRAGMA user_version").get() as { user_version: number };
  bringUpToDate(db, found);
  if (schemaOf(db) !== schemaWanted()) throw new Error(`the store ${path} is damaged: its tables are not those of its version`);
  const { quick_check } = db.query("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (quick_check !== "ok") throw new Error(`the store ${path} is damaged: ${quick_check}`);
}

function bringUpToDate(db: Database, found: number): void {
  migrate((sql) => db.run(sql), (work) => db.transaction(work)(), found);
}

function schemaOf(db: Database): string {
  return JSON.stringify(db.query(schemaQuery).all());
}

/**
 * The schema as a new store has it. SQLite believes the text in the file, where a flipped bit gives a column another name,
 * type or default: the first write that meets it fails, or puts down what nobody can read.
 */
function schemaWanted(): string {
  const db = new Database(":memory:");
  try {
    bringUpToDate(db, 0);
    return schemaOf(db);
  } finally {
    db.close();
  }
}
