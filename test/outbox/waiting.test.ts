/** The heap and the index of waiting events, compared with simple models of them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Heap } from "../../src/outbox/heap.ts";
import { callKey } from "../../src/outbox/schedule.ts";
import { Waiting } from "../../src/outbox/waiting.ts";
import { event } from "../support/outbox/events.ts";
import type { OutboxEvent } from "../../src/outbox/record.ts";

// A backstop: how long many runs of a property take depends on the machine.
setDefaultTimeout(60_000);

test("a heap returns its items in order, after any additions, changes and removals", () => {
  const steps = fc.array(fc.record({ item: fc.nat(30), at: fc.option(fc.nat(50), { nil: undefined }) }), { maxLength: 200 });
  fc.assert(fc.property(steps, (all) => {
    const items = Array.from({ length: 31 }, (_, id) => ({ id, at: 0 }));
    const heap = new Heap<{ id: number; at: number }>((a, b) => a.at < b.at);
    const model = new Set<{ id: number; at: number }>();
    for (const { item: index, at } of all) {
      const item = items[index];
      if (!item) continue;
      if (at === undefined) {
        heap.delete(item);
        model.delete(item);
      } else {
        item.at = at;
        heap.put(item);
        model.add(item);
      }
      expect(heap.size).toBe(model.size);
    }
    const order: number[] = [];
    for (let first = heap.first(); first; first = heap.first()) {
      order.push(first.at);
      heap.delete(first);
    }
    expect(order).toEqual([...model].map(({ at }) => at).sort((a, b) => a - b));
  }));
});

test("a heap of thousands compares an item with a few others when it is added, changed or removed", () => {
  let compared = 0;
  const heap = new Heap<{ at: number }>((a, b) => {
    compared++;
    return a.at < b.at;
  });
  const items = Array.from({ length: 10_000 }, (_, n) => ({ at: (n * 7919) % 10_000 }));
  for (const item of items) heap.put(item);
  for (const item of items) {
    item.at += 5000;
    heap.put(item);
  }
  for (const item of items) heap.delete(item);
  expect(compared / items.length).toBeLessThan(3 * 2 * Math.log2(items.length));
});

describe("waiting events:", () => {
  const events = fc.array(
    fc.record({
      id: fc.nat(20),
      call: fc.constantFrom("c1", "c2"),
      agent: fc.constantFrom("A", "B"),
      desk: fc.constantFrom("1001", "1002"),
      created: fc.nat(1000),
      gone: fc.boolean(),
    }),
    { maxLength: 40 },
  );

  test("the events of a call are in the order of their ids, after any changes; the oldest is known", () => {
    fc.assert(fc.property(events, (all) => {
      const waiting = new Waiting(4);
      const model = new Map<number, OutboxEvent>();
      for (const { id, gone, ...part } of all) {
        const known = model.get(id);
        if (gone && known) {
          waiting.delete(known);
          model.delete(id);
        } else if (!gone) {
          // Another version of an event belongs to the same call.
          const next = known ? { ...known, created: part.created } : event(id, part);
          waiting.put(next);
          model.set(id, next);
        }
        const left = [...model.values()];
        expect(waiting.size).toBe(left.length);
        expect(waiting.oldest()).toBe(left.length === 0 ? undefined : Math.min(...left.map(({ created }) => created)));
        expect(waiting.holds("1001")).toBe(left.some(({ desk }) => desk === "1001"));
      }
      for (const [, calls] of Map.groupBy(model.values(), (waits) => `${waits.agent} ${callKey(waits)}`)) {
        const [first] = calls;
        const ordered = [...calls].sort((a, b) => a.id - b.id);
        if (first) expect(waiting.callOf(first)?.events).toEqual(ordered);
      }
    }));
  });

  test("a call with an event on the way is kept when no event of it waits any longer", () => {
    const waiting = new Waiting(4);
    const call = waiting.put(event(1));
    call.busy = true;
    waiting.delete(event(1));
    expect(waiting.put(event(2))).toBe(call);
    waiting.delete(event(2));
    call.busy = false;
    waiting.forget(call);
    expect(waiting.callOf(event(1))).toBeUndefined();
    expect(waiting.lane("1001", "A")).toBeUndefined();
  });

  test("the events of one agent stay when those of another at the desk are gone", () => {
    const waiting = new Waiting(4);
    waiting.put(event(1));
    waiting.put(event(2, { agent: "B", call: "c2" }));
    waiting.delete(event(1));
    expect(waiting.lanes("1001").map(({ agent }) => agent)).toEqual(["B"]);
    expect(waiting.lane("1001", "B")?.calls.size).toBe(1);
  });
});
