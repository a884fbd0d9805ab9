/** The messages between relays and boxes: what one side writes the other reads, and whatever else arrives does no harm. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { added, news } from "../../src/broker/facts.ts";
import {
  encode,
  encodeItem,
  feedMessage,
  itemsAnswer,
  maxMessage,
  readAgent,
  readBeat,
  readCommandAnswer,
  readDial,
  readFeed,
  readSync,
  readSyncAnswer,
} from "../../src/broker/messages.ts";
import { anyEvent, anyFacts } from "../support/fleet-facts.ts";

setDefaultTimeout(60_000);

const beat = { r: "relay-a#b00t", rank: 1, c: 3, at: 12.5, switch: { up: true, to: "10.1.0.5:8021" } } as const;
const readers = { readBeat, readFeed, readSync, readSyncAnswer, readDial, readAgent, readCommandAnswer };
const item = fc.record({ n: fc.nat(), at: fc.nat(), e: anyEvent });
const dial = { to: beat.r, id: "1-2", by: 7, call: "c-1", number: "914155550123" };

describe("what is written is read", () => {
  test("any item of a feed", () => {
    fc.assert(fc.property(item, (item) => {
      expect(readFeed(feedMessage(beat.r, encodeItem(item)))).toEqual({ r: beat.r, ...item });
    }));
  });

  test("an answer with any items", () => {
    fc.assert(fc.property(fc.array(item, { maxLength: 4 }), (items) => {
      expect(readSyncAnswer(itemsAnswer({ ...beat, n: 9 }, items.map(encodeItem)))).toEqual({ ...beat, n: 9, items });
    }));
  });

  test("an answer with any state", () => {
    const state = fc.record({
      link: fc.constantFrom(beat.switch, { up: false as const, why: "it is off" }),
      legs: fc.array(anyFacts, { maxLength: 3 }),
      ended: fc.array(fc.record({ began: fc.nat(), at: fc.nat(), facts: anyFacts }), { maxLength: 3 }),
      phone: fc.constant({ registered: true, contact: "sip:1001" }),
    }, { requiredKeys: ["link", "legs", "ended"] });
    fc.assert(fc.property(state, (state) => {
      expect(readSyncAnswer(encode({ ...beat, n: 9, state }))).toEqual({ ...beat, n: 9, state });
    }));
  });

  test("beats, questions, commands, refusals", () => {
    expect(readBeat(encode(beat))).toEqual(beat);
    expect(readSync(encode({}))).toEqual({});
    expect(readSync(encode({ to: beat.r, n: 4 }))).toEqual({ to: beat.r, n: 4 });
    expect(readSyncAnswer(encode({ r: beat.r, refused: "Not here." }))).toEqual({ r: beat.r, refused: "Not here." });
    expect(readDial(encode(dial))).toEqual(dial);
    const agent = { to: beat.r, id: "1", by: 7, agent: "A", login: true, mode: "ready", queue: "q" } as const;
    expect(readAgent(encode(agent))).toEqual(agent);
    const result = { outcome: "failed", cause: "DENIED", why: "No." } as const;
    expect(readCommandAnswer(encode({ r: beat.r, id: "1", result }))).toEqual({ r: beat.r, id: "1", result });
  });
});

describe("what cannot be read is dropped:", () => {
  test.each(Object.entries(readers))("%s of any text and any JSON is undefined or an object, and never throws", (_, read) => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.object().map((value) => JSON.stringify({ v: 1, ...value }))), (text) => {
        expect(["undefined", "object"]).toContain(typeof read(text));
      }),
    );
  });

  test("another version, and a message that is too large", () => {
    expect(readBeat(encode(beat).replace('"v":1', '"v":2'))).toBeUndefined();
    expect(readBeat(encode({ ...beat, switch: { up: false, why: "x".repeat(maxMessage) } }))).toBeUndefined();
  });

  test("a field of another type; unknown fields are ignored, a desk among them", () => {
    fc.assert(fc.property(anyFacts, fc.constantFrom(17, [], "x".repeat(20_000)), (facts, wrong) => {
      for (const key of Object.keys(facts)) {
        const e = { type: "leg", facts: { ...facts, [key]: wrong } };
        expect(readFeed(JSON.stringify({ v: 1, r: beat.r, n: 1, at: 1, e }))).toBeUndefined();
      }
      const e = { type: "leg", facts: { ...facts, desk: "1002", later: { x: 1 } }, more: 1 };
      expect(readFeed(JSON.stringify({ v: 1, r: beat.r, n: 1, at: 1, e }))).toMatchObject({ e: { type: "leg", facts } });
      expect(JSON.stringify(readFeed(JSON.stringify({ v: 1, r: beat.r, n: 1, at: 1, e })))).not.toContain('"desk"');
    }));
  });

  test.each([
    { ...dial, number: "1; bgapi originate" },
    { ...dial, number: "" },
    { ...dial, number: "1".repeat(33) },
    { ...dial, call: "x y" },
    { ...dial, to: "nobody" },
    { ...dial, id: "" },
    { ...dial, by: "later" },
  ])("a dial with %j", (dial) => expect(readDial(JSON.stringify({ v: 1, ...dial }))).toBeUndefined());
});

describe("facts add up:", () => {
  test("what is new, added to what was known, is the sum", () => {
    fc.assert(fc.property(anyFacts, anyFacts, (before, facts) => {
      const now = { ...facts, leg: before.leg };
      const sum = added(before, now);
      expect(sum).toEqual({ ...before, ...now });
      const changed = news(before, now);
      expect(changed === undefined ? before : added(before, changed)).toEqual(sum);
      expect(news(sum, now)).toBeUndefined();
      expect(added(sum, now)).toBe(sum);
    }));
  });
});
