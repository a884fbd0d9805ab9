/** Whatever the broker loses, repeats, delays and reorders: after a sync the calls are the same as without a relay. */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { youngMs } from "../../../drivers/relay/relays.ts";
import type { LegFacts } from "../../../src/core/line.ts";
import { type Fate, LossyFleet } from "../../support/lossy-fleet.ts";

setDefaultTimeout(60_000);

const fate: fc.Arbitrary<Fate> = fc.record({
  lost: fc.integer({ min: 0, max: 9 }).map((n) => n < 3),
  twice: fc.boolean(),
  delay: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 4000 })),
});

type Act =
  | { readonly type: "leg"; readonly index: number; readonly sign: "ring" | "answer" | "hold" | "partner" | "end" }
  | { readonly type: "link"; readonly isUp: boolean }
  | { readonly type: "reconnect" }
  | { readonly type: "kill" | "restart"; readonly index: number; readonly lags: boolean };

const leg: fc.Arbitrary<Act> = fc.record({
  type: fc.constant("leg" as const),
  index: fc.nat(3),
  sign: fc.constantFrom("ring" as const, "answer" as const, "hold" as const, "partner" as const, "end" as const),
});
const link: fc.Arbitrary<Act> = fc.record({ type: fc.constant("link" as const), isUp: fc.boolean() });
const reconnect: fc.Arbitrary<Act> = fc.constant({ type: "reconnect" as const });
const relays: fc.Arbitrary<Act> = fc.record({
  type: fc.constantFrom("kill" as const, "restart" as const),
  index: fc.nat(1),
  lags: fc.boolean(),
});

/** Legs with numbers that count up: after its end an index is another leg. */
class Handset {
  readonly #generation = new Map<number, number>();
  readonly #begun = new Set<string>();

  facts(index: number, sign: string): LegFacts {
    const generation = this.#generation.get(index) ?? 0;
    const leg = `leg-${index}-${generation}`;
    const isFirst = !this.#begun.has(leg);
    this.#begun.add(leg);
    const caller = { identity: `1415555${index}00${generation}`, outside: true };
    const begun = isFirst ? { direction: "to-desk" as const, caller, farLeg: `far-${leg}` } : {};
    if (sign === "end") {
      this.#generation.set(index, generation + 1);
      return { desk: "1001", leg, ...begun, ended: { cause: "NORMAL_CLEARING", why: "The caller hung up." } };
    }
    const signs: Record<string, Partial<LegFacts>> = {
      ring: { rings: true },
      answer: { answered: true, partner: caller },
      hold: { held: true },
      partner: { partner: { identity: "1002", outside: false } },
    };
    return { desk: "1001", leg, ...begun, ...signs[sign] };
  }
}

async function play(fleet: LossyFleet, acts: readonly { act: Act; after: number }[]): Promise<void> {
  const handset = new Handset();
  for (const { act, after } of acts) {
    if (act.type === "leg") fleet.leg(handset.facts(act.index, act.sign));
    else if (act.type === "link") fleet.link(act.isUp);
    else if (act.type === "reconnect") fleet.connect();
    else if (act.type === "kill") fleet.kill(act.index);
    else fleet.restart(act.index, act.lags);
    await fleet.pass(after);
  }
}

function acts(...kinds: fc.Arbitrary<Act>[]) {
  return fc.array(fc.record({ act: fc.oneof(...kinds), after: fc.oneof(fc.constant(0), fc.nat(3000)) }), { maxLength: 25 });
}

test("one relay: the same events for the CRM, call by call, and the same calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), acts(leg, leg, leg, reconnect), async (fates, acts) => {
      const fleet = new LossyFleet(fates);
      await fleet.start(1);
      await play(fleet, acts);
      await fleet.settle();
      fleet.stop();
      expect(fleet.box.calls).toEqual(fleet.truth.calls);
      expect(Object.fromEntries(fleet.box.sent)).toEqual(Object.fromEntries(fleet.truth.sent));
      expect(fleet.box.desk.line).toEqual({ link: { up: true, to: "switch" }, phone: "registered", contact: "sip:1001" });
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

test("one relay that loses its switch, too: the same calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), acts(leg, leg, leg, reconnect, link), async (fates, acts) => {
      const fleet = new LossyFleet(fates);
      await fleet.start(1);
      await play(fleet, acts);
      await fleet.settle();
      fleet.stop();
      expect(fleet.box.calls).toEqual(fleet.truth.calls);
      expect(fleet.box.desk.line.link.up).toBe(fleet.truth.desk.line.link.up);
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

test("two relays that die and come back, to a list of the switch that may lag: the same calls, and at most one of each event, in order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), acts(leg, leg, leg, reconnect, link, relays), async (fates, acts) => {
      const fleet = new LossyFleet(fates);
      await fleet.start(2);
      await play(fleet, acts);
      fleet.restart(0, true);
      fleet.link(true);
      await fleet.settle();
      fleet.stop();
      expect(fleet.box.calls).toEqual(fleet.truth.calls);
      for (const names of fleet.box.sent.values()) {
        expect("ScreenPop CallEstablished CallReleased").toContain(names.join(" ").replace("ScreenPop CallReleased", ""));
      }
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

test("a dial whose messages are lost is executed once at most, and has one result", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), fc.nat(1), async (fates, relays) => {
      const fleet = new LossyFleet(fates);
      await fleet.start(relays + 1);
      const calls = ["c1", "c2", "c3"];
      for (const call of calls) {
        fleet.execute({ type: "dial", desk: "1001", call, number: "914155550123" });
        await fleet.pass(7000);
      }
      await fleet.settle();
      await fleet.pass(180_000);
      const executed = fleet.executed.map((command) => command.type === "dial" ? command.call : "");
      expect(executed.length).toBe(new Set(executed).size);
      expect(fleet.box.results).toHaveLength(calls.length);
      fleet.stop();
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

/** The death of a relay, in ms after the first dial; it may return at once, with another boot. */
interface Death {
  readonly index: number;
  readonly at: number;
  readonly returns: boolean;
}

/** Dials one after the other while relays die. */
async function dialWhile(fleet: LossyFleet, deaths: readonly Death[], calls: string[]) {
  const due = [
    ...deaths.map(({ index, at, returns }) => ({ at, run: () => returns ? fleet.restart(index) : fleet.kill(index) })),
    ...calls.map((call, place) => ({
      at: place * 7000,
      run: () => fleet.execute({ type: "dial", desk: "1001", call, number: "914155550123" }),
    })),
  ].toSorted((a, b) => a.at - b.at);
  let now = 0;
  for (const { at, run } of due) {
    await fleet.pass(at - now);
    now = at;
    run();
  }
  await fleet.settle();
  await fleet.pass(180_000);
}

function onceEach(fleet: LossyFleet, calls: string[]): void {
  const executed = fleet.executed.map((command) => command.type === "dial" ? command.call : "");
  expect(executed.length).toBe(new Set(executed).size);
  expect(fleet.box.results).toHaveLength(calls.length);
}

// Half of them in the second before or after a dial.
const moment = fc.oneof(
  fc.nat(20_000),
  fc.tuple(fc.constantFrom(7000, 14_000), fc.integer({ min: -1000, max: 1000 })).map(([a, b]) => a + b),
);
const death: fc.Arbitrary<Death> = fc.record({ index: fc.nat(1), at: moment, returns: fc.boolean() });

test("a dial while relays die and messages are lost is executed once at most, and has one result", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fate), fc.array(death, { maxLength: 5 }), async (fates, deaths) => {
      const fleet = new LossyFleet(fates);
      await fleet.start(2);
      const calls = ["c1", "c2", "c3"];
      await dialWhile(fleet, deaths, calls);
      onceEach(fleet, calls);
      fleet.stop();
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

test("if one of two relays dies, at whatever moment, every dial is executed once and is done", async () => {
  await fc.assert(
    fc.asyncProperty(death, async (death) => {
      const fleet = new LossyFleet([][Symbol.iterator]());
      await fleet.start(2);
      fleet.isReliable();
      const calls = ["c1", "c2", "c3"];
      await dialWhile(fleet, [death], calls);
      onceEach(fleet, calls);
      expect(fleet.box.results.map((event) => event.type === "result" && event.result.outcome)).toEqual(["done", "done", "done"]);
      fleet.stop();
    }),
    { numRuns: Number(process.env["RUNS"] ?? 60) },
  );
});

test("behind a dial whose outcome is not known comes a snapshot, which shows whether the phone rings", async () => {
  const fleet = new LossyFleet([][Symbol.iterator]());
  await fleet.start(1);
  fleet.isReliable();
  // The only relay dies, and its next boot has nobody to ask.
  fleet.restart(0);
  fleet.execute({ type: "dial", desk: "1001", call: "c1", number: "914155550123" });
  await fleet.pass(6000);
  expect(fleet.box.results).toMatchObject([{ result: { outcome: "unknown" } }]);
  expect(fleet.box.types.slice(fleet.box.types.indexOf("result"))).toContain("snapshot");
  fleet.stop();
});

test.each([0, 500, 3000])(
  "a relay dies while a call lasts that ends before it is back, %i ms later: nothing is lost",
  async (ms) => {
    const fleet = new LossyFleet([][Symbol.iterator]());
    await fleet.start(2);
    fleet.isReliable();
    await fleet.pass(youngMs);
    const handset = new Handset();
    fleet.leg(handset.facts(0, "ring"));
    await fleet.pass(500);
    fleet.kill(0);
    // Another call begins and ends meanwhile.
    for (const [index, sign] of [[0, "answer"], [1, "ring"], [1, "answer"], [0, "end"], [1, "end"]] as const) {
      fleet.leg(handset.facts(index, sign));
    }
    await fleet.pass(ms);
    fleet.restart(0);
    await fleet.settle();
    fleet.stop();
    expect(Object.fromEntries(fleet.box.sent)).toEqual(Object.fromEntries(fleet.truth.sent));
    expect(fleet.box.sent.size).toBe(2);
  },
);
