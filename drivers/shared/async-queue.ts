/** A queue that is filled at any time and emptied by one async iteration. */

/**
 * It is an iterator and not a generator: without the JIT, the promises of two nested generators for each item cost more than most
 * of what is done with an event.
 */
export class AsyncQueue<T> implements AsyncIterableIterator<T, void> {
  #items: T[] = [];
  /** The index of the next item. */
  #next = 0;
  /** Resolves the promise of the reader that waits. */
  #wake: ((result: IteratorResult<T, void> | Promise<IteratorResult<T, void>>) => void) | undefined;
  #end: Promise<IteratorResult<T, void>> | undefined;

  /** Adds an item; does nothing after `end`. */
  push(item: T): void {
    if (this.#end) return;
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) wake({ value: item, done: false });
    else this.#items.push(item);
  }

  /** Ends the iteration after the items that were pushed before, as soon as `over` resolves; it fails if that rejects. */
  end(over: Promise<unknown>): void {
    this.#end ??= over.then(() => ({ value: undefined, done: true }));
    this.#end.catch(() => {});
    this.#wake?.(this.#end);
  }

  /** The next item, as soon as there is one. Only one iteration is possible. */
  next(): Promise<IteratorResult<T, void>> {
    if (this.#next < this.#items.length) return Promise.resolve({ value: this.#items[this.#next++] as T, done: false });
    this.#items.length = this.#next = 0;
    return this.#end ?? new Promise((wake) => this.#wake = wake);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
