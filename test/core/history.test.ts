/** Records of calls stay small, whatever a switch reports. */
import { expect, test } from "bun:test";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { CallRecord } from "../../src/core/history.ts";
import type { LineEvent } from "../../src/core/line.ts";
import { step } from "../../src/core/step.ts";
import { policyWith } from "../support/core/site.ts";

const long = "x".repeat(10_000);

function recordsAfter(...events: LineEvent[]): { records: CallRecord[]; desk: Desk } {
  let desk = newDesk("1001");
  const records = events.flatMap((event, now) => {
    const made = step(desk, { type: "line", event }, now, policyWith());
    ({ desk } = made);
    return made.effects.flatMap((effect) => effect.type === "record" ? [effect.call] : []);
  });
  return { records, desk };
}

test("a name of 10 kB, another one after a transfer, and a long cause are shortened", () => {
  const leg = { desk: "1001", leg: "L1" };
  const { records, desk } = recordsAfter(
    { type: "leg", facts: { ...leg, direction: "to-desk", caller: { identity: long, outside: false }, rings: true } },
    { type: "leg", facts: { ...leg, caller: { identity: `${long}y`, outside: false } } },
    { type: "leg", facts: { ...leg, ended: { cause: long, why: "" } } },
  );
  const [record] = records;
  expect(record?.reason).toEqual({ code: "name", identity: `${"x".repeat(200)}...` });
  expect(record?.timeline.map(({ what }) => what)).toEqual(["began", "rang", "party", "ended"]);
  expect(JSON.stringify(record).length).toBeLessThan(1600);
  expect(JSON.stringify(desk)).not.toContain(long);
});

test("so are those of a leg that went elsewhere", () => {
  const [record] = recordsAfter(
    { type: "leg-elsewhere", desk: "1001", leg: "M1", to: long, caller: { identity: long } },
  ).records;
  expect(JSON.stringify(record).length).toBeLessThan(800);
});
