/** Opening the store's file: it is created, migrated and checked before use. */
import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { migrate, schemaDigest, schemaQuery, schemaVersion } from "./migrations.ts";

/**
 * Opens the file; creates it if missing, migrates it if older.
 * @throws Error with a sentence if it cannot be opened; NewerStore if it was written by a newer telesetd.
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

/** The store was written by a newer telesetd and is not changed. */
export class NewerStore extends Error {}

/** Checks read-only first: even opening a file for writing may change it. */
function refuseNewer(path: string): void {
  const db = new Database(path, { readonly: true });
  try {
    const { user_version: found } = db.query("PRAGMA user_version").get() as { user_version: number };
    if (found > schemaVersion) {
      throw new NewerStore(
        `the store ${path} is from a newer telesetd (version ${found}; this one supports ${schemaVersion}): install the newer one`,
      );
    }
    if (found < 0) throw new Error(`the store ${path} is damaged: its version is ${found}`);
  } finally {
    db.close();
  }
}

function prepare(db: Database, path: string): void {
  // Small pages: an event changes a few hundred bytes, and flash is written in pages.
  db.run("PRAGMA page_size = 1024");
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = NORMAL");
  // See `SqliteStore.tidy`; if events never pause, SQLite does it itself, at 10 MB.
  db.run("PRAGMA wal_autocheckpoint = 10000");
  // Only the latest events of a file of several megabytes are read, so a small cache suffices (default: 2 MB).
  db.run("PRAGMA cache_size = -256");
  chmodSync(path, 0o600);
  const { user_version: found } = db.query("PRAGMA user_version").get() as { user_version: number };
  migrate((sql) => db.run(sql), (work) => db.transaction(work)(), found);
  if (digestOfSchema(db) !== schemaDigest) throw new Error(`the store ${path} is damaged: its tables do not match its version`);
  const { quick_check } = db.query("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (quick_check !== "ok") throw new Error(`the store ${path} is damaged: ${quick_check}`);
}

/**
 * A digest of the schema. SQLite trusts the schema's text in the file, where a flipped bit can change a column's name, type or
 * default: a later write would fail or store unreadable data.
 */
export function digestOfSchema(db: Database): string {
  return createHash("sha256").update(JSON.stringify(db.query(schemaQuery).all())).digest("hex");
}
