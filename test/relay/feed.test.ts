/** The feed of a desk: what it publishes, what it remembers, and what it answers to a box. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { type FeedEvent, readSyncAnswer, type SyncAnswer } from "../../src/broker/messages.ts";
import { Feed, memoryMs } from "../../src/relay/feed.ts";
import { anyEvent } from "../support/fleet-facts.ts";

setDefaultTimeout(60_000);

const beat = { r: "a#1", rank: 1, c: 1, at: 0, switch: { up: true, to: "switch" } } as const;
const up: FeedEvent = { type: "link-up", to: "switch", legs: [] };
const ended = { cause: "NORMAL_CLEARING", why: "Over." };

function answer(feed: Feed, n?: number, r = "a#1"): SyncAnswer {
  const read = readSyncAnswer(feed.answer(n === undefined ? {} : { r, n }, beat));
  if (!read || "refused" in read) throw new Error("no answer");
  return read;
}

test("facts that add nothing are not published, and only what is new is", () => {
  const feed = new Feed();
  feed.add(up, 0);
  expect(feed.add({ type: "leg", facts: { leg: "x", rings: true, caller: { identity: "1" } } }, 1)).toContain('"rings":true');
  expect(feed.add({ type: "leg", facts: { leg: "x", rings: true, caller: { identity: "1" } } }, 2)).toBeUndefined();
  const text = feed.add({ type: "leg", facts: { leg: "x", rings: true, answered: true } }, 3);
  expect(text).toBe('{"n":3,"at":3,"e":{"type":"leg","facts":{"leg":"x","answered":true}}}');
  expect(feed.add({ type: "snapshot", legs: [{ leg: "x", answered: true }] }, 4)).toBeUndefined();
  expect(feed.add({ type: "snapshot", legs: [] }, 5)).toContain('"legs":[]');
});

test("late facts do not revive a leg", () => {
  const feed = new Feed();
  feed.add(up, 0);
  feed.add({ type: "leg", facts: { leg: "x", rings: true } }, 1);
  feed.add({ type: "leg", facts: { leg: "x", ended } }, 2);
  expect(feed.add({ type: "leg", facts: { leg: "x", answered: true } }, 3)).toBeUndefined();
  expect([...feed.legs]).toEqual([]);
});

test("a box that has an item gets those after it; one that has none, or one of another boot, gets the state", () => {
  const feed = new Feed();
  feed.add(up, 0);
  feed.add({ type: "leg", facts: { leg: "x", rings: true } }, 1);
  feed.add({ type: "leg", facts: { leg: "x", answered: true } }, 2);
  expect(answer(feed, 1).items?.map(({ n }) => n)).toEqual([2, 3]);
  expect(answer(feed, 3).items).toEqual([]);
  const state = { link: { up: true as const, to: "switch" }, legs: [{ leg: "x", rings: true, answered: true }], ended: [] };
  expect(answer(feed).state).toEqual(state);
  expect(answer(feed, 3, "a#0").state).toEqual(state);
  expect(answer(feed, 4).state).toEqual(state);
});

test("after 15 minutes an item is forgotten, and the answer is the state with the legs that have ended since", () => {
  const feed = new Feed();
  feed.add(up, 0);
  feed.add({ type: "leg", facts: { leg: "x", rings: true } }, 1000);
  feed.add({ type: "leg", facts: { leg: "x", ended } }, 2000);
  feed.prune(1000 + memoryMs);
  expect(answer(feed, 1).items).toHaveLength(2);
  feed.prune(1001 + memoryMs);
  expect(answer(feed, 1).state?.ended).toEqual([{ began: 1000, at: 2000, facts: { leg: "x", rings: true, ended } }]);
  expect(answer(feed, 2).items).toHaveLength(1);
  feed.prune(2001 + memoryMs);
  expect(answer(feed, 1).state?.ended).toEqual([]);
  expect(answer(feed, 3).items).toEqual([]);
});

test("whatever happens, the memory and the answer are bounded, and numbers have no gap", () => {
  fc.assert(fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
    const feed = new Feed();
    let last = 0;
    for (const [index, event] of events.entries()) {
      const text = feed.add(event, index);
      if (text !== undefined) expect(JSON.parse(text).n).toBe(++last);
    }
    expect(feed.last).toBe(last);
    expect(answer(feed, 0).items).toHaveLength(last);
    expect(answer(feed).state?.ended.length).toBeLessThanOrEqual(20);
  }));
});

test("it counts the characters of the items that it keeps", () => {
  fc.assert(fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.nat(40), (events, keep) => {
    const feed = new Feed();
    const texts = events.map((event, at) => ({ at, text: feed.add(event, at) })).filter(({ text }) => text !== undefined);
    feed.prune(events.length, keep);
    const kept = texts.filter(({ at }) => at >= events.length - keep);
    expect([feed.size, feed.characters]).toEqual([kept.length, kept.reduce((sum, { text = "" }) => sum + text.length, 0)]);
  }));
});

test("a thousand items are kept at most, and an answer of more than 400 kB is the state instead", () => {
  const feed = new Feed();
  feed.add(up, 0);
  for (let index = 0; index < 1500; index++) feed.add({ type: "agent", mode: "ready", why: "x".repeat(900) }, index);
  expect(feed.size).toBe(1000);
  expect(answer(feed, 1100).items).toHaveLength(401);
  expect(answer(feed, 600).state).toBeDefined();
  expect(answer(feed, 100).state).toBeDefined();
});
