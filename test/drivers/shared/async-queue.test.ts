/** The queue between a driver and the loop. */
import { expect, test } from "bun:test";
import { AsyncQueue } from "../../../drivers/shared/async-queue.ts";

const over = Promise.resolve();

/** All items of a queue, until it ends. */
async function all<T>(queue: AsyncQueue<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of queue) items.push(item);
  return items;
}

test("items arrive in order, whether they were pushed before the reader came or while it waits", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.push(2);
  const read = all(queue);
  for (const item of [3, 4, 5]) {
    await new Promise((turn) => setImmediate(turn));
    queue.push(item);
    queue.push(item * 10);
  }
  queue.end(over);
  queue.push(6);
  expect(await read).toEqual([1, 2, 3, 30, 4, 40, 5, 50]);
  expect(await queue.next()).toEqual({ value: undefined, done: true });
});

test("items that the reader pushes itself come after those that wait", async () => {
  const queue = new AsyncQueue<string>();
  queue.push("a");
  queue.push("b");
  const read: string[] = [];
  for await (const item of queue) {
    read.push(item);
    if (item === "a") queue.push("c");
    if (item === "c") queue.end(over);
  }
  expect(read).toEqual(["a", "b", "c"]);
});

test("the end waits for what it is given, and fails with it", async () => {
  const queue = new AsyncQueue<string>();
  const work = Promise.withResolvers<void>();
  const read = all(queue);
  queue.push("a");
  queue.end(work.promise);
  expect(await Promise.race([read, new Promise((turn) => setImmediate(turn, "not over"))])).toBe("not over");
  work.resolve();
  expect(await read).toEqual(["a"]);
  const failing = new AsyncQueue<string>();
  failing.end(Promise.reject(new Error("broken")));
  expect(all(failing)).rejects.toThrow("broken");
});
