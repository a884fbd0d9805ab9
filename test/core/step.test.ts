import { describe, expect, test } from "bun:test";
import { type Agent, changeAgent, maxAgentsPerDesk } from "../../src/core/agent/agent.ts";
import { type Desk, type LineState, newDesk } from "../../src/core/desk.ts";
import type { LegFacts, LineEvent } from "../../src/core/line.ts";
import { checkStatus, step } from "../../src/core/step.ts";
import { policyWith } from "../support/core/site.ts";

const up: LineState = { link: { up: true, to: "switch" }, phone: "registered" };
const down: LineState = { link: { up: false, why: "connection refused" }, phone: "unknown" };
const unplugged: LineState = { ...up, phone: "unregistered" };
const unknown: LineState = { ...up, phone: "unknown" };
const noLink = "No connection to the phone system: connection refused. Calls are not shown until it is back.";

/** A desk whose agent's UWQ is at this address; without an address no agent is registered. */
function desk(extension: string, line: LineState, address?: string): Desk {
  return { ...newDesk(extension), line, registration: address === undefined ? null : { agent: "A", address, port: 1 } };
}

describe("CheckStatus from 10.0.0.1", () => {
  const cases: [string, Desk[], string | undefined][] = [
    ["one desk, all well", [desk("1001", up, "10.0.0.1")], undefined],
    ["the link is down", [desk("1001", down, "10.0.0.1")], noLink],
    [
      "the reason is a question",
      [desk("1001", { ...down, link: { up: false, why: "nothing listens on 10.1.0.5:8021: is it running?" } })],
      "No connection to the phone system: nothing listens on 10.1.0.5:8021: is it running? Calls are not shown until it is back.",
    ],
    [
      "the phone is not registered",
      [desk("1001", unplugged, "10.0.0.1")],
      "Phone 1001 is not registered: check its cable and power.",
    ],
    ["the phone is not known yet", [desk("1001", unknown)], "It is not yet known whether phone 1001 is registered."],
    ["the desk of another agent is down, the own desk is well", [
      desk("1001", up, "10.0.0.1"),
      desk("1002", unplugged, "10.0.0.2"),
    ], undefined],
    [
      "the own desk is down, that of another agent is well",
      [desk("1001", unplugged, "10.0.0.1"), desk("1002", up, "10.0.0.2")],
      "Phone 1001 is not registered: check its cable and power.",
    ],
    [
      "no desk is registered from there: all count",
      [desk("1001", up), desk("1002", unplugged, "10.0.0.2")],
      "Phone 1002 is not registered: check its cable and power.",
    ],
    [
      "the reason names an address",
      [desk("1001", { ...down, link: { up: false, why: "10.1.0.5 refuses" } })],
      "No connection to the phone system: 10.1.0.5 refuses. Calls are not shown until it is back.",
    ],
    [
      "two phones are not registered: both are named",
      [desk("1001", unplugged), desk("1002", unplugged)],
      "Phone 1001 is not registered: check its cable and power. Phone 1002 is not registered: check its cable and power.",
    ],
    [
      "two desks, and the link is down: one sentence",
      [desk("1001", down, "10.0.0.1"), desk("1002", down, "10.0.0.1")],
      noLink,
    ],
  ];
  test.each(cases)("%s", (_, desks, why) => {
    expect(checkStatus(desks, "10.0.0.1")).toEqual(why === undefined ? { ok: true } : { ok: false, why });
  });
});

test.each([{}, { contact: "sip:1001@10.0.0.9" }, { why: "Its password is wrong." }])(
  "a phone's report says %j and no more",
  (more) => {
    const event = { type: "phone", desk: "1001", registered: false, ...more } as const;
    const { line } = step(desk("1001", up), { type: "line", event }, 0, policyWith()).desk;
    expect(line).toStrictEqual({ link: up.link, phone: "unregistered", ...more });
  },
);

describe("inputs about another desk change nothing:", () => {
  const facts: LegFacts = { desk: "1002", leg: "L1", direction: "to-desk", caller: { identity: "14155550123" }, rings: true };
  const events: LineEvent[] = [
    { type: "leg", facts },
    { type: "leg-renamed", desk: "1002", from: "L0", to: "L2" },
    { type: "phone", desk: "1002", registered: false },
    { type: "snapshot", desks: ["1002"], legs: [facts] },
    { type: "snapshot", desks: ["1002"], legs: [] },
    { type: "link-up", to: "elsewhere", desks: ["1002"] },
    { type: "link-down", why: "the switch does not know 1002", desks: ["1002"] },
  ];
  const at1001 = step(
    desk("1001", up, "10.0.0.1"),
    { type: "line", event: { type: "leg", facts: { ...facts, desk: "1001", leg: "L0" } } },
    0,
    policyWith(),
  ).desk;
  test.each(events.map((event) => [event.type, event] as const))("%s", (_, event) => {
    expect(step(at1001, { type: "line", event }, 1, policyWith())).toEqual({ desk: at1001, effects: [] });
  });
  test("a leg of it in a snapshot of both", () => {
    const legs = [{ ...facts, desk: "1001", leg: "L0" }, facts];
    const made = step(at1001, { type: "line", event: { type: "snapshot", desks: ["1001", "1002"], legs } }, 1, policyWith());
    expect(made.desk.calls.map(({ id }) => id)).toEqual(["L0"]);
  });
});

test("a Register at another desk that moves no call leaves the desk unchanged", () => {
  const event: LineEvent = { type: "leg", facts: { desk: "1001", leg: "L1", direction: "to-desk", rings: true } };
  const ringing = step(desk("1001", up, "10.0.0.1"), { type: "line", event }, 0, policyWith()).desk;
  const registration = { agent: "B", address: "10.0.0.2", port: 1 };
  expect(step(ringing, { type: "arrival", registration }, 1, policyWith()).desk).toBe(ringing);
});

describe("an agent who is", () => {
  const changes = ["Login", "Logout", "Ready", "NotReady"] as const;
  const after: Record<Agent["mode"], Record<(typeof changes)[number], Agent["mode"]>> = {
    "logged-out": { Login: "not-ready", Logout: "logged-out", Ready: "ready", NotReady: "logged-out" },
    "not-ready": { Login: "not-ready", Logout: "logged-out", Ready: "ready", NotReady: "not-ready" },
    ready: { Login: "ready", Logout: "logged-out", Ready: "ready", NotReady: "not-ready" },
  };
  const modes = Object.keys(after) as Agent["mode"][];
  const cases = modes.flatMap((mode) => changes.map((name) => [mode, name, after[mode][name]] as const));
  test.each(cases)("%s, after %s, is %s", (mode, name, becomes) => {
    const [agent] = changeAgent([{ id: "A", mode, since: 1 }], { name, agent: "A" }, 2);
    expect(agent).toEqual({ id: "A", mode: becomes, since: becomes === mode ? 1 : 2 });
  });
});

test("of two agents each keeps their own queue", () => {
  const two: Agent[] = [{ id: "A", mode: "ready", queue: "sales", since: 1 }, {
    id: "B",
    mode: "not-ready",
    queue: "support",
    since: 2,
  }];
  expect(changeAgent(two, { name: "Ready", agent: "B" }, 3).at(-1)).toStrictEqual({
    id: "B",
    mode: "ready",
    queue: "support",
    since: 3,
  });
  expect(changeAgent(two, { name: "Ready", agent: "C" }, 3).at(-1)).toStrictEqual({ id: "C", mode: "ready", since: 3 });
});

test(`of more than ${maxAgentsPerDesk} agents the one that changed longest ago is forgotten`, () => {
  let agents: Agent[] = [];
  for (let n = 0; n < maxAgentsPerDesk; n++) agents = changeAgent(agents, { name: "Login", agent: `A${n}` }, n);
  agents = changeAgent(agents, { name: "Ready", agent: "A0" }, 100);
  agents = changeAgent(agents, { name: "Login", agent: "new" }, 101);
  expect(agents).toHaveLength(maxAgentsPerDesk);
  expect(agents.map(({ id }) => id)).toContain("A0");
  expect(agents.map(({ id }) => id)).not.toContain("A1");
});

test("a desk that is woken too early does nothing yet", () => {
  const ready = desk("1001", up, "10.0.0.1");
  const callout = { name: "MakeCall", desk: "1001", agent: "A", dialString: "914155550123", from: "10.0.0.1" } as const;
  const { desk: dialling, wakeAt } = step(ready, { type: "callout", id: "m1", callout }, 10, policyWith());
  expect(wakeAt).toBe(2010);
  expect(step(dialling, { type: "wake" }, 2009, policyWith())).toEqual({ desk: dialling, effects: [], wakeAt: 2010 });
  const woken = step(dialling, { type: "wake" }, 2010, policyWith());
  expect(woken.effects).toEqual([{ type: "reply", to: "m1", reply: { ok: true } }]);
  expect(woken.wakeAt).toBeUndefined();
});

test("of the legs that have ended the newest are remembered, and no more than can be useful", () => {
  let now = desk("1001", up);
  for (let n = 0; n < 200; n++) {
    const facts = { desk: "1001", leg: `L${n}`, ended: { cause: "NORMAL_CLEARING", why: "The handset was put down." } };
    now = step(now, { type: "line", event: { type: "leg", facts } }, n, policyWith()).desk;
  }
  expect(now.recentlyEnded).toHaveLength(64);
  expect(now.recentlyEnded.at(-1)).toBe("L199");
});

test("an ended leg that the switch lists again stays ended after any number of others, until another leg gets its id", () => {
  const facts = { desk: "1001", leg: "L0", direction: "to-desk", caller: { identity: "14155550123" }, rings: true } as const;
  const over = (leg: string): LineEvent => ({
    type: "leg",
    facts: { desk: "1001", leg, ended: { cause: "NORMAL_CLEARING", why: "The handset was put down." } },
  });
  const others = Array.from({ length: 100 }, (_, n) => over(`L${n + 1}`));
  const after = (...events: LineEvent[]) =>
    events.reduce((now, event) => step(now, { type: "line", event }, 0, policyWith()).desk, desk("1001", up));
  const listed = { type: "leg", facts } as const;
  expect(after(over("L0"), listed, ...others, listed).calls).toEqual([]);
  const renamed = { type: "leg-renamed", desk: "1001", from: "L200", to: "L0" } as const;
  expect(after(over("L0"), listed, ...others, renamed, listed).calls).toHaveLength(1);
});

test("a dial whose answer nobody reports is counted neither as answered nor as failed", () => {
  const called = { desk: "1001", leg: "l1", call: "c1", direction: "to-desk", answered: true, farCalled: true } as const;
  const callout = { name: "MakeCall", desk: "1001", agent: "A", from: "10.0.0.1", dialString: "914155550123" } as const;
  const asked = step(desk("1001", up, "10.0.0.1"), { type: "callout", id: "c1", callout }, 0, policyWith()).desk;
  const event: LineEvent = { type: "leg", facts: { ...called, answerUnreported: true } };
  const { effects } = step(asked, { type: "line", event }, 1, policyWith());
  expect(effects.flatMap((effect) => effect.type === "audit" ? [effect.result] : [])).toEqual(["called"]);
});
