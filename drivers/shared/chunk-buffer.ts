/** The bytes of a stream between their coming and their reading. */

/**
 * Collects chunks and gives them out as one buffer, in linear time: they are joined only when as many bytes have come as the reader
 * needs for its next step.
 */
export class ChunkBuffer {
  #chunks: Buffer[] = [];
  #size = 0;
  #needed = 1;

  /** How many bytes wait. */
  get size(): number {
    return this.#size;
  }

  /** Adds what has come. */
  push(data: Buffer): void {
    this.#chunks.push(data);
    this.#size += data.length;
  }

  /** All bytes that wait; nothing until as many have come as are needed. */
  bytes(): Buffer | undefined {
    if (this.#size < this.#needed) return undefined;
    const [first, ...more] = this.#chunks;
    if (first && more.length === 0) return first;
    const joined = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [joined];
    return joined;
  }

  /** The reader needs this many bytes for its next step. */
  need(bytes: number): void {
    this.#needed = bytes;
  }

  /** Takes bytes off the front that have been read, of those that `bytes` gave; the next step needs at least one. */
  drop(count: number): void {
    const rest = this.bytes()?.subarray(count);
    this.#chunks = rest && rest.length > 0 ? [rest] : [];
    this.#size = rest?.length ?? 0;
    this.#needed = 1;
  }

  /** Takes everything off. */
  clear(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#needed = 1;
  }
}
