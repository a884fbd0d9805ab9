/**
 * The agent's state under everything that can happen to it. The rule (src/core/agent/acd.ts): while the link is up the switch is
 * right; after a restart the agent's last request is applied again; an agent who logs in takes over the desk's place.
 */
import { describe, expect, test } from "bun:test";
import type { AgentCallout } from "../../../src/core/agent/agent.ts";
import type { AgentMode } from "../../../src/core/line.ts";
import { AcdDesk, results } from "../../support/acd-desk.ts";

type Was = "unknown" | AgentMode;

/** A desk whose agent A is in this mode. */
function deskOf(was: Was, afterCall: "not-ready" | "nothing" = "not-ready"): AcdDesk {
  const desk = new AcdDesk({ driven: true, afterCall });
  if (was !== "unknown") desk.does("Login");
  if (was === "ready") desk.does("Ready");
  if (was === "logged-out") desk.does("Logout");
  return desk;
}

function stateOf(desk: AcdDesk): string {
  return desk.agents.join(", ") || "nobody";
}

const notLoggedIn = "Agent A is not logged in: log in first, then press Ready.";

describe("a callout:", () => {
  /** The mode before, the callout, the command to the switch ("" for none), the mode after it. */
  const table: [Was, AgentCallout, string, string][] = [
    ["unknown", "Login", "A logs in, not-ready in sales", "A not-ready in sales"],
    ["unknown", "Ready", "", "nobody"],
    ["unknown", "NotReady", "", "nobody"],
    ["unknown", "Logout", "", "nobody"],
    ["logged-out", "Login", "A logs in, not-ready in sales", "A not-ready in sales"],
    ["logged-out", "Ready", "", "A logged-out in sales"],
    ["logged-out", "NotReady", "", "A logged-out in sales"],
    ["logged-out", "Logout", "", "A logged-out in sales"],
    ["not-ready", "Login", "A logs in, not-ready in sales", "A not-ready in sales"],
    ["not-ready", "Ready", "A ready in sales", "A ready in sales"],
    ["not-ready", "NotReady", "A not-ready in sales", "A not-ready in sales"],
    ["not-ready", "Logout", "A logged-out in sales", "A logged-out in sales"],
    ["ready", "Login", "A logs in, ready in sales", "A ready in sales"],
    ["ready", "Ready", "A ready in sales", "A ready in sales"],
    ["ready", "NotReady", "A not-ready in sales", "A not-ready in sales"],
    ["ready", "Logout", "A logged-out in sales", "A logged-out in sales"],
  ];
  const replies = { done: "ok", failed: "The switch refuses.", unknown: "The connection was lost." };
  const outcomes = ["done", "failed", "unknown"] as const;
  const cases = table.flatMap(([was, name, command, becomes]) =>
    (command === "" ? ["done" as const] : outcomes).map((outcome) => {
      const reply = command === "" ? (name === "Ready" ? notLoggedIn : "ok") : replies[outcome];
      const then = outcome === "done" ? becomes : stateOf(deskOf(was));
      return { was, name, command: command || "nothing", outcome, reply, then };
    })
  );
  test.each(cases)(
    "an agent who is $was, and $name: command $command; when that is $outcome the answer is $reply and then: $then",
    ({ was, name, command, outcome, reply, then }) => {
      const desk = deskOf(was);
      expect(desk.does(name, { result: results[outcome] })).toEqual(command === "nothing" ? [reply] : [command, reply]);
      expect(stateOf(desk)).toBe(then);
      expect(desk.status).toBe("ok");
    },
  );

  test("is answered after the switch has answered, not earlier", () => {
    const desk = deskOf("not-ready");
    expect(desk.asks("Ready")).toEqual(["A ready in sales"]);
    expect(desk.agents).toEqual(["A not-ready in sales"]);
    expect(desk.answers()).toEqual(["ok"]);
  });
});

describe("the switch changes the state itself:", () => {
  const why = "Agent A";
  const table: [Was, AgentMode, string, string][] = [
    ["unknown", "logged-out", "nobody", "ok"],
    ["unknown", "not-ready", "nobody", "ok"],
    ["unknown", "ready", "nobody", "ok"],
    ["logged-out", "logged-out", "A logged-out in sales", "ok"],
    ["logged-out", "not-ready", "A not-ready in sales: a supervisor did it", `${why} is not ready: a supervisor did it.`],
    ["logged-out", "ready", "A ready in sales: a supervisor did it", `${why} has been made ready: a supervisor did it.`],
    [
      "not-ready",
      "logged-out",
      "A logged-out in sales: a supervisor did it",
      `${why} is logged out of the ACD: a supervisor did it.`,
    ],
    ["not-ready", "not-ready", "A not-ready in sales", "ok"],
    ["not-ready", "ready", "A ready in sales: a supervisor did it", `${why} has been made ready: a supervisor did it.`],
    [
      "ready",
      "logged-out",
      "A logged-out in sales: a supervisor did it",
      `${why} is logged out of the ACD: a supervisor did it.`,
    ],
    ["ready", "not-ready", "A not-ready in sales: a supervisor did it", `${why} is not ready: a supervisor did it.`],
    ["ready", "ready", "A ready in sales", "ok"],
  ];
  test.each(table)("an agent who is %s is %s there: then %s, and CheckStatus says %s", (was, mode, then, status) => {
    const desk = deskOf(was);
    desk.now = 5000;
    const before = desk.desk;
    expect(desk.says(mode)).toEqual([]);
    expect(stateOf(desk)).toBe(then);
    expect(desk.status).toBe(status);
    if (status === "ok") expect(desk.desk).toBe(before);
    else expect(desk.desk.agents.at(-1)?.since).toBe(5000);
  });

  test("the next request of the agent removes the reason", () => {
    const desk = deskOf("ready");
    desk.says("not-ready");
    expect(desk.status).toBe("Agent A is not ready: a supervisor did it.");
    desk.does("Ready");
    expect(desk.status).toBe("ok");
    desk.says("logged-out");
    expect(desk.does("Ready")).toEqual([notLoggedIn]);
    desk.does("Login");
    expect(desk.status).toBe("ok");
  });

  test("a supervisor logs the agent out and in again: the state follows both", () => {
    const desk = deskOf("ready");
    desk.says("logged-out");
    desk.says("ready", "a supervisor did it");
    expect(desk.agents).toEqual(["A ready in sales: a supervisor did it"]);
  });

  test("for the agent of another desk: no change", () => {
    const desk = deskOf("ready");
    const before = desk.desk;
    desk.hear({ type: "agent", desk: "1002", mode: "logged-out", why: "x" }, { type: "acd-reset", desks: ["1002"] });
    expect([desk.desk, desk.open]).toEqual([before, []]);
  });
});

describe("a report of our own command changes nothing:", () => {
  const cases = [["Ready", "ready"], ["NotReady", "not-ready"], ["Logout", "logged-out"], ["Login", "ready"]] as const;
  test.each(cases)("%s, reported before its result", (name, mode) => {
    const desk = deskOf(name === "Ready" ? "not-ready" : "ready");
    desk.asks(name);
    const before = desk.desk;
    desk.says(mode);
    expect(desk.desk).toBe(before);
    desk.answers();
    expect(desk.agents).toEqual([`A ${mode} in sales`]);
  });

  test("the Login of another agent, reported before its result, is not mistaken for a break of the first", () => {
    const desk = deskOf("ready");
    desk.asks("Login", { agent: "B" });
    desk.says("not-ready");
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("once: the next report is a supervisor's change", () => {
    const desk = deskOf("not-ready");
    desk.asks("Ready");
    desk.says("ready");
    desk.says("not-ready", "a supervisor was quicker");
    expect(desk.answers()).toEqual(["ok"]);
    expect(desk.agents).toEqual(["A not-ready in sales: a supervisor was quicker"]);
  });

  test("a supervisor's change just before it no longer counts", () => {
    const desk = deskOf("not-ready");
    desk.asks("Ready");
    desk.says("logged-out");
    desk.says("ready");
    desk.answers();
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("after the result, reports of the switch count again", () => {
    const desk = deskOf("not-ready");
    desk.does("Ready", { result: results.unknown });
    desk.says("ready", "as the query after the reconnect shows");
    expect(desk.agents).toEqual(["A ready in sales: as the query after the reconnect shows"]);
  });
});

describe("late results:", () => {
  test("of two callouts in progress: the last one counts, both are answered", () => {
    const desk = deskOf("not-ready");
    desk.asks("Ready");
    desk.asks("NotReady");
    expect(desk.answers()).toEqual(["ok", "ok"]);
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("Ready and the answer of a queue call cross: the break counts, because it was sent last", () => {
    const desk = deskOf("ready");
    desk.asks("Ready");
    expect(desk.answered({ queue: true })).toEqual(["own: A not-ready in sales"]);
    expect(desk.answers()).toEqual(["ok"]);
    expect(desk.agents).toEqual(["A not-ready in sales"]);
    expect(desk.status).toBe("ok");
  });

  test("of the Login of another agent, after the first is ready: the other takes the place", () => {
    const desk = new AcdDesk();
    desk.asks("Login");
    desk.asks("Login", { agent: "B" });
    const [first, second] = desk.open.splice(0);
    if (!first || !second) throw new Error("The switch was not asked twice.");
    expect(desk.settles(first)).toEqual(["ok"]);
    desk.does("Ready");
    expect(desk.settles(second)).toEqual(["ok"]);
    expect(desk.agents).toEqual(["A logged-out in sales: agent B has logged in at phone 1001", "B not-ready in sales"]);
  });

  test("of a state applied again after a restart: a newer request of the agent counts", () => {
    const desk = deskOf("ready");
    desk.hear({ type: "acd-reset", desks: ["1001"] });
    const [again] = desk.open.splice(0);
    if (!again) throw new Error("The switch was not asked.");
    desk.does("NotReady");
    expect(desk.settles(again)).toEqual([]);
    expect(desk.agents).toEqual(["A not-ready in sales"]);
  });

  test("a late refusal changes nothing", () => {
    const desk = deskOf("not-ready");
    desk.asks("Ready");
    const [ready] = desk.open.splice(0);
    desk.does("Logout");
    if (ready) expect(desk.settles(ready, results.failed)).toEqual(["The switch refuses."]);
    expect(desk.agents).toEqual(["A logged-out in sales"]);
  });
});

describe("Oracle's rule, after the answer of a queue call:", () => {
  test("not ready at the answer, before the call ends, once, without an Error in CheckStatus", () => {
    const desk = deskOf("ready");
    expect(desk.answered({ queue: true })).toEqual(["own: A not-ready in sales"]);
    expect(desk.answered({ queue: true })).toEqual([]);
    expect(desk.answers()).toEqual([]);
    desk.says("not-ready");
    expect(desk.agents).toEqual(["A not-ready in sales"]);
    expect(desk.status).toBe("ok");
    expect(desk.hangsUp()).toEqual([]);
  });

  test("no change while it rings", () => {
    const desk = deskOf("ready");
    const leg = { desk: "1001", leg: "L1", direction: "to-desk", queue: true, rings: true } as const;
    expect(desk.hear({ type: "leg", facts: leg })).toEqual([]);
    desk.hangsUp();
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("Ready during the call stays, even if the leg is reported again; the next call applies the rule again", () => {
    const desk = deskOf("ready");
    desk.answered({ queue: true });
    desk.answers();
    desk.does("Ready");
    expect(desk.answered({ queue: true, held: true })).toEqual([]);
    desk.hangsUp();
    expect(desk.answered({ queue: true, leg: "L2" })).toEqual(["own: A not-ready in sales"]);
  });

  test("an answer that a snapshot after a reconnect shows counts too", () => {
    const desk = deskOf("ready");
    const leg = { desk: "1001", leg: "L1", direction: "to-desk", queue: true } as const;
    desk.hear({ type: "leg", facts: { ...leg, rings: true } });
    expect(desk.hear({ type: "snapshot", desks: ["1001"], legs: [{ ...leg, answered: true }] })).toEqual([
      "own: A not-ready in sales",
    ]);
  });

  const others = {
    "a call directly to the desk": { caller: { identity: "14155550123", outside: true } },
    "a colleague's call": {},
  };
  test.each(Object.entries(others))("%s leaves the agent ready", (_, facts) => {
    const desk = deskOf("ready");
    expect(desk.answered(facts)).toEqual([]);
    expect(desk.agents).toEqual(["A ready in sales"]);
  });

  test("a call that the agent dials leaves the agent ready", () => {
    const desk = deskOf("ready");
    const leg = { desk: "1001", leg: "L1", direction: "from-desk", dialled: "914155550123", queue: true } as const;
    expect(desk.hear({ type: "leg", facts: { ...leg, answered: true, farAnswered: true } })).toEqual([]);
  });

  test.each(["not-ready", "logged-out"] as const)("an agent who is %s stays so", (was) => {
    const desk = deskOf(was);
    expect(desk.answered({ queue: true })).toEqual([]);
    expect(desk.agents).toEqual([`A ${was} in sales`]);
  });

  test("afterCall nothing: the agent stays ready", () => {
    expect(deskOf("ready", "nothing").answered({ queue: true })).toEqual([]);
  });

  test("without an ACD: the agent stays ready", () => {
    const desk = new AcdDesk({ driven: false, afterCall: "not-ready" });
    desk.does("Login");
    desk.does("Ready");
    expect(desk.answered({ queue: true })).toEqual([]);
    expect(desk.agents).toEqual(["A ready in sales"]);
  });
});
