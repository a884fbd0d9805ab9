/**
 * A flash that forgets what was not synced. It watches a store's files and produces what a power cut may leave:
 * - Synced is what was in the write-ahead log when the last finished fdatasync began (the store's own, every 80 ms), and
 *   everything at a checkpoint: with synchronous = NORMAL SQLite syncs the log before it copies pages into the database, and
 *   the database before the log restarts (wal.c, walCheckpoint).
 * - Of what was written since, any sector of 512 bytes may be new, old or garbage, and the file may be of any length
 *   in between. But bytes that were not being changed stay (powersafe overwrite), and the head of a log that
 *   restarts is synced before its first frame is written (wal.c, syncHeader).
 */
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Random } from "./faults/random.ts";

const sector = 512;
const page = 1024;
/** The log's head, in bytes. */
const head = 32;

interface Image {
  readonly db: Buffer;
  readonly log: Buffer;
  readonly deed: number;
}

type Prototype = { datasync(): Promise<void> };

export class Flash {
  readonly #path: string;
  /** What is safe. */
  #safe: Image = { db: Buffer.alloc(0), log: Buffer.alloc(0), deed: 0 };
  /** The database before the last checkpoint. */
  #before: Buffer = Buffer.alloc(0);
  #changed = 0n;
  #deed = 0;
  #undo: () => void = () => {};
  #waiters: (() => void)[] = [];
  syncs = 0;
  checkpoints = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** The number of the last thing that is safe. */
  get durable(): number {
    return this.#safe.deed;
  }

  /** Begins to watch, from a state that is safe. */
  async begin(): Promise<void> {
    this.#safe = this.#now();
    this.#changed = this.#changedAt();
    const handle = await open(`${this.#path}-wal`);
    const prototype = Object.getPrototypeOf(handle) as Prototype;
    await handle.close();
    const { datasync } = prototype;
    this.#undo = () => prototype.datasync = datasync;
    const began = () => this.#now();
    const ended = (image: Image) => this.#synced(image);
    prototype.datasync = async function (this: Prototype) {
      const image = began();
      await datasync.call(this);
      ended(image);
    };
  }

  /** Stops watching. */
  undo(): void {
    this.#undo();
  }

  /** Something was done to the store, one transaction. */
  did(deed: number): void {
    this.#deed = deed;
    const changed = this.#changedAt();
    if (changed === this.#changed) return;
    this.#changed = changed;
    this.checkpoints++;
    this.#before = this.#safe.db;
    this.#safe = this.#now();
  }

  /** Resolves when the next sync is over. */
  nextSync(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  logSize(): number {
    return statSync(`${this.#path}-wal`).size;
  }

  /** What a power cut now may leave. */
  cut(copy: string, random: Random): void {
    const { db, log } = this.#now();
    writeFileSync(copy, db);
    const length = random.whole(Math.min(this.#safe.log.length, log.length), log.length + 1);
    const left = mixed(this.#safe.log, log, random, ["old", "new", "garbage"]).subarray(0, length);
    log.copy(left, 0, 0, Math.min(head, left.length));
    writeFileSync(`${copy}-wal`, left);
  }

  /** What a power cut in the middle of the checkpoint that was just seen may leave. */
  cutInCheckpoint(copy: string, random: Random): void {
    copyFileSync(`${this.#path}-wal`, `${copy}-wal`);
    const after = this.#now().db;
    const length = random.whole(Math.floor(this.#before.length / page), Math.floor(after.length / page) + 1) * page;
    writeFileSync(copy, mixed(this.#before, after, random, ["old", "new"]).subarray(0, length));
  }

  #synced(image: Image): void {
    this.syncs++;
    // A checkpoint since this sync began has made more safe than it.
    if (image.deed >= this.#safe.deed) this.#safe = { ...image, db: this.#safe.db };
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  #now(): Image {
    return { db: readFileSync(this.#path), log: readFileSync(`${this.#path}-wal`), deed: this.#deed };
  }

  #changedAt(): bigint {
    return statSync(this.#path, { bigint: true }).mtimeNs;
  }
}

/** Of every sector the old state, the new one, or garbage where the two differ. */
function mixed(before: Buffer, after: Buffer, random: Random, ways: readonly ("old" | "new" | "garbage")[]): Buffer {
  const old = Buffer.alloc(after.length);
  before.copy(old);
  const made = Buffer.from(after);
  // Now and then nothing but the beginning has reached the flash.
  const all = random.next() < 0.3 ? after.length : random.whole(0, after.length + 1);
  for (let at = 0; at < after.length; at += sector) {
    const way = at >= all ? "old" : random.of(ways);
    if (way === "new") continue;
    for (let byte = at; byte < Math.min(at + sector, after.length); byte++) {
      if (old[byte] !== after[byte]) made[byte] = way === "old" ? old[byte] ?? 0 : random.whole(0, 256);
    }
  }
  return made;
}
