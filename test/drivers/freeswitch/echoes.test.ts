/** The events of our own agent commands, however late, do not count as changes by others; a supervisor's change always does. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Echoes } from "../../../drivers/freeswitch/echoes.ts";
import { acdRig, heard, holdAgentEvents, modesAfter, reportedModes, setAgent } from "../../support/freeswitch/acd-rig.ts";
import { holdAnswer } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const name = "1001@default";
const ready = { login: false, mode: "ready" } as const;

describe("echoes of our own commands", () => {
  test.concurrent("events that come before the answers: nothing is reported about the agent", async () => {
    await using rig = await acdRig();
    const from = rig.events.length;
    await setAgent(rig);
    await setAgent(rig, ready);
    await heard(rig);
    expect(reportedModes(rig, from)).toEqual([]);
  });

  test.concurrent("Login and Ready, whose events come long after both are done: nothing is reported about the agent", async () => {
    await using rig = await acdRig();
    const from = rig.events.length;
    const release = holdAgentEvents(rig.sim);
    await Promise.all([setAgent(rig), setAgent(rig, ready)]);
    release();
    await heard(rig);
    expect(reportedModes(rig, from)).toEqual([]);
  });

  test.concurrent("the event of the Login arrives during the Ready", async () => {
    await using rig = await acdRig();
    const from = rig.events.length;
    const release = holdAgentEvents(rig.sim);
    await setAgent(rig);
    const held = holdAnswer(rig.sim, "callcenter_config");
    const done = setAgent(rig, ready);
    await held.asked;
    release();
    held.release();
    expect(await done).toEqual({ outcome: "done" });
    await heard(rig);
    expect(reportedModes(rig, from)).toEqual([]);
  });

  test.concurrent("a supervisor sets what we had set before, while our events are late: only that change is reported", async () => {
    await using rig = await acdRig();
    const from = rig.events.length;
    const release = holdAgentEvents(rig.sim);
    await setAgent(rig);
    await setAgent(rig, ready);
    rig.sim.callcenter.command(`agent set status ${name} 'On Break'`);
    release();
    await heard(rig);
    expect(reportedModes(rig, from)).toEqual(["1001 not-ready"]);
  });

  test.concurrent("a supervisor sets the status that we have set once: the second event is a change by others", async () => {
    await using rig = await acdRig();
    await setAgent(rig);
    await setAgent(rig, ready);
    const modes = await modesAfter(rig, () => {
      rig.sim.callcenter.command(`agent set status ${name} 'On Break'`);
      rig.sim.callcenter.command(`agent set status ${name} Available`);
    });
    expect(modes).toEqual(["1001 not-ready", "1001 ready"]);
  });

  test.concurrent("a status that the switch refuses to set causes no event: the next equal one is a change by others", async () => {
    let refuses = true;
    const instead = (_: string, arg: string) =>
      refuses && arg.includes("'Available'") ? "-ERR Invalid Agent Status!\n" : undefined;
    await using rig = await acdRig({ instead });
    await setAgent(rig);
    expect(await setAgent(rig, ready)).toMatchObject({ outcome: "failed" });
    refuses = false;
    expect(await modesAfter(rig, () => rig.sim.callcenter.command(`agent set status ${name} Available`))).toEqual(["1001 ready"]);
  });

  test.concurrent("an event that is lost with the connection does not hide a supervisor's later change", async () => {
    await using rig = await acdRig();
    holdAgentEvents(rig.sim);
    await setAgent(rig, { mode: "ready" });
    const from = await rig.reconnect();
    await rig.next("agent", ({ mode }) => mode === "ready", from);
    const later = rig.events.length;
    rig.sim.sw.fire(
      "CUSTOM",
      { "CC-Agent": name, "CC-Action": "agent-status-change", "CC-Agent-Status": "Available" },
      "callcenter::info",
    );
    await heard(rig);
    expect(reportedModes(rig, later)).toEqual(["1001 ready"]);
  });

  test.concurrent("after a reconnect, a Ready that waits for the list of agents is not contradicted by it", async () => {
    await using rig = await acdRig();
    await setAgent(rig);
    const held = holdAnswer(rig.sim, "global_getvar");
    rig.sim.cut("rst");
    await rig.connectAgain();
    await held.asked;
    const list = holdAnswer(rig.sim, "callcenter_config");
    held.release();
    await list.asked;
    const from = rig.events.length;
    const done = setAgent(rig, ready);
    list.release();
    expect(await done).toEqual({ outcome: "done" });
    await heard(rig);
    expect(reportedModes(rig, from)).toEqual([]);
    expect(rig.sim.callcenter.agents.get(name)?.status).toBe("Available");
  });
});

describe("what is expected", () => {
  test("once for each command, agent and status; a refusal withdraws it", () => {
    const echoes = new Echoes();
    expect(echoes.take("a", "Available")).toBe(false);
    for (let time = 0; time < 2; time++) echoes.expect("a", "Available");
    echoes.expect("b", "On Break");
    expect(["Available", "Available", "Available"].map((status) => echoes.take("a", status))).toEqual([true, true, false]);
    expect(echoes.take("a", "On Break")).toBe(false);
    echoes.withdraw("b", "On Break");
    expect(echoes.take("b", "On Break")).toBe(false);
  });
});
