/** The whole daemon with an ACD, between the simulated switch and a small CRM. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";

import { name, start, warned } from "../support/daemon/acd-office.ts";

setDefaultTimeout(60_000);
describe("an agent and his queue:", () => {
  const withAcd = { line: { acd: {} } };

  test.concurrent("Login, Ready, a queue's call: On Break at the answer, Available again only by Ready", async () => {
    const all = await start(withAcd);
    expect(await all.login()).toBe("ok");
    expect(all.agent()?.status).toBe("On Break");
    expect(await all.ready()).toBe("ok");
    expect(all.agent()).toMatchObject({ status: "Available", state: "Waiting" });
    const call = await all.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.answer();
    await all.until("the break", () => all.agent()?.status === "On Break");
    await all.mode("not-ready");
    expect(await all.checkStatus()).toBe("ok");
    const second = await all.sim.queueCall({ from: "14155550777" });
    await call.callerHangsUp();
    await all.until("the release", () => all.rig.crm.events.some((event) => event.name === "CallReleased"));
    // The second caller waits in the queue although the first call is over.
    expect(second.leg).toBeUndefined();
    expect(await all.ready()).toBe("ok");
    await second.offered;
    expect(second.leg).toBeDefined();
    await second.callerHangsUp();
    expect(warned(all.lines)).toEqual([]);
    await all.stop();
  });

  test.concurrent("afterCall nothing: he stays Available", async () => {
    const all = await start({ ...withAcd, more: { agent: { afterCall: "nothing" } } });
    await all.login();
    await all.ready();
    const call = await all.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.answer();
    await all.until("the answer", () => all.desk()?.calls[0]?.state === "answered");
    await call.agentHangsUp();
    await all.until("the end", () => all.desk()?.calls.length === 0);
    expect(all.agent()?.status).toBe("Available");
    await all.stop();
  });

  test.concurrent("the switch takes him off after an unanswered call: CheckStatus, status and the log say it; Ready works", async () => {
    const all = await start(withAcd);
    await all.login();
    await all.ready();
    all.sim.callcenter.command(`agent set max_no_answer ${name} 1`);
    const call = await all.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.noAnswer();
    await all.mode("not-ready");
    const why =
      "the switch has put you on a break because a call was not answered, or a supervisor has: press Ready when you are";
    expect(await all.checkStatus()).toBe(`Agent agent-1001 is not ready: ${why}.`);
    expect(all.desk()?.agents).toEqual([{ agent: "agent-1001", mode: "not-ready", why }]);
    expect(warned(all.lines)).toHaveLength(1);
    expect(await all.ready()).toBe("ok");
    expect(await all.checkStatus()).toBe("ok");
    expect(all.agent()?.status).toBe("Available");
    await call.callerHangsUp();
    await all.stop();
  });

  test.concurrent("a supervisor logs him out: Ready is refused in words, Login works", async () => {
    const all = await start(withAcd);
    await all.login();
    await all.ready();
    all.sim.callcenter.command(`agent set status ${name} 'Logged Out'`);
    await all.mode("logged-out");
    expect(await all.checkStatus()).toContain("is logged out of the ACD: a supervisor, or the switch, has logged you out.");
    expect(await all.ready()).toBe("Agent agent-1001 is not logged in: log in first, then press Ready.");
    expect(await all.login()).toBe("ok");
    expect(await all.checkStatus()).toBe("ok");
    await all.stop();
  });

  test.concurrent("the phone goes: he is not left Available, Ready is refused until it is back", async () => {
    const all = await start(withAcd);
    await all.login();
    await all.ready();
    all.sim.phones.unregister("1001");
    await all.until("the break", () => all.agent()?.status === "On Break");
    expect(await all.checkStatus()).toContain("Phone 1001 is not registered");
    expect(await all.ready()).toContain("then press Ready");
    expect(all.agent()?.status).toBe("On Break");
    all.sim.phones.register("1001");
    await all.until("the phone", () => all.desk()?.phone === "registered");
    expect(await all.ready()).toBe("ok");
    expect(await all.checkStatus()).toBe("ok");
    await all.stop();
  });

  test.concurrent("FreeSWITCH crashes and comes back without its agents: ours is applied again", async () => {
    const all = await start(withAcd);
    await all.login();
    await all.ready();
    await all.sim.restart();
    expect(all.agent()).toBeUndefined();
    await all.until("the agent to be there again", () => all.agent()?.status === "Available");
    const call = await all.sim.queueCall({ from: "14155550123" });
    await call.offered;
    expect(all.desk()?.agents).toEqual([{ agent: "agent-1001", mode: "ready" }]);
    await call.callerHangsUp();
    await all.stop();
  });

  test.concurrent("what the switch refuses is said; what could break out never gets there", async () => {
    const all = await start(withAcd);
    expect(await all.login("nosuch@default")).toBe("Queue nosuch@default does not exist on the switch: ask the administrator.");
    const before = all.sim.server.connections[0]?.commands.length;
    for (const queue of ["a b", "a'b", "a;b", "a|b", "ü", "support@default x", "$(id)"]) {
      expect(await all.login(queue)).toContain("is not known to this box");
    }
    for (const queue of ["a\nb", "a\r\n\r\napi shutdown"]) expect(await all.login(queue)).toContain("control character");
    expect(all.sim.server.connections[0]?.commands.length).toBe(before as number);
    expect(all.desk()?.agents).toEqual([]);
    await all.stop();
  });
});
