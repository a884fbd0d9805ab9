/** The agents over TCP, with the simulated switch: commands and their order, reports, and the valid state after a cut. */
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
import { maxJoinMs } from "../../../drivers/freeswitch/joining-legs.ts";
import { Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

describe("between the agent's answer and the caller", () => {
  const onBreak = `agent set status ${name} 'On Break'`;
  const rest = { login: false, mode: "not-ready" } as const;

  /** An agent who has answered the leg of a queue that is not connected yet, and a change of the status that waits for it. */
  async function waiting(part: Parameters<typeof setAgent>[1] = rest) {
    const rig = await agentRig({ mode: "ready" }, { desks: ["1001", "1002"] });
    const call = await rig.sim.queueCall({ from: "14155550123" });
    await rig.facts(({ rings }) => rings === true);
    await call.lift();
    await rig.facts(({ answered }) => answered === true);
    const from = rig.commands.length;
    const result = setAgent(rig, part);
    await heard(rig);
    return { rig, call, result, changes: () => acdCommands(rig, from) };
  }

  test.concurrent("a change from ready waits until they are connected, for mod_callcenter would hang up", async () => {
    const { rig, call, result, changes } = await waiting();
    await using _ = rig;
    expect(changes()).toEqual([]);
    await call.connect();
    expect(await result).toEqual({ outcome: "done" });
    expect(changes()).toEqual([onBreak]);
    expect(await setAgent(rig, rest)).toEqual({ outcome: "done" });
  });

  test.concurrent("it waits no longer than a second, nor when the leg has ended or the link is lost", async () => {
    const late = await waiting();
    await using _ = late.rig;
    await late.rig.timers.pass(maxJoinMs);
    expect(await late.result).toEqual({ outcome: "done" });
    const ended = await waiting();
    await using __ = ended.rig;
    await ended.call.callerHangsUp();
    expect(await ended.result).toEqual({ outcome: "done" });
    const lost = await waiting();
    await using ___ = lost.rig;
    lost.rig.sim.cut("rst");
    expect(await lost.result).toMatchObject({ outcome: "unknown" });
  });

  test.concurrent("agents at other desks do not wait for it, the same agent does", async () => {
    const { rig, call, result } = await waiting();
    await using _ = rig;
    const colleague = { desk: "1002", agent: "8" };
    expect(await setAgent(rig, colleague)).toEqual({ outcome: "done" });
    expect(await setAgent(rig, { ...colleague, login: false, mode: "ready" })).toEqual({ outcome: "done" });
    const next = setAgent(rig, { login: false, mode: "ready" });
    await heard(rig);
    expect(rig.sim.callcenter.agents.get(name)?.status).toBe("Available");
    const order: string[] = [];
    await call.connect();
    await Promise.all([result.then(() => order.push("rest")), next.then(() => order.push("ready"))]);
    expect(order).toEqual(["rest", "ready"]);
    expect(rig.sim.callcenter.agents.get(name)?.status).toBe("Available");
  });

  test.concurrent("a change to ready does not wait", async () => {
    const { rig, result, changes } = await waiting({ login: false, mode: "ready" });
    await using _ = rig;
    expect(await result).toEqual({ outcome: "done" });
    expect(changes().length).toBeGreaterThan(0);
  });
});

describe("agent commands", () => {
  test.concurrent("Login, Ready, NotReady, Logout: in order, one command after the other's answer", async () => {
    await using rig = await acdRig();
    const from = rig.commands.length;
    expect(await setAgent(rig)).toEqual({ outcome: "done" });
    expect(acdCommands(rig, from)).toEqual(login);
    const agent = () => rig.sim.callcenter.agents.get(name);
    expect(agent()).toMatchObject({ status: "On Break", contact: "user/1001@127.0.0.1" });
    expect(await setAgent(rig, { login: false, mode: "ready" })).toEqual({ outcome: "done" });
    expect(agent()).toMatchObject({ status: "Available", state: "Waiting" });
    expect(await setAgent(rig, { login: false, mode: "not-ready" })).toEqual({ outcome: "done" });
    expect(agent()?.status).toBe("On Break");
    expect(await setAgent(rig, { login: false, mode: "logged-out" })).toEqual({ outcome: "done" });
    expect(agent()?.status).toBe("Logged Out");
    expect(rig.sim.callcenter.command("tier list")).toBe("queue|agent|state|level|position\n+OK\n");
  });

  test.concurrent("a second Login succeeds: the agent and its tier already exist", async () => {
    await using rig = await agentRig();
    expect(await setAgent(rig)).toEqual({ outcome: "done" });
  });

  test.concurrent("two at once do not mix: the second starts when the first is done", async () => {
    await using rig = await acdRig();
    const from = rig.commands.length;
    const both = await Promise.all([setAgent(rig), setAgent(rig, { login: false, mode: "logged-out" })]);
    expect(both).toEqual([{ outcome: "done" }, { outcome: "done" }]);
    expect(acdCommands(rig, from)).toEqual([
      ...login,
      `agent set status ${name} 'Logged Out'`,
      `tier del support@default ${name}`,
    ]);
  });

  test.concurrent("a refusal ends it, with the reason; the earlier steps are undone", async () => {
    await using rig = await acdRig();
    const from = rig.commands.length;
    expect(await setAgent(rig, { queue: "nosuch@default" })).toMatchObject({
      outcome: "failed",
      why: "Queue nosuch@default does not exist on the switch: ask the administrator.",
    });
    expect(acdCommands(rig, from)).toEqual([
      `agent add ${name} callback`,
      `tier add nosuch@default ${name} 1 1`,
      `agent del ${name}`,
    ]);
    expect(await setAgent(rig, { queue: "support@default" })).toEqual({ outcome: "done" });
  });

  test.concurrent("missing agents that must exist: refused with the reason; Logout has nothing to do", async () => {
    await using rig = await acdRig({ acd: { create: false } });
    const from = rig.commands.length;
    const why = "The switch does not know you as an agent: ask the administrator (mod_callcenter).";
    expect(await setAgent(rig)).toMatchObject({ outcome: "failed", why });
    expect(await setAgent(rig, { login: false, mode: "logged-out" })).toEqual({ outcome: "done" });
    expect(acdCommands(rig, from)).toEqual([`agent set status ${name} 'On Break'`, `agent set status ${name} 'Logged Out'`]);
  });

  test.concurrent("the module is not loaded: refused with the reason", async () => {
    await using rig = await acdRig({ simulator: { queues: [] } });
    expect(await setAgent(rig)).toMatchObject({
      outcome: "failed",
      why: "The switch has no queues (mod_callcenter is not loaded): ask the administrator.",
    });
  });

  test.concurrent("text that could break out is refused before anything is sent, including the filter", async () => {
    await using rig = await acdRig({ acdAgent: "{agent}@default" });
    const from = rig.commands.length;
    for (const agent of ["7 x", "7\n\napi shutdown", "7'", "7;x", "7|x", "ü", ""]) {
      expect(await setAgent(rig, { agent: `${agent} ` })).toMatchObject({ outcome: "failed", cause: "NOT_SENT" });
    }
    for (const queue of ["a b", "a\r\nb", "a'b", "a;b", "a|b", "ü"]) {
      expect(await setAgent(rig, { queue })).toMatchObject({ outcome: "failed", cause: "NOT_SENT" });
    }
    expect(rig.commands.slice(from)).toEqual([]);
  });

  test.concurrent("without an ACD nothing is sent, and every command is done", async () => {
    await using rig = await Rig.ready();
    const from = rig.commands.length;
    expect(await setAgent(rig)).toEqual({ outcome: "done" });
    expect(rig.commands.slice(from).filter((command) => command.includes("callcenter"))).toEqual([]);
    expect(rig.events.some(({ type }) => type === "acd-reset")).toBe(false);
  });

  test.concurrent("the link is cut in the middle of two: both are unknown, before the link is down, and never repeated", async () => {
    await using rig = await acdRig();
    rig.cutAt("set contact");
    const why = expect.stringMatching(/lost.*try again when it is back\.$/);
    const both = await Promise.all([setAgent(rig), setAgent(rig, { login: false, mode: "ready" })]);
    expect(both).toEqual([{ outcome: "unknown", why }, { outcome: "unknown", why }]);
    await rig.next("link-down");
    const types = rig.events.map(({ type }) => type);
    expect(types.slice(types.indexOf("result"), types.indexOf("result") + 3)).toEqual(["result", "result", "link-down"]);
    const from = rig.events.length;
    await rig.connectAgain();
    await rig.next("link-up", () => true, from);
    expect(rig.commands.filter((command) => command.includes("set contact"))).toHaveLength(1);
  });
});

describe("events of agents", () => {
  test.concurrent("a change by a supervisor is reported with a reason; other desks' agents are ignored", async () => {
    await using rig = await agentRig();
    rig.sim.callcenter.command("agent add 1009@default callback");
    const modes = await modesAfter(rig, () => {
      rig.sim.callcenter.command("agent set status 1009@default Available");
      rig.sim.callcenter.command(`agent set status ${name} Available`);
      rig.sim.callcenter.command(`agent set status ${name} 'Logged Out'`);
      rig.sim.callcenter.command(`agent set status ${name} 'On Break'`);
      rig.sim.callcenter.command(`agent get status ${name}`);
    });
    expect(modes).toEqual(["1001 ready", "1001 logged-out", "1001 not-ready"]);
    expect(await rig.next("agent", ({ mode }) => mode === "logged-out")).toMatchObject({
      why: "a supervisor, or the switch, has logged you out",
    });
  });

  test.concurrent("a status with wrong capitals gets no calls, and counts as not ready", async () => {
    await using rig = await agentRig({ mode: "ready" });
    expect(await modesAfter(rig, () => rig.sim.callcenter.command(`agent set status ${name} available`))).toEqual([
      "1001 not-ready",
    ]);
  });

  test.concurrent("too many unanswered calls: the switch's break is reported", async () => {
    await using rig = await agentRig({ mode: "ready" });
    rig.sim.callcenter.command(`agent set max_no_answer ${name} 1`);
    const call = await rig.sim.queueCall({ from: "14155550123" });
    await call.offered;
    const from = rig.events.length;
    await call.noAnswer();
    expect(await rig.next("agent", ({ mode }) => mode === "not-ready", from)).toMatchObject({
      why: expect.stringContaining("a call was not answered"),
    });
  });
});

describe("the valid state after a connect", () => {
  const reset = { type: "acd-reset", desks: ["1001"] } as const;
  /** Resolves when the agents of desk 1001 have been queried after a reconnect. */
  const looked = (rig: Rig, from: number) =>
    rig.until(() => rig.events.slice(from).some(({ type }) => type === "agent" || type === "acd-reset"));

  test.concurrent("the first connect: our state is applied, and that of the switch is not requested", async () => {
    await using rig = await acdRig();
    expect(rig.events.find(({ type }) => type === "acd-reset")).toEqual(reset);
    expect(acdCommands(rig).filter((command) => !command.startsWith("filter"))).toEqual([]);
    expect(rig.commands).toContain(`filter CC-Agent ${name}`);
  });

  test.concurrent("the same FreeSWITCH: its state is valid, with the changes made meanwhile", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const from = await rig.reconnect(() => rig.sim.callcenter.command(`agent set status ${name} 'On Break'`));
    await looked(rig, from);
    expect(reportedModes(rig, from)).toEqual(["1001 not-ready"]);
    expect(rig.events.slice(from).some(({ type }) => type === "acd-reset")).toBe(false);
  });

  test.concurrent("the same FreeSWITCH, which no longer knows the agent: logged out", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const from = await rig.reconnect(() => rig.sim.callcenter.command(`agent del ${name}`));
    await looked(rig, from);
    expect(reportedModes(rig, from)).toEqual(["1001 logged-out"]);
  });

  test.concurrent("another FreeSWITCH: our state is applied again", async () => {
    await using rig = await agentRig({ mode: "ready" });
    const from = rig.events.length;
    await rig.sim.restart();
    await rig.connectAgain();
    expect(await rig.next("acd-reset", () => true, from)).toEqual(reset);
    expect(reportedModes(rig, from)).toEqual([]);
    expect(await setAgent(rig, { mode: "ready" })).toEqual({ outcome: "done" });
    expect(rig.sim.callcenter.agents.get(name)?.status).toBe("Available");
  });

  test.concurrent("a command was interrupted: our state is applied again, at that desk only", async () => {
    await using rig = await agentRig({}, { desks: ["1001", "1002"] });
    await setAgent(rig, { desk: "1002", agent: "8" });
    const from = rig.events.length;
    rig.cutAt("'Available'");
    expect(await setAgent(rig, { login: false, mode: "ready" })).toMatchObject({ outcome: "unknown" });
    await rig.connectAgain();
    expect(await rig.next("acd-reset", () => true, from)).toEqual(reset);
    await rig.next("agent", ({ desk }) => desk === "1002", from);
    // The switch is not queried about desk 1001: its state may be that of half a command.
    const after = rig.events.findIndex(({ type }, at) => at >= from && type === "acd-reset");
    expect(reportedModes(rig, after)).toEqual(["1002 not-ready"]);
    await setAgent(rig);
    const again = await rig.reconnect();
    await looked(rig, again);
    expect(rig.events.slice(again).some(({ type }) => type === "acd-reset")).toBe(false);
  });

  test.concurrent("core_uuid is denied: our state is applied each time, and the reason is logged", async () => {
    const instead = (command: string) => command === "global_getvar" ? "-ERR permission denied\n" : undefined;
    await using rig = await agentRig({}, { instead });
    const from = await rig.reconnect();
    await rig.next("acd-reset", () => true, from);
    expect(rig.lines.some((line) => line.includes("allow line.user global_getvar"))).toBe(true);
  });

  test.concurrent("a desk whose command was refused: our state is applied again", async () => {
    await using rig = await agentRig({ queue: "nosuch@default" });
    const from = await rig.reconnect();
    await looked(rig, from);
    expect(rig.events.slice(from)).toContainEqual(reset);
  });

  test.concurrent("the agents cannot be listed: nothing is reported, and the reason is logged", async () => {
    const instead = (_: string, arg: string) => arg === "agent list" ? "-ERR permission denied\n" : undefined;
    await using rig = await agentRig({}, { instead });
    const from = await rig.reconnect();
    await rig.until(() => rig.commands.at(-1) === "api callcenter_config agent list");
    await rig.startSecondSnapshot();
    await rig.next("snapshot", () => true, rig.events.findIndex(({ type }, at) => at >= from && type === "phone"));
    expect(reportedModes(rig, from)).toEqual([]);
    expect(rig.lines.some((line) => line.includes("Cannot list the agents of the ACD"))).toBe(true);
  });
});
