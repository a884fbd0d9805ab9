/** Withheld callers of a queue: the agent's leg shows their number, only their own leg that it is withheld. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { agentRig } from "../../support/freeswitch/acd-rig.ts";
import { holdAnswer, type Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const withheld = { from: "14155550777", variables: { sip_Privacy: "id" } };

/** The callers that the line has shown, of legs and of the last snapshot. */
function callers(rig: Rig) {
  const last = rig.events.findLast((event) => event.type === "snapshot");
  return [...rig.legs(), ...(last?.type === "snapshot" ? last.legs : [])].flatMap(({ caller }) => caller ?? []);
}

describe("a queue's caller who is withheld", () => {
  test.concurrent("is never shown, not even before the caller's leg has been read", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const dump = holdAnswer(rig.sim, "uuid_dump");
    const call = await rig.sim.queueCall(withheld);
    await dump.asked;
    await call.answer();
    await call.callerHangsUp();
    expect(rig.legs()).toEqual([]);
    dump.release();
    await rig.facts(({ ended }) => ended !== undefined);
    expect(rig.legs().map(({ rings, answered, ended }) => ended ? "ended" : answered ? "answered" : rings ? "rings" : "begins"))
      .toEqual(expect.arrayContaining(["begins", "rings", "answered", "ended"]));
    expect(callers(rig).length).toBeGreaterThan(0);
    expect(callers(rig).every((caller) => caller.withheld)).toBe(true);
  });

  test.concurrent("is not shown after a connect either", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const from = await rig.reconnect(async () => {
      await (await rig.sim.queueCall(withheld)).offered;
    });
    const { legs } = await rig.next("snapshot", () => true, from);
    expect(legs).toMatchObject([{ rings: true, queue: true, caller: { withheld: true } }]);
  });

  test.concurrent("the leg is read once, and a caller who is not withheld is shown", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const call = await rig.sim.queueCall({ from: "14155550123" });
    await rig.facts(({ rings }) => rings === true);
    await call.answer();
    await rig.facts(({ answered }) => answered === true);
    expect(callers(rig).some((caller) => caller.withheld)).toBe(false);
    const dumps = rig.commands.filter((command) => command === `api uuid_dump ${call.caller.uuid} json`);
    expect(dumps).toHaveLength(1);
  });

  test.concurrent("an agent's leg rings although the caller's leg cannot be read", async () => {
    await using rig = await agentRig({ mode: "ready" }, {
      instead: (command) => command === "uuid_dump" ? "-ERR permission denied\n" : undefined,
    });
    await rig.sim.queueCall(withheld);
    await rig.facts(({ queue, rings }) => queue === true && rings === true);
    expect(rig.lines.filter((line) => line.includes("Cannot see whether a queue's caller is withheld"))).toHaveLength(1);
  });
});
