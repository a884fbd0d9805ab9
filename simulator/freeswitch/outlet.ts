/** The output of one connection, with the effects of a real network: pieces, batches, delays, silence. */
import type { Socket } from "node:net";

/**
 * How bytes are written to the socket. `whole`: each frame in one write. `bytes`: pieces of this size. `cuts`: a cut at each of
 * these positions of the stream, counted from when the setting was made. `random`: pieces of 1 to `max` (default 1460) bytes,
 * reproducible from a seed. `batchMs`: all frames within this time in one write.
 */
export type Chunking =
  | "whole"
  | { readonly bytes: number }
  | { readonly cuts: readonly number[] }
  | { readonly random: number; readonly max?: number }
  | { readonly batchMs: number };

/** The pace of a connection. `delayMs`: delay before each write. */
export interface Pace {
  readonly chunking?: Chunking;
  readonly delayMs?: number;
}

export class Outlet {
  #socket: Socket;
  #queue: Buffer[] = [];
  #pumping: Promise<void> | undefined;
  #pace: Pace = {};
  #next: (left: number) => number = (left) => left;
  #silent = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  set pace(pace: Pace) {
    this.#pace = pace;
    this.#next = cutter(pace.chunking ?? "whole");
  }

  /** Discards everything from now on, as if the cable were unplugged. */
  silence(): void {
    this.#silent = true;
    this.#queue = [];
  }

  get silent(): boolean {
    return this.#silent;
  }

  write(data: string | Uint8Array): void {
    if (this.#silent || this.#socket.destroyed || !this.#socket.writable) return;
    if (this.#pumping === undefined && isPlain(this.#pace)) {
      this.#socket.write(data);
      return;
    }
    this.#queue.push(Buffer.from(data));
    this.#pumping ??= this.#pump().finally(() => this.#pumping = undefined);
  }

  /** Resolves when everything has been written to the socket. */
  async drained(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping;
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0 && !this.#socket.destroyed) {
      const batchMs = typeof this.#pace.chunking === "object" && "batchMs" in this.#pace.chunking
        ? this.#pace.chunking.batchMs
        : 0;
      await pause((this.#pace.delayMs ?? 0) + batchMs);
      const frames = batchMs > 0 ? this.#queue.splice(0) : this.#queue.splice(0, 1);
      await this.#pieces(Buffer.concat(frames));
    }
  }

  async #pieces(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length && this.#socket.writable;) {
      const to = Math.min(bytes.length, from + Math.max(1, this.#next(bytes.length - from)));
      const flushed = this.#socket.write(bytes.subarray(from, to));
      from = to;
      if (!flushed) await new Promise<void>((resolve) => this.#onceFree(resolve));
      // A turn of the event loop between two pieces, so that the reader receives them separately.
      else if (from < bytes.length) await pause(0);
    }
  }

  #onceFree(resolve: () => void): void {
    this.#socket.once("drain", resolve);
    this.#socket.once("close", resolve);
  }
}

function isPlain(pace: Pace): boolean {
  return (pace.chunking ?? "whole") === "whole" && (pace.delayMs ?? 0) === 0;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => ms > 0 ? setTimeout(resolve, ms) : setImmediate(resolve));
}

/** Returns a function that takes the number of bytes left and returns the size of the next piece. */
function cutter(chunking: Chunking): (left: number) => number {
  if (chunking === "whole" || "batchMs" in chunking) return (left) => left;
  if ("bytes" in chunking) return () => chunking.bytes;
  if ("cuts" in chunking) return cutsAt(chunking.cuts);
  const random = generator(chunking.random);
  const max = chunking.max ?? 1460;
  return () => 1 + Math.floor(random() * max);
}

function cutsAt(cuts: readonly number[]): (left: number) => number {
  const sorted = cuts.toSorted((a, b) => a - b);
  let done = 0;
  return (left) => {
    const cut = sorted.find((position) => position > done && position < done + left);
    const take = cut === undefined ? left : cut - done;
    done += take;
    return take;
  };
}

/** Mulberry32: numbers from 0 to 1, determined by the seed. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
