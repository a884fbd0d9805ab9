/** A queue that is filled at any time and emptied by one async iteration. */
export class AsyncQueue<T> {
  #items: T[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  /** Adds an item; does nothing after `end`. */
  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** Ends the iteration after the items that were pushed before. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Yields the items in order as they arrive. Only one iteration is possible. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while (true) {
      const items = this.#items;
      this.#items = [];
      yield* items;
      if (this.#items.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((wake) => this.#wake = wake);
    }
  }
}
