/** Agents whose names at mod_callcenter do not depend on the desk. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  acdCommands,
  acdRig,
  agentRig,
  heard,
  login,
  modesAfter,
  name,
  reportedModes,
  setAgent,
} from "../../support/freeswitch/acd-rig.ts";

setDefaultTimeout(60_000);

describe("names by agent: {agent}@default", () => {
  const acdAgent = "{agent}@default";

  test.concurrent("no filter before the Login, then one for the agent's name, and again after a reconnect", async () => {
    await using rig = await acdRig({ acdAgent });
    expect(rig.commands.filter((command) => command.includes("CC-Agent"))).toEqual([]);
    const from = rig.commands.length;
    await setAgent(rig);
    await setAgent(rig, { login: false, mode: "ready" });
    const filters = () => rig.commands.slice(from).filter((command) => command.includes("CC-Agent"));
    expect(filters()).toEqual(["filter CC-Agent 7@default"]);
    expect(rig.commands.indexOf("filter CC-Agent 7@default")).toBe(from);
    const events = await rig.reconnect();
    await rig.next("agent", () => true, events);
    expect(filters()).toEqual(Array(2).fill("filter CC-Agent 7@default"));
    rig.sim.callcenter.command("agent set status 7@default 'Logged Out'");
    await rig.next("agent", ({ mode }) => mode === "logged-out", events);
  });

  test.concurrent("another agent at the desk: the previous one is logged out there, and no longer reported", async () => {
    await using rig = await agentRig({ mode: "ready" }, { acdAgent });
    const from = rig.commands.length;
    await setAgent(rig, { agent: "8" });
    expect(acdCommands(rig, from)).toEqual([
      "filter CC-Agent 8@default",
      ...login.map((command) => command.replace(name, "8@default")),
      "filter delete CC-Agent 7@default",
      "agent set status 7@default 'Logged Out'",
    ]);
    const modes = await modesAfter(rig, () => {
      rig.sim.callcenter.command("agent set status 7@default Available");
      rig.sim.callcenter.command("agent set status 8@default Available");
    });
    expect(modes).toEqual(["1001 ready"]);
  });

  test.concurrent("two agents who change places at the same time: each is ready at the new desk", async () => {
    await using rig = await agentRig({ mode: "ready" }, { acdAgent, desks: ["1001", "1002"] });
    await setAgent(rig, { desk: "1002", agent: "8", mode: "ready" });
    await heard(rig);
    const from = rig.events.length;
    const moves = [setAgent(rig, { desk: "1002", mode: "ready" }), setAgent(rig, { agent: "8", mode: "ready" })];
    expect(await Promise.all(moves)).toEqual([{ outcome: "done" }, { outcome: "done" }]);
    await heard(rig);
    const { agents } = rig.sim.callcenter;
    expect(agents.get("7@default")).toMatchObject({ status: "Available", contact: "user/1002@127.0.0.1" });
    expect(agents.get("8@default")).toMatchObject({ status: "Available", contact: "user/1001@127.0.0.1" });
    const modes = await modesAfter(rig, () => rig.sim.callcenter.command("agent set status 8@default 'On Break'"));
    expect([reportedModes(rig, from).filter((mode) => mode.includes("logged-out")).length <= 1, modes]).toEqual([true, [
      "1001 not-ready",
    ]]);
  });

  test.concurrent("a relay's box changes no agent who is logged in at another desk, unless by a Login", async () => {
    await using rig = await agentRig({ mode: "ready", desk: "1002" }, { acdAgent, desks: ["1001", "1002"], wholeSwitch: true });
    const agent = () => rig.sim.callcenter.agents.get("7@default");
    for (const mode of ["logged-out", "not-ready", "ready"] as const) {
      expect(await setAgent(rig, { login: false, mode })).toEqual({
        outcome: "failed",
        cause: "ELSEWHERE",
        why: "Agent 7 is not logged in at phone 1001 but at another one: log in here first.",
      });
      expect(agent()).toMatchObject({ status: "Available", contact: "user/1002@127.0.0.1" });
    }
    expect(await setAgent(rig, { desk: "1002", login: false, mode: "logged-out" })).toEqual({ outcome: "done" });
    expect(await setAgent(rig, { login: false, mode: "logged-out" })).toEqual({ outcome: "done" });
    expect(await setAgent(rig)).toEqual({ outcome: "done" });
    expect(agent()).toMatchObject({ status: "On Break", contact: "user/1001@127.0.0.1" });
  });

  test.concurrent("the same agent at another desk: that phone counts, and the first desk is logged out", async () => {
    await using rig = await agentRig({ mode: "ready" }, { acdAgent, desks: ["1001", "1002"] });
    await heard(rig);
    const from = rig.events.length;
    await setAgent(rig, { desk: "1002", mode: "ready" });
    expect(await rig.next("agent", ({ desk }) => desk === "1001", from)).toEqual({
      type: "agent",
      desk: "1001",
      mode: "logged-out",
      why: "you have logged in at phone 1002",
    });
    expect(rig.sim.callcenter.agents.get("7@default")).toMatchObject({ status: "Available", contact: "user/1002@127.0.0.1" });
    expect(await modesAfter(rig, () => rig.sim.callcenter.command("agent set status 7@default 'On Break'"))).toEqual([
      "1002 not-ready",
    ]);
  });

  test.concurrent("a refused Login at another desk leaves the agent at the first", async () => {
    await using rig = await agentRig({ mode: "ready" }, { acdAgent, desks: ["1001", "1002"] });
    expect(await setAgent(rig, { desk: "1002", queue: "nosuch@default" })).toMatchObject({ outcome: "failed" });
    expect(await modesAfter(rig, () => rig.sim.callcenter.command("agent set status 7@default 'On Break'"))).toEqual([
      "1001 not-ready",
    ]);
  });

  test.concurrent("named by the desk, an agent at two desks is two agents of the ACD", async () => {
    await using rig = await agentRig({ mode: "ready" }, { desks: ["1001", "1002"] });
    await setAgent(rig, { desk: "1002", mode: "ready" });
    await heard(rig);
    expect([...rig.sim.callcenter.agents.values()].map(({ name, status }) => `${name} ${status}`)).toEqual([
      "1001@default Available",
      "1002@default Available",
    ]);
    expect(reportedModes(rig)).not.toContain("1001 logged-out");
  });
});
