/**
 * The result of a command comes after all that the switch had sent before it: the last leg of a dial that failed must be
 * known to have ended when the failure is reported.
 */
import { expect, test } from "bun:test";
import { Rig } from "../../support/freeswitch/rig.ts";

test("the end of the phone's leg is heard before the result of the dial", async () => {
  await using rig = await Rig.ready();
  rig.sim.handsetDoes = { does: "rejects" };
  const ends = () => rig.events.filter((event) => event.type === "leg" && event.facts.ended !== undefined).length;
  const atResult: number[] = [];
  const later: number[] = [];
  for (let attempt = 1; attempt <= 10; attempt++) {
    expect((await rig.dial(crypto.randomUUID())).outcome).toBe("failed");
    atResult.push(ends());
    await new Promise((resolve) => setImmediate(resolve));
    later.push(ends());
  }
  expect(atResult).toEqual(later);
  expect(atResult[0]).toBeGreaterThan(0);
});
