/** Buffers the bytes of a stream until they are read. */

/**
 * Collects chunks and returns them as one buffer, in linear time: they are joined only when there are enough bytes for the next
 * step of the reader.
 */
export class ChunkBuffer {
  #chunks: Buffer[] = [];
  #size = 0;
  #needed = 1;

  /** The number of unread bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds the next chunk. */
  push(data: Buffer): void {
    this.#chunks.push(data);
    this.#size += data.length;
  }

  /** All unread bytes; undefined until the needed number has arrived. */
  bytes(): Buffer | undefined {
    if (this.#size < this.#needed) return undefined;
    if (this.#chunks.length === 1) return this.#chunks[0];
    const joined = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [joined];
    return joined;
  }

  /** The reader needs this many bytes for its next step. */
  need(bytes: number): void {
    this.#needed = bytes;
  }

  /** Removes bytes that have been read from the front; the next step needs at least one more. */
  drop(count: number): void {
    const rest = this.bytes()?.subarray(count);
    this.#chunks = rest && rest.length > 0 ? [rest] : [];
    this.#size = rest?.length ?? 0;
    this.#needed = 1;
  }

  /** Removes all bytes. */
  clear(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#needed = 1;
  }
}
