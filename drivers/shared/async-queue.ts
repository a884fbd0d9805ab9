/** A queue between what pushes and an async iteration that takes: no event waits for its taker. */
export class AsyncQueue<T> {
  #items: T[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  /** Adds an item; after `end` it is lost. */
  push(item: T): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** Ends the iteration once what was pushed before has been taken. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Takes items as they come. One taker only. */
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
