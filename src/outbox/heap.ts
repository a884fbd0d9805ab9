/** A heap from whose middle items can be removed. Each operation costs the logarithm of the number of items. */

/** Holds each item once, in the order of `before`. Call `put` again for an item whose order has changed. */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item; undefined if the heap is empty. */
  first(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item, or moves it to its new place. */
  put(item: T): void {
    const place = this.#places.get(item) ?? this.#items.length;
    this.#down(item, this.#up(item, place));
  }

  /** Removes an item, if present. */
  delete(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && last !== item) this.#down(last, this.#up(last, place));
  }

  #up(item: T, from: number): number {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#before(item, parent)) break;
      this.#set(parent, place);
      place = above;
    }
    this.#set(item, place);
    return place;
  }

  #down(item: T, from: number): void {
    let place = from;
    for (;;) {
      const [left, right] = [this.#items[2 * place + 1], this.#items[2 * place + 2]];
      if (left === undefined) break;
      const child = right !== undefined && this.#before(right, left) ? right : left;
      if (!this.#before(child, item)) break;
      const below = child === left ? 2 * place + 1 : 2 * place + 2;
      this.#set(child, place);
      place = below;
    }
    this.#set(item, place);
  }

  #set(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
