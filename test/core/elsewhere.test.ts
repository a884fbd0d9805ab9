/** Legs for a desk that go elsewhere: a part of a call that rings at the desk, or on record on their own. */
import { describe, expect, test } from "bun:test";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import { elsewhereWait } from "../../src/core/elsewhere.ts";
import type { Input } from "../../src/core/input.ts";
import type { LegFacts, LineEvent } from "../../src/core/line.ts";
import { step } from "../../src/core/step.ts";
import { policyWith } from "../support/core/site.ts";

const policy = policyWith();
const mobile: LineEvent = { type: "leg-elsewhere", desk: "1001", leg: "M1", farLeg: "F1", to: "14155550777" };
const { farLeg: _, ...alone } = mobile;
const own = (part: Partial<LegFacts> = {}): LineEvent => ({
  type: "leg",
  facts: { desk: "1001", leg: "L1", direction: "to-desk", farLeg: "F1", ...part },
});
const caller = { identity: "14155550123", outside: true };
const ended = { cause: "NO_ANSWER", why: "" };

/** Plays events, each with its time, and a wake whenever one is due. */
function played(events: readonly (readonly [number, LineEvent])[], until = 60_000) {
  let desk: Desk = newDesk("1001");
  let wakeAt: number | undefined;
  const records: string[] = [];
  const take = (input: Input, now: number) => {
    const made = step(desk, input, now, policy);
    ({ desk } = made);
    wakeAt = made.wakeAt;
    for (const effect of made.effects) {
      if (effect.type === "record") records.push(`${now} ${effect.call.id} ${effect.call.reason?.code} ${effect.call.began}`);
    }
  };
  for (const [at, event] of [...events, [until, undefined] as const]) {
    while (wakeAt !== undefined && wakeAt <= at) take({ type: "wake" }, wakeAt);
    if (event) take({ type: "line", event }, at);
  }
  return { records, desk, wakeAt };
}

describe("a leg that goes elsewhere is on record", () => {
  test("at once if no leg has caused it", () => {
    expect(played([[10, alone as LineEvent]]).records).toEqual(["10 M1 forwarded-by-switch 10"]);
  });

  test("with the time of its start, when the phone can no longer ring for the same caller", () => {
    const { records, desk } = played([[10, mobile]]);
    expect(records).toEqual([`${10 + elsewhereWait} M1 forwarded-by-switch 10`]);
    expect(desk).not.toHaveProperty("elsewhere");
  });

  test("each once, at its own time", () => {
    const second = { ...mobile, leg: "M2", farLeg: "F2" } as LineEvent;
    expect(played([[10, mobile], [500, second]]).records).toEqual([
      "3010 M1 forwarded-by-switch 10",
      "3500 M2 forwarded-by-switch 500",
    ]);
  });

  test("at once if too many wait", () => {
    const many = Array.from({ length: 9 }, (_, n) => [10, { ...mobile, leg: `M${n}`, farLeg: `G${n}` }] as const);
    const { records } = played(many);
    expect(records[0]).toBe("10 M8 forwarded-by-switch 10");
    expect(records).toHaveLength(9);
  });

  test("also if it belongs to another caller than the desk's call", () => {
    expect(played([[10, mobile], [20, own({ farLeg: "F2", rings: true, caller })]]).records).toHaveLength(1);
  });
});

describe("a leg that goes elsewhere has no separate record", () => {
  test("if the phone rings for the same caller a moment later", () => {
    expect(played([[10, mobile], [200, own({ rings: true, caller })]])).toMatchObject({ records: [], wakeAt: undefined });
  });

  test("if the phone rings for the same caller", () => {
    expect(played([[10, own({ rings: true, caller })], [200, mobile]]).records).toEqual([]);
  });

  test("if the phone has rung for the same caller before (one after the other)", () => {
    const events = [[10, own({ rings: true, caller })], [3000, own({ ended })], [3010, mobile]] as const;
    expect(played(events).records).toEqual(["3000 L1 nobody-registered 10"]);
  });

  test("if the desk has dialled it", () => {
    const dialled = own({ direction: "from-desk", dialled: "914155550123" });
    expect(played([[10, dialled], [20, { ...mobile, farLeg: "L1" } as LineEvent]]).records).toEqual([]);
  });
});
