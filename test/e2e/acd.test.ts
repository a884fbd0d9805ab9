/** The whole daemon with an ACD, between the simulated switch and a small CRM. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { name, start, warned } from "../support/daemon/acd-office.ts";

setDefaultTimeout(60_000);

describe("an agent and the queue:", () => {
  const withAcd = { line: { acd: {} } };

  test.concurrent("Login, Ready, a queue's call: On Break at the answer, Available again only by Ready", async () => {
    await using office = await start(withAcd);
    expect(await office.login()).toBe("ok");
    expect(office.agent()?.status).toBe("On Break");
    expect(await office.ready()).toBe("ok");
    expect(office.agent()).toMatchObject({ status: "Available", state: "Waiting" });
    const call = await office.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.answer();
    await office.until("the break", () => office.agent()?.status === "On Break");
    await office.mode("not-ready");
    expect(await office.checkStatus()).toBe("ok");
    const second = await office.sim.queueCall({ from: "14155550777" });
    await call.callerHangsUp();
    await office.until("the release", () => office.rig.crm.events.some((event) => event.name === "CallReleased"));
    // The second caller waits in the queue although the first call is over.
    expect(second.leg).toBeUndefined();
    expect(await office.ready()).toBe("ok");
    await second.offered;
    expect(second.leg).toBeDefined();
    await second.callerHangsUp();
    expect(warned(office.lines)).toEqual([]);
  });

  test.concurrent("afterCall nothing: the agent stays Available", async () => {
    await using office = await start({ ...withAcd, more: { agent: { afterCall: "nothing" } } });
    await office.login();
    await office.ready();
    const call = await office.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.answer();
    await office.until("the answer", () => office.desk()?.calls[0]?.state === "answered");
    await call.agentHangsUp();
    await office.until("the end", () => office.desk()?.calls.length === 0);
    expect(office.agent()?.status).toBe("Available");
  });

  test.concurrent("the switch gives the agent a break after an unanswered call: CheckStatus, status and the log report it; Ready works", async () => {
    await using office = await start(withAcd);
    await office.login();
    await office.ready();
    office.sim.callcenter.command(`agent set max_no_answer ${name} 1`);
    const call = await office.sim.queueCall({ from: "14155550123" });
    await call.offered;
    await call.noAnswer();
    await office.mode("not-ready");
    const why =
      "the switch has put you on a break because a call was not answered, or a supervisor has: press Ready when you are";
    expect(await office.checkStatus()).toBe(`Agent agent-1001 is not ready: ${why}.`);
    expect(office.desk()?.agents).toEqual([{ agent: "agent-1001", mode: "not-ready", why }]);
    expect(warned(office.lines)).toHaveLength(1);
    expect(await office.ready()).toBe("ok");
    expect(await office.checkStatus()).toBe("ok");
    expect(office.agent()?.status).toBe("Available");
    await call.callerHangsUp();
  });

  test.concurrent("a supervisor logs the agent out: Ready is refused with the reason, Login works", async () => {
    await using office = await start(withAcd);
    await office.login();
    await office.ready();
    office.sim.callcenter.command(`agent set status ${name} 'Logged Out'`);
    await office.mode("logged-out");
    expect(await office.checkStatus()).toContain("is logged out of the ACD: a supervisor, or the switch, has logged you out.");
    expect(await office.ready()).toBe("Agent agent-1001 is not logged in: log in first, then press Ready.");
    expect(await office.login()).toBe("ok");
    expect(await office.checkStatus()).toBe("ok");
  });

  test.concurrent("the phone is lost: the agent does not stay Available, Ready is refused until it is back", async () => {
    await using office = await start(withAcd);
    await office.login();
    await office.ready();
    office.sim.phones.unregister("1001");
    await office.until("the break", () => office.agent()?.status === "On Break");
    expect(await office.checkStatus()).toContain("Phone 1001 is not registered");
    expect(await office.ready()).toContain("then press Ready");
    expect(office.agent()?.status).toBe("On Break");
    office.sim.phones.register("1001");
    await office.until("the phone", () => office.desk()?.phone === "registered");
    expect(await office.ready()).toBe("ok");
    expect(await office.checkStatus()).toBe("ok");
  });

  test.concurrent("FreeSWITCH crashes and comes back without its agents: ours is applied again", async () => {
    await using office = await start(withAcd);
    await office.login();
    await office.ready();
    await office.sim.restart();
    expect(office.agent()).toBeUndefined();
    await office.until("the agent to be there again", () => office.agent()?.status === "Available");
    const call = await office.sim.queueCall({ from: "14155550123" });
    await call.offered;
    expect(office.desk()?.agents).toEqual([{ agent: "agent-1001", mode: "ready" }]);
    await call.callerHangsUp();
  });

  test.concurrent("a refusal of the switch is reported; a queue that could inject a command is never sent", async () => {
    await using office = await start(withAcd);
    expect(await office.login("nosuch@default")).toBe(
      "Queue nosuch@default does not exist on the switch: ask the administrator.",
    );
    const before = office.sim.server.connections[0]?.commands.length;
    for (const queue of ["a b", "a'b", "a;b", "a|b", "ü", "support@default x", "$(id)"]) {
      expect(await office.login(queue)).toContain("is not known to this box");
    }
    for (const queue of ["a\nb", "a\r\n\r\napi shutdown"]) expect(await office.login(queue)).toContain("control character");
    expect(office.sim.server.connections[0]?.commands.length).toBe(before as number);
    expect(office.desk()?.agents).toEqual([]);
  });
});
