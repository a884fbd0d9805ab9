/** The agent at a desk: lost phones, restarts, and several agents and desks. */
import { describe, expect, test } from "bun:test";
import type { AgentMode } from "../../../src/core/line.ts";
import { AcdDesk, results } from "../../support/acd-desk.ts";

/** A desk whose agent A is logged in, in this mode. */
function deskOf(mode: AgentMode, agent = "A"): AcdDesk {
  const desk = new AcdDesk();
  desk.does("Login", { agent });
  if (mode === "ready") desk.does("Ready", { agent });
  if (mode === "logged-out") desk.does("Logout", { agent });
  return desk;
}

describe("an agent without a registered phone is never left available:", () => {
  const taken = "own: A not-ready in sales";

  test("the phone is lost while the agent is ready: on a break, with the reason in CheckStatus even after it is back", () => {
    const desk = deskOf("ready");
    expect(desk.phone(false)).toEqual([taken]);
    desk.answers();
    desk.says("not-ready", "an echo");
    expect(desk.agents).toEqual(["A not-ready in sales: phone 1001 was not registered: press Ready when it is"]);
    expect(desk.status).toBe("Phone 1001 is not registered: check its cable and power.");
    expect(desk.phone(false)).toEqual([]);
    desk.phone(true);
    expect(desk.status).toBe("Agent A is not ready: phone 1001 was not registered: press Ready when it is.");
    desk.does("Ready");
    expect(desk.status).toBe("ok");
  });

  test("Ready without a phone is refused, without a command to the switch", () => {
    const desk = deskOf("not-ready");
    desk.phone(false);
    expect(desk.does("Ready")).toEqual(["Phone 1001 is not registered: check its cable and power, then press Ready."]);
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("Ready is refused with the reason of the switch, without its last full stop", () => {
    const desk = deskOf("not-ready");
    desk.hear({ type: "phone", desk: "1001", registered: false, why: "Phone 1001 has left 10.0.0.9." });
    expect(desk.does("Ready")).toEqual(["Phone 1001 has left 10.0.0.9, then press Ready."]);
  });

  test("Login, NotReady and Logout work without a phone", () => {
    const desk = new AcdDesk();
    desk.phone(false);
    expect(desk.does("Login")).toEqual(["A logs in, not-ready in sales", "ok"]);
    expect(desk.does("NotReady")).toEqual(["A not-ready in sales", "ok"]);
    expect(desk.does("Logout")).toEqual(["A logged-out in sales", "ok"]);
  });

  test("a supervisor makes the agent ready without a phone: on a break again", () => {
    const desk = deskOf("not-ready");
    desk.phone(false);
    expect(desk.says("ready")).toEqual([taken]);
  });

  test("the phone is lost while Ready is in progress: on a break as soon as the agent is ready", () => {
    const desk = deskOf("not-ready");
    desk.asks("Ready");
    expect(desk.phone(false)).toEqual([]);
    expect(desk.answers()).toEqual(["ok", taken]);
    expect(desk.agents).toEqual(["A not-ready in sales: phone 1001 was not registered: press Ready when it is"]);
  });

  test("a phone in an unknown state changes nothing", () => {
    const desk = deskOf("ready");
    desk.hear({ type: "link-down", why: "reset" });
    expect(desk.hear({ type: "link-up", to: "switch" })).toEqual([]);
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("without an ACD Ready is kept, whatever the phone does", () => {
    const desk = new AcdDesk({ driven: false, afterCall: "not-ready" });
    desk.phone(false);
    desk.does("Login");
    expect(desk.does("Ready")).toEqual(["ok"]);
  });
});

describe("after a restart of the switch or of telesetd:", () => {
  const reset = { type: "acd-reset", desks: ["1001"] } as const;

  test.each([["ready", "own: A logs in, ready in sales"], ["not-ready", "own: A logs in, not-ready in sales"]] as const)(
    "the state of an agent who is %s is set again",
    (mode, command) => {
      const desk = deskOf(mode);
      expect(desk.hear(reset)).toEqual([command]);
      desk.answers();
      expect(desk.agents).toEqual([`A ${mode} in sales`]);
      expect(desk.status).toBe("ok");
    },
  );

  test("also a state that a supervisor has set: the last one counts", () => {
    const desk = deskOf("ready");
    desk.says("not-ready");
    expect(desk.hear(reset)).toEqual(["own: A logs in, not-ready in sales"]);
    desk.answers();
    expect(desk.status).toBe("Agent A is not ready: a supervisor did it.");
  });

  test("nothing is set for an agent who is logged out, a desk without an agent, or without an ACD", () => {
    expect(deskOf("logged-out").hear(reset)).toEqual([]);
    expect(new AcdDesk().hear(reset)).toEqual([]);
    const none = new AcdDesk({ driven: false, afterCall: "not-ready" });
    none.does("Login");
    expect(none.hear(reset)).toEqual([]);
  });

  test("an agent without a phone is set not ready", () => {
    const desk = deskOf("ready");
    desk.phone(false);
    desk.answers(results.failed);
    expect(desk.hear(reset)).toEqual(["own: A logs in, not-ready in sales"]);
  });

  test("of several agents the state of the one at work is set", () => {
    const desk = deskOf("ready");
    desk.does("Login", { agent: "B", queue: "support" });
    expect(desk.hear(reset)).toEqual(["own: B logs in, not-ready in support"]);
  });
});

describe("hot desk:", () => {
  const takenBy = (agent: string) => `agent ${agent} has logged in at phone 1001`;

  test("two agents on one desk: the one who logs in takes the place; the other is logged out, with the reason in status", () => {
    const desk = deskOf("ready");
    expect(desk.does("Login", { agent: "B" })).toEqual(["B logs in, not-ready in sales", "ok"]);
    expect(desk.agents).toEqual([`A logged-out in sales: ${takenBy("B")}`, "B not-ready in sales"]);
    expect(desk.status).toBe("ok");
    expect(desk.does("Ready")).toEqual(["Agent A is not logged in: log in first, then press Ready."]);
    expect(desk.does("Logout")).toEqual(["ok"]);
    expect(desk.agents.at(-1)).toBe("B not-ready in sales");
  });

  test("the same without an ACD", () => {
    const desk = new AcdDesk({ driven: false, afterCall: "not-ready" });
    desk.does("Login");
    desk.does("Ready");
    desk.does("Login", { agent: "B" });
    expect(desk.agents).toEqual([`A logged-out in sales: ${takenBy("B")}`, "B not-ready in sales"]);
  });

  test("a Login that the switch refuses does not take the place", () => {
    const desk = deskOf("ready");
    expect(desk.does("Login", { agent: "B", result: results.failed })).toEqual([
      "B logs in, not-ready in sales",
      "The switch refuses.",
    ]);
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("the switch reports the state of the agent at work; after their Logout no other agent comes back", () => {
    const desk = deskOf("ready");
    desk.does("Login", { agent: "B" });
    desk.says("ready");
    expect(desk.agents.at(-1)).toBe("B ready in sales: a supervisor did it");
    desk.does("Logout", { agent: "B" });
    expect(desk.agents.map((agent) => agent.split(" ")[1])).toEqual(["logged-out", "logged-out"]);
    expect(desk.hear({ type: "acd-reset", desks: ["1001"] })).toEqual([]);
  });

  test("the time of the last change: kept by callouts and reports without a change, and by those of another agent", () => {
    const desk = deskOf("not-ready");
    const since = () => desk.desk.agents.map(({ id, since }) => `${id} ${since}`);
    desk.now = 5;
    desk.does("Ready");
    desk.now = 6;
    desk.does("Ready");
    desk.asks("NotReady");
    desk.says("ready");
    expect(since()).toEqual(["A 5"]);
    desk.now = 7;
    desk.does("Login", { agent: "B" });
    expect(since()).toEqual(["A 7", "B 7"]);
    desk.now = 8;
    desk.does("Login", { agent: "C" });
    expect(since()).toEqual(["A 7", "B 8", "C 8"]);
    desk.does("NotReady", { agent: "B" });
    desk.now = 9;
    desk.does("NotReady", { agent: "C" });
    expect(since()).toEqual(["A 7", "B 8", "C 8"]);
  });

  test("without an ACD: a Ready of the former agent leaves the other at work", () => {
    const desk = new AcdDesk({ driven: false, afterCall: "not-ready" });
    desk.does("Login", { agent: "B" });
    desk.does("NotReady");
    expect(desk.agents).toEqual(["B not-ready in sales", "A logged-out"]);
  });

  test("the former agent comes back and takes the place again, without the reason", () => {
    const desk = deskOf("ready");
    desk.does("Login", { agent: "B" });
    desk.does("Login");
    expect(desk.agents).toEqual([`B logged-out in sales: ${takenBy("A")}`, "A not-ready in sales"]);
  });

  test("a second Login by the same agent changes nothing", () => {
    const desk = deskOf("ready");
    desk.does("Login");
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("an agent on two desks: each desk has its own place, independent of the other", () => {
    const [one, two] = [deskOf("ready"), deskOf("ready")];
    one.does("NotReady");
    expect([one.agents, two.agents]).toEqual([["A not-ready in sales"], ["A ready in sales"]]);
  });

  test("a driver whose ACD knows the agent by name reports that the agent has left the first desk", () => {
    const desk = deskOf("ready");
    desk.says("logged-out", "you have logged in at phone 1002");
    expect(desk.status).toBe("Agent A is logged out of the ACD: you have logged in at phone 1002.");
    expect(desk.does("Logout")).toEqual(["ok"]);
  });

  test("a Register alone moves the events of the desk, not its place at the ACD", () => {
    const desk = deskOf("ready");
    const before = desk.agents;
    desk.register("B");
    expect([desk.agents, desk.open]).toEqual([before, []]);
    expect(desk.desk.registration?.agent).toBe("B");
  });
});
