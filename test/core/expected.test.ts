import { describe, expect, test } from "bun:test";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { Input } from "../../src/core/input.ts";
import type { LegFacts } from "../../src/core/line.ts";
import { expectedCalls } from "../../src/core/expected.ts";
import { step } from "../../src/core/step.ts";
import { policyWith } from "../support/core/site.ts";

const to = { address: "10.0.0.7", port: 8080 };
const moved = { address: "10.0.0.9", port: 8080 };
const line = { link: { up: true, to: "switch" }, phone: "registered" } as const;
const attended: Desk = { ...newDesk("1001"), line, registration: { agent: "A", ...to } };
const ended = { cause: "NORMAL_CLEARING", why: "The handset was put down." };

const leg = (facts: Partial<LegFacts>): Input => ({
  type: "line",
  event: { type: "leg", facts: { desk: "1001", leg: "L1", ...facts } },
});
const called = leg({ direction: "to-desk", caller: { identity: "14155550123", outside: true }, farLeg: "F1" });
const colleague = leg({ direction: "to-desk", caller: { identity: "1002", outside: false }, farLeg: "F1" });
const register = (agent: string, address = moved): Input => ({
  type: "callout",
  id: "r1",
  callout: { name: "Register", desk: "1001", agent, ...address },
});

/** What each input changes: `+L1 10.0.0.7`, `-L1 10.0.0.7`. */
function played(inputs: readonly Input[], desk = attended, policy = policyWith()): string[][] {
  return inputs.map((input) => {
    const before = desk;
    desk = step(desk, input, 0, policy).desk;
    return expectedCalls(before, desk, policy).map(({ call, to, soon }) => `${soon ? "+" : "-"}${call} ${to.address}`);
  });
}

describe("a first event is expected", () => {
  const cases: [string, Input[], string[][]][] = [
    ["once, when a leg of a call from outside appears", [called, called, leg({ rings: true })], [["+L1 10.0.0.7"], [], []]],
    ["when the desk dials out", [leg({ direction: "from-desk", dialled: "914155550123" })], [["+L1 10.0.0.7"]]],
    ["no more, when the call ends before it rings", [called, leg({ ended })], [["+L1 10.0.0.7"], ["-L1 10.0.0.7"]]],
    ["not at the end of a call that has rung", [called, leg({ rings: true }), leg({ ended })], [["+L1 10.0.0.7"], [], []]],
    ["not of a call between colleagues", [colleague, leg({ rings: true }), leg({ ended })], [[], [], []]],
    ["at the new address of its agent", [called, register("A")], [["+L1 10.0.0.7"], ["+L1 10.0.0.9", "-L1 10.0.0.7"]]],
    ["no more, when its agent unregisters", [called, {
      type: "callout",
      id: "u1",
      callout: { name: "Unregister", desk: "1001", agent: "A" },
    }], [["+L1 10.0.0.7"], ["-L1 10.0.0.7"]]],
    ["of each call", [called, leg({ leg: "L2", direction: "to-desk", caller: { identity: "14155550777", outside: true } })], [
      ["+L1 10.0.0.7"],
      ["+L2 10.0.0.7"],
    ]],
    ["not of a dial before its phone is called", [
      {
        type: "callout",
        id: "m1",
        callout: { name: "MakeCall", desk: "1001", agent: "A", dialString: "914155550123", from: "10.0.0.7" },
      },
      leg({ direction: "to-desk", call: "m1", caller: { identity: "914155550123" } }),
    ], [[], ["+m1 10.0.0.7"]]],
  ];
  test.each(cases)("%s", (_, inputs, changes) => expect(played(inputs)).toEqual(changes));

  test("not while no agent is registered", () => expect(played([called], newDesk("1001"))).toEqual([[]]));

  test("not if such calls send none", () => {
    expect(played([called], attended, policyWith({ inbound: "never" }))).toEqual([[]]);
  });
});
