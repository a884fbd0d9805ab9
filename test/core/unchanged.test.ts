/** Repeated facts, which are most of what a switch sends, leave the desk itself unchanged: nothing is written or compared. */
import { expect, test } from "bun:test";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { LegFacts } from "../../src/core/line.ts";
import { step } from "../../src/core/step.ts";
import { unlessSame } from "../../src/core/unchanged.ts";
import { answers, called, dials, ends, farAnswers, farRings, holds, rings } from "../support/core/handset.ts";
import { policyWith } from "../support/core/site.ts";

const desk: Desk = { ...newDesk("1001"), registration: { agent: "A", address: "10.0.0.1", port: 4711 } };
const inbound = { ...called("1001", "leg", { identity: "14155550123", outside: true }), data: { sku: "7" } };
const outbound = dials("1001", "leg", "914155550123");

function after(desk: Desk, facts: LegFacts): Desk {
  return step(desk, { type: "line", event: { type: "leg", facts } }, 1000, policyWith()).desk;
}

test.each([
  ["inbound", [...rings(inbound), ...answers(inbound), ...holds(inbound), ...ends(inbound)]],
  ["outbound", [outbound, ...farRings(outbound), ...farAnswers(outbound, { identity: "14155550123" }), ...ends(outbound)]],
])("%s: each fact, repeated, returns the very desk that it got", (_name, facts) => {
  let now = desk;
  for (const fact of facts) {
    now = after(now, fact);
    expect(after(now, structuredClone(fact))).toBe(now);
  }
  expect(now.calls).toEqual([]);
});

test("a fact with news returns another desk", () => {
  const ringing = after(desk, { ...inbound, rings: true });
  expect(after(ringing, { ...inbound, data: { sku: "8" } })).not.toBe(ringing);
  expect(after(ringing, { ...inbound, answered: true })).not.toBe(ringing);
});

test.each<[unknown, unknown, boolean]>([
  [{ a: ["x", { b: 1 }] }, { a: ["x", { b: 1 }] }, true],
  [{ a: 1 }, { a: 1, b: undefined }, false],
  [{ a: undefined }, { b: undefined }, false],
  [{ a: null }, { a: {} }, false],
  [{ a: ["x", "y"] }, { a: ["y", "x"] }, false],
])("%j and %j say the same: %p", (before, after, same) => {
  expect(unlessSame(before, after)).toBe(same ? before : after);
});
