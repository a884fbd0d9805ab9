/**
 * Oracle's test cases for Basic Telephony (Telephony Adapter SDK Developers Reference Guide, E13402), by name. A (desk 1001)
 * and B (desk 1002) are agents, X is outside. Both desks get the switch's events of their own legs.
 */
import { describe, expect, test } from "bun:test";
import { type Desk, newDesk } from "../src/core/desk.ts";
import type { Input } from "../src/core/input.ts";
import type { LegFacts } from "../src/core/line.ts";
import { step } from "../src/core/step.ts";
import {
  announcement,
  answers,
  begins,
  called,
  dials,
  ends,
  farAnswers,
  farRings,
  holds,
  type Leg,
  retrieves,
  rings,
  unbridged,
} from "./support/core/handset.ts";
import { policyWith } from "./support/core/site.ts";

const outside = { identity: "14155550123", outside: true };
const colleagueA = { identity: "1001", outside: false };
const colleagueB = { identity: "1002", outside: false };

/** The two desks, with A7 and B8 registered; `sent`: the events for their UWQs, one line each. */
class Site {
  readonly sent: string[] = [];
  readonly #desks = new Map<string, Desk>([["1001", newDesk("1001")], ["1002", newDesk("1002")]]);
  #callouts = 0;

  constructor() {
    this.#input({ type: "line", event: { type: "link-up", to: "switch" } });
    for (const [desk, agent] of [["1001", "A"], ["1002", "B"]] as const) {
      const callout = { name: "Register", desk, agent, address: "10.0.0.7", port: 8080 } as const;
      this.#step(desk, { type: "callout", id: `r${++this.#callouts}`, callout });
    }
  }

  /** Processes events of the switch, and returns the events sent since the last call. */
  process(...facts: LegFacts[][]): string[] {
    this.sent.length = 0;
    for (const fact of facts.flat()) this.#input({ type: "line", event: { type: "leg", facts: fact } });
    return [...this.sent];
  }

  #input(input: Input): void {
    for (const extension of this.#desks.keys()) this.#step(extension, input);
  }

  #step(extension: string, input: Input): void {
    const made = step(this.#desks.get(extension) ?? newDesk(extension), input, 0, policyWith());
    this.#desks.set(extension, made.desk);
    for (const effect of made.effects) {
      if (effect.type !== "send") continue;
      const number = effect.event.name === "ScreenPop" ? ` ${effect.event.ani || "without a number"}` : "";
      this.sent.push(`${effect.agent}: ${effect.event.name}${number}`);
    }
  }
}

const pop = "A: ScreenPop 14155550123";
const established = "A: CallEstablished";
const released = "A: CallReleased";

describe("A calls B:", () => {
  const a: Leg = dials("1001", "a", "1002");
  const b: Leg = called("1002", "b", colleagueA);
  const ringing = [begins(a), rings(b), farRings(a)];
  const talking = [...ringing, answers(b), farAnswers(a, colleagueB)];

  test("B1 A-B unanswered: no data for either", () => {
    expect(new Site().process(...ringing, ends(b, "ORIGINATOR_CANCEL"), ends(a, "ORIGINATOR_CANCEL"))).toEqual([]);
  });
  test("B2 A-B answered, A ends: no data for B", () => {
    expect(new Site().process(...talking, ends(a), ends(b))).toEqual([]);
  });
  test("B3 A-B answered, B ends: no data for either", () => {
    expect(new Site().process(...talking, ends(b), ends(a))).toEqual([]);
  });
  test("B10 A-B, B is busy: no data", () => {
    expect(new Site().process(begins(a), ends(a, "USER_BUSY"))).toEqual([]);
  });
  test("B12 A dials an invalid internal number: no data", () => {
    const wrong = dials("1001", "a", "55");
    expect(new Site().process(begins(wrong), announcement(wrong), ends(wrong))).toEqual([]);
  });
});

describe("A calls X:", () => {
  const a = dials("1001", "a", "914155550123");

  test("B4 A-X unanswered: the data when X is called, released when A hangs up", () => {
    const site = new Site();
    expect(site.process(begins(a))).toEqual([]);
    expect(site.process(farRings(a))).toEqual([pop]);
    expect(site.process(ends(a, "ORIGINATOR_CANCEL"))).toEqual([released]);
  });
  test.each([["B5", "A ends", ends(a)], ["B6", "X ends", [...unbridged(a), ...ends(a)]]] as const)(
    "%s A-X answered, %s: one of each",
    (_, __, end) => {
      const site = new Site();
      expect(site.process(begins(a), farRings(a))).toEqual([pop]);
      expect(site.process(farAnswers(a, outside))).toEqual([established]);
      expect(site.process([...end])).toEqual([released]);
    },
  );
  test("B11 A-X, X is busy after it was called: the data and the release", () => {
    expect(new Site().process(begins(a), farRings(a), ends(a, "USER_BUSY"))).toEqual([pop, released]);
  });
  test("B11 A-X, X is busy at once: no data, since X was never called", () => {
    expect(new Site().process(begins(a), ends(a, "USER_BUSY"))).toEqual([]);
  });
  test("B13 A dials an invalid outside number: no data", () => {
    const wrong = dials("1001", "a", "9141555501239999");
    expect(new Site().process(begins(wrong), announcement(wrong), ends(wrong, "UNALLOCATED_NUMBER"))).toEqual([]);
  });
});

describe("X calls A:", () => {
  const a = called("1001", "a", outside);

  test("B7 X-A unanswered: the data at ring, released when X hangs up", () => {
    const site = new Site();
    expect(site.process(rings(a))).toEqual([pop]);
    expect(site.process(ends(a, "ORIGINATOR_CANCEL"))).toEqual([released]);
  });
  test.each([["B8", "A ends"], ["B9", "X ends"]])("%s X-A answered, %s: one of each", () => {
    const site = new Site();
    expect(site.process(rings(a))).toEqual([pop]);
    expect(site.process(answers(a))).toEqual([established]);
    expect(site.process(ends(a))).toEqual([released]);
  });
  test("C1 X-A, A holds and retrieves, twice: nothing in between", () => {
    const site = new Site();
    expect(site.process(rings(a), answers(a))).toEqual([pop, established]);
    expect(site.process(holds(a), retrieves(a), holds(a), retrieves(a))).toEqual([]);
    expect(site.process(ends(a))).toEqual([released]);
  });
  test("C1 A-X, A holds and X hangs up while on hold: released", () => {
    const out = dials("1001", "a", "914155550123");
    const site = new Site();
    expect(site.process(begins(out), farRings(out), farAnswers(out, outside))).toEqual([pop, established]);
    expect(site.process(holds(out))).toEqual([]);
    expect(site.process(ends(out))).toEqual([released]);
  });
});
