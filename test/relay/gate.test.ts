/** What a relay lets a box do: a box may be stolen, so that nothing in its messages is believed. */
import { describe, expect, test } from "bun:test";
import { encode } from "../../src/broker/messages.ts";
import { Gate, idMemoryMs } from "../../src/relay/gate.ts";
import { LoneRelay } from "../support/lone-relay.ts";
import { testRules } from "../support/relay-rig.ts";

const later = Infinity;
const dial = (gate: Gate, id: string, number: string, now = 0) => gate.dial({ id, by: later, number }, now);

describe("the gate of a desk", () => {
  test("lets a number through, and refuses one that the administrator denies", () => {
    const gate = new Gate("1001", testRules);
    expect(dial(gate, "a", "914155550123")).toEqual({ type: "go" });
    expect(dial(gate, "b", "900123")).toMatchObject({
      type: "refuse",
      result: { outcome: "failed", cause: "DENIED", why: expect.stringMatching(/the administrator does not allow/) },
    });
  });

  test("refuses what the agent has dialled, too, before the box has rewritten it; that may not allow anything", () => {
    const numbers = { ...testRules.numbers, deny: [/^0190/], allow: [/^91/] };
    const gate = new Gate("1001", { ...testRules, numbers });
    const rewritten = (id: string, number: string, dialled: string) => gate.dial({ id, by: later, number, dialled }, 0);
    expect(rewritten("a", "910190123", "0190123")).toMatchObject({
      type: "refuse",
      result: { why: expect.stringContaining("0190123") },
    });
    expect(rewritten("b", "9155550123", "155550123").type).toBe("go");
    expect(rewritten("c", "8155550123", "9155550123").type).toBe("refuse");
    expect(rewritten("d", "8155550123", "112").type).toBe("refuse");
    expect(rewritten("e", "112", "0190").type).toBe("go");
    expect(rewritten("f", "8112", "112").type).toBe("go");
    expect(rewritten("g", "8155112", "112").type).toBe("refuse");
  });

  test("accepts only allowed numbers, if some are configured; an emergency number always", () => {
    const gate = new Gate("1001", { ...testRules, numbers: { ...testRules.numbers, allow: [/^91/], deny: [/^1/] } });
    expect(dial(gate, "a", "914155550123").type).toBe("go");
    expect(dial(gate, "b", "814155550123").type).toBe("refuse");
    expect(dial(gate, "c", "112").type).toBe("go");
  });

  test("refuses the seventh dial of a minute, but not an emergency call, and no dial of the next minute", () => {
    const gate = new Gate("1001", testRules);
    const decisions = Array.from({ length: 100 }, (_, index) => dial(gate, `i${index}`, "914155550123", index * 100).type);
    expect(decisions.filter((type) => type === "go")).toHaveLength(testRules.perMinute);
    expect(decisions.slice(testRules.perMinute).every((type) => type === "refuse")).toBe(true);
    expect(dial(gate, "e", "112", 20_000).type).toBe("go");
    expect(dial(gate, "n", "914155550123", 61_000).type).toBe("go");
  });

  test("dials an emergency number also after the maximum number of commands", () => {
    const gate = new Gate("1001", testRules);
    for (let n = 0; n < 200; n++) gate.agent({ id: `a${n}`, by: later, agent: "7" }, 0);
    expect(dial(gate, "n", "914155550123").type).toBe("refuse");
    expect(dial(gate, "e", "112").type).toBe("go");
  });

  test("executes a repeated id once, and gives its answer again; after five minutes it is another command", () => {
    const gate = new Gate("1001", testRules);
    expect(dial(gate, "a", "914155550123").type).toBe("go");
    expect(dial(gate, "a", "914155550123", 10)).toEqual({ type: "repeat", answer: { id: "a" } });
    gate.settle("a", { outcome: "done" });
    expect(dial(gate, "a", "914155550199", 20)).toEqual({ type: "repeat", answer: { id: "a", result: { outcome: "done" } } });
    expect(dial(gate, "a", "914155550123", idMemoryMs + 1).type).toBe("go");
  });

  test("forgets what another relay has announced, too, although its own box asks nothing", () => {
    const gate = new Gate("1001", testRules);
    gate.claimed("a", true, 0);
    gate.claimed("b", false, idMemoryMs + 1);
    expect([gate.knows("a"), gate.knows("b")]).toEqual([false, true]);
  });

  test("does nothing for a box that no longer waits", () => {
    const gate = new Gate("1001", testRules);
    expect(gate.dial({ id: "a", by: 1000, number: "914155550123" }, 1001)).toEqual({ type: "late" });
    expect(gate.dial({ id: "a", by: 1000, number: "914155550123" }, 1000).type).toBe("go");
  });

  test("limits the changes of an agent's state", () => {
    const gate = new Gate("1001", testRules);
    const types = Array.from({ length: 20 }, (_, index) => gate.agent({ id: `a${index}`, by: later, agent: "7" }, index).type);
    expect(types.filter((type) => type === "go")).toHaveLength(testRules.agentPerMinute);
  });

  test.each([
    ["1001", "7", "go"],
    ["1001", "8", "refuse"],
    ["1001", "77", "refuse"],
    ["1002", "7", "refuse"],
    ["2001", "7001", "go"],
    ["2001", "8001", "refuse"],
    ["3001", "anybody", "go"],
    ["4001", "7", "refuse"],
  ])("at desk %s agent %s: %s", (desk, agent, expected) => {
    const agents = { "1001": ["7"], "20*": ["70*", "9"], "3001": ["*"] };
    const decision = new Gate(desk, { ...testRules, agents }).agent({ id: "a", by: later, agent }, 0);
    expect<string>(decision.type).toBe(expected);
    if (decision.type !== "refuse") return;
    expect(decision.result).toMatchObject({
      cause: "DENIED",
      why: `Agent ${agent} may not log in at phone ${desk}: ask the administrator (relay.agents).`,
    });
  });
});

describe("a relay", () => {
  const request = (to: string, more = {}) => ({ to, id: "1", by: 1e9, call: "c1", number: "914155550123", ...more });

  test("takes the desk from the subject, whatever the body says", async () => {
    await using lone = await LoneRelay.start(["1001", "1002"]);
    lone.ask("1001", "dial", JSON.stringify({ v: 1, ...request(lone.relay.id), desk: "1002", extension: "1002" }));
    await lone.happens();
    expect(lone.executed).toEqual([{ type: "dial", desk: "1001", call: "c1", number: "914155550123" }]);
  });

  test("answers only to the inbox of the desk that asks", async () => {
    await using lone = await LoneRelay.start(["1001", "1002"]);
    for (const reply of ["tele.desk.1002.line", "tele.all.relay", "_INBOX.1002.x", ""]) {
      lone.ask("1001", "sync", encode({}), reply);
      lone.ask("1001", "dial", encode(request(lone.relay.id)), reply);
    }
    await lone.happens();
    expect([lone.answers, lone.executed]).toEqual([[], []]);
    lone.ask("1001", "sync", encode({}));
    expect(lone.answers).toHaveLength(1);
  });

  test("leaves a command for another relay, or for its former self, alone", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    lone.ask("1001", "dial", encode(request("other#1")));
    lone.ask("1001", "dial", encode(request("a#0")));
    await lone.happens();
    expect([lone.answers, lone.executed]).toEqual([[], []]);
  });

  test("executes a replayed dial once, with the same answer", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    for (let times = 0; times < 5; times++) lone.ask("1001", "dial", encode(request(lone.relay.id)));
    await lone.happens();
    expect(lone.executed).toHaveLength(1);
    expect(new Set(lone.answers)).toEqual(new Set([encode({ r: lone.relay.id, id: "1" })]));
  });

  test("refuses a flood of dials with a sentence, then does not even read them; other desks are served", async () => {
    await using lone = await LoneRelay.start(["1001", "1002"]);
    for (let index = 0; index < 100; index++) lone.ask("1001", "dial", encode(request(lone.relay.id, { id: `${index}` })));
    await lone.happens();
    expect(lone.executed).toHaveLength(testRules.perMinute);
    expect(lone.relay.counts.refused).toBe(40 - testRules.perMinute);
    expect(lone.relay.counts.dropped).toBe(60);
    expect(lone.answers.join()).toContain("which is the maximum: wait a moment.");
    const answers = lone.answers.length;
    lone.ask("1001", "sync", encode({}));
    expect(lone.answers).toHaveLength(answers);
    lone.ask("1002", "sync", encode({}));
    expect(lone.answers).toHaveLength(answers + 1);
    lone.timers.advance(1000);
    lone.ask("1001", "sync", encode({}));
    expect(lone.answers).toHaveLength(answers + 2);
  });

  test("does not serve a desk that it does not know", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    lone.ask("1009", "sync", encode({}));
    lone.ask("1009", "dial", encode(request(lone.relay.id)));
    await lone.happens();
    expect(lone.answers[0]).toContain("does not serve desk 1009: add it to relay.desks.");
    expect(lone.executed).toEqual([]);
  });

  test.each(["", "{", "null", "[]", '{"v":1}', '{"v":2,"to":"a#1"}', "x".repeat(1_100_000), '{"v":1,"__proto__":{"to":"a"}}'])(
    "ignores a question with %.40j",
    async (text) => {
      await using lone = await LoneRelay.start(["1001"]);
      for (const question of ["sync", "dial", "agent", "else"]) lone.ask("1001", question, text);
      await lone.happens();
      expect(lone.executed).toEqual([]);
      lone.ask("1001", "dial", encode(request(lone.relay.id)));
      await lone.happens();
      expect(lone.executed).toHaveLength(1);
    },
  );

  test("executes the commands of an agent for the desk of the subject", async () => {
    await using lone = await LoneRelay.start(["1001"]);
    const agent = { to: lone.relay.id, id: "7", by: 1e9, agent: "A", login: true, mode: "ready" as const, queue: "sales" };
    lone.ask("1001", "agent", encode(agent));
    await lone.happens();
    expect(lone.executed).toEqual([
      { type: "agent", desk: "1001", callout: "7", agent: "A", login: true, mode: "ready", queue: "sales" },
    ]);
  });
});
