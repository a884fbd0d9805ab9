/** Commands between two relays: whatever happens to the first one, a command is carried out once, and has its result. */
import { describe, expect, test } from "bun:test";
import { encodeClaim } from "../../src/broker/claims.ts";
import { encode } from "../../src/broker/messages.ts";
import { hearingMs, legMs } from "../../src/relay/commands.ts";
import { LoneRelay } from "../support/lone-relay.ts";
import { testRules } from "../support/relay-rig.ts";

const ended = { cause: "USER_BUSY", why: "Phone 1001 is busy." };
const ringing = { desk: "1001", leg: "l1", call: "c1", rings: true };

/** A relay that has heard the others long enough. */
async function relay(): Promise<LoneRelay> {
  const lone = await LoneRelay.start(["1001"]);
  lone.timers.advance(800 + hearingMs);
  return lone;
}

async function dial(lone: LoneRelay, more: object = {}): Promise<void> {
  const request = { to: lone.relay.id, id: "1", by: 1e9, call: "c1", number: "914155550123", age: 800, ...more };
  lone.ask("1001", "dial", encode(request));
  await lone.happens();
}

/** What was published of this kind, as objects. */
function published(lone: LoneRelay, subject: string): Record<string, unknown>[] {
  return lone.published.filter(([on]) => on === subject).map(([, text]) => JSON.parse(text) as Record<string, unknown>);
}

/** The results in the feed of the desk. */
function results(lone: LoneRelay): unknown[] {
  const events = published(lone, "tele.desk.1001.line").map(({ e }) => e as { type: string; id?: string; result?: unknown });
  return events.filter(({ type }) => type === "result").map(({ id, result }) => ({ id, result }));
}

describe("the relay that carries a command out", () => {
  test("announces it first, and waits until the broker has the announcement", async () => {
    await using lone = await relay();
    const flushed = Promise.withResolvers<void>();
    lone.flush = () => flushed.promise;
    await dial(lone);
    expect(published(lone, "tele.relay.claim")).toEqual([{ v: 1, r: "a#1", desk: "1001", id: "1", call: "c1" }]);
    expect([lone.executed, lone.answers]).toEqual([[], []]);
    flushed.resolve();
    await lone.happens();
    expect([lone.executed, lone.answers]).toMatchObject([[{ call: "c1" }], [encode({ r: "a#1", id: "1" })]]);
  });

  test.each([
    ["the broker is lost meanwhile", (lone: LoneRelay) => lone.loseBroker()],
    ["the box has lost its patience meanwhile", (lone: LoneRelay) => lone.timers.advance(800)],
  ])("does nothing if %s, and reports that", async (_, happens) => {
    await using lone = await relay();
    const flushed = Promise.withResolvers<void>();
    lone.flush = () => flushed.promise;
    await dial(lone, { by: lone.timers.now() + 750 });
    happens(lone);
    flushed.resolve();
    await lone.happens();
    expect(lone.executed).toEqual([]);
    expect(results(lone)).toEqual([{ id: "1", result: { outcome: "failed", cause: "NO_REPLY", why: expect.any(String) } }]);
  });
});

test("of two relays that announce the same dial, one that hears the other leaves it the dial", async () => {
  await using lone = await relay();
  const flushed = Promise.withResolvers<void>();
  lone.flush = () => flushed.promise;
  await dial(lone);
  lone.claimed({ id: "1", call: "c1" });
  flushed.resolve();
  await lone.happens({ type: "leg", facts: { ...ringing, answered: true } });
  expect([lone.executed, results(lone)]).toEqual([[], [{ id: "1", result: { outcome: "done" } }]]);
  // Once it dials, the announcement of another is too late: that one has heard of this dial.
  await dial(lone, { id: "2", call: "c2" });
  lone.claimed({ id: "2", call: "c2" });
  expect(lone.executed).toHaveLength(1);
});

describe("the relay that is asked next", () => {
  test("dials if no other relay has announced the dial", async () => {
    await using lone = await relay();
    await dial(lone, { again: "asked" });
    expect(lone.executed).toHaveLength(1);
  });

  test("does not dial again, but reports how the dial of the other relay ends", async () => {
    for (const [facts, result] of [[{ answered: true }, { outcome: "done" }], [{ ended }, { outcome: "failed", ...ended }]]) {
      await using lone = await relay();
      lone.claimed({ id: "1", call: "c1" });
      await dial(lone, { again: "taken" });
      expect(lone.answers).toEqual([encode({ r: "a#1", id: "1" })]);
      await lone.happens({ type: "leg", facts: ringing });
      expect(results(lone)).toEqual([]);
      await lone.happens({ type: "leg", facts: { desk: "1001", leg: "l1", ...facts } });
      expect([lone.executed, results(lone)]).toEqual([[], [{ id: "1", result }]]);
      await dial(lone, { again: "taken" });
      expect(lone.answers.at(-1)).toBe(encode({ r: "a#1", id: "1", result } as never));
    }
  });

  test("waits for all phones of the desk before it reports that none was answered", async () => {
    await using lone = await relay();
    lone.claimed({ id: "1", call: "c1" });
    await lone.happens({ type: "leg", facts: ringing }, { type: "leg", facts: { ...ringing, leg: "l2" } });
    await dial(lone, { again: "asked" });
    await lone.happens({ type: "leg", facts: { desk: "1001", leg: "l1", ended } });
    expect(results(lone)).toEqual([]);
    await lone.happens({ type: "leg", facts: { desk: "1001", leg: "l2", answered: true } });
    expect(results(lone)).toEqual([{ id: "1", result: { outcome: "done" } }]);
  });

  test("does not dial if it sees a leg of the dial, announced or not", async () => {
    await using lone = await relay();
    await lone.happens({ type: "leg", facts: { ...ringing, answered: true } });
    await dial(lone, { again: "asked" });
    expect([lone.executed, results(lone)]).toEqual([[], [{ id: "1", result: { outcome: "done" } }]]);
  });

  test("reports that the outcome is not known, if an announced dial gets no leg", async () => {
    await using lone = await relay();
    lone.claimed({ id: "1", call: "c1" });
    await dial(lone, { again: "asked" });
    lone.timers.advance(legMs);
    await lone.happens();
    expect([lone.executed, results(lone)]).toEqual([[], [{ id: "1", result: { outcome: "unknown", why: expect.any(String) } }]]);
  });

  test.each([
    ["a relay knows it", '{"v":1,"r":"b#1","known":true}', 0, "unknown"],
    ["a relay has heard all, and does not know it", '{"v":1,"r":"b#1","known":false}', 1, undefined],
    ["the answer is another one", '{"v":1,"r":"b#1"}', 0, "unknown"],
    ["no relay answers", undefined, 0, "unknown"],
  ])("asks the others if it may have missed an announcement: %s", async (_, text, dials, outcome) => {
    await using lone = await LoneRelay.start(["1001"]);
    if (text !== undefined) lone.request = () => Promise.resolve(text);
    await dial(lone, { again: "asked" });
    lone.timers.advance(legMs);
    expect(lone.executed).toHaveLength(dials);
    expect(results(lone)).toEqual(outcome === undefined ? [] : [{ id: "1", result: { outcome, why: expect.any(String) } }]);
  });

  test("does not dial what the other has certainly taken", async () => {
    await using lone = await relay();
    await dial(lone, { again: "taken" });
    expect([lone.executed, results(lone)]).toMatchObject([[], [{ result: { outcome: "unknown" } }]]);
  });

  test("denies a command to others only if it has heard all", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    lone.claimed({ id: "1", call: "c1" });
    lone.asksWhetherKnown("1");
    lone.asksWhetherKnown("2");
    lone.timers.advance(800 + hearingMs);
    lone.asksWhetherKnown("2");
    expect(lone.answers).toEqual([encodeClaim({ r: "a#1", known: true }), encodeClaim({ r: "a#1", known: false })]);
  });

  test("sets the state of an agent again, which does no harm", async () => {
    await using lone = await relay();
    lone.claimed({ id: "7" });
    const agent = { to: lone.relay.id, id: "7", by: 1e9, agent: "A", login: true, mode: "ready" as const };
    lone.ask("1001", "agent", encode({ ...agent, again: "taken" }));
    await lone.happens();
    expect(lone.executed).toHaveLength(1);
  });
});

test("dials at another relay count too", async () => {
  await using lone = await relay();
  for (let dials = 0; dials < testRules.perMinute; dials++) lone.claimed({ id: `x${dials}`, call: `x${dials}` });
  await dial(lone);
  expect([lone.executed, lone.answers]).toEqual([[], [expect.stringContaining("RATE_LIMIT")]]);
});
