/** A refused agent command leaves no trace: not at the switch, not among our filters, not in what is known about other desks. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { acdRig, acdState, agentFilters, heard, modesAfter, reportedModes, setAgent } from "../../support/freeswitch/acd-rig.ts";
import type { Rig } from "../../support/freeswitch/rig.ts";

setDefaultTimeout(60_000);

const queues = { simulator: { queues: ["support@default", "sales@default"] } };

/** A switch that refuses each command that contains the text, while it does. */
function refusing(): { text: string | undefined; readonly instead: (command: string, arg: string) => string | undefined } {
  const switchSide = {
    text: undefined as string | undefined,
    instead: (command: string, arg: string) =>
      command === "callcenter_config" && switchSide.text !== undefined && arg.includes(switchSide.text)
        ? "-ERR Not now!\n"
        : undefined,
  };
  return switchSide;
}

/** The commands of a Login while ready, by which of them is refused. */
const steps = [
  ["the agent cannot be added", "agent add"],
  ["the first queue", "tier add support@default"],
  ["the second queue", "tier add sales@default"],
  ["the contact", "agent set contact"],
  ["the status", "agent set status"],
  ["the state", "agent set state"],
] as const;
const login = { mode: "ready", queue: "support@default,sales@default" } as const;

describe.each(["{extension}@default", "{agent}@default"])("a refused Login where agents are %s", (acdAgent) => {
  test.concurrent.each(steps)("of a new agent: %s", async (_, text) => {
    const refuses = refusing();
    await using rig = await acdRig({ ...queues, acdAgent, instead: refuses.instead });
    const before = [acdState(rig.sim), agentFilters(rig)];
    refuses.text = text;
    expect(await setAgent(rig, login)).toMatchObject({ outcome: "failed" });
    refuses.text = undefined;
    await heard(rig);
    expect([acdState(rig.sim), agentFilters(rig)]).toEqual(before);
    expect(reportedModes(rig)).toEqual([]);
  });

  test.concurrent.each(steps.filter(([, text]) => text !== "agent add"))("of a known agent: %s", async (_, text) => {
    const refuses = refusing();
    await using rig = await acdRig({ ...queues, acdAgent, desks: ["1001", "1002"], instead: refuses.instead });
    await setAgent(rig, { queue: "support@default" });
    await heard(rig);
    const before = [acdState(rig.sim), agentFilters(rig)];
    refuses.text = text === "tier add support@default" ? "tier add sales@default" : text;
    expect(await setAgent(rig, { ...login, desk: acdAgent.includes("{agent}") ? "1002" : "1001" })).toMatchObject({
      outcome: "failed",
    });
    refuses.text = undefined;
    await heard(rig);
    expect([acdState(rig.sim), agentFilters(rig)]).toEqual(before);
    expect(
      await modesAfter(
        rig,
        () => rig.sim.callcenter.command(`agent set status ${acdAgent.includes("{agent}") ? "7" : "1001"}@default Available`),
      ),
    ).toEqual(["1001 ready"]);
  });
});

describe("later", () => {
  const acdAgent = "{agent}@default";
  const added = (rig: Rig, name: string) => {
    for (const command of [`agent add ${name} callback`, `agent set status ${name} Available`]) {
      rig.sim.callcenter.command(command);
    }
  };

  test.concurrent("a mistyped queue of one agent logs nobody out at the next Login", async () => {
    await using rig = await acdRig({ acdAgent });
    // Agent 9 works elsewhere: another box, or a supervisor's screen.
    added(rig, "9@default");
    await setAgent(rig, { agent: "7", mode: "ready" });
    expect(await setAgent(rig, { agent: "9", queue: "suport@default" })).toMatchObject({ outcome: "failed" });
    await setAgent(rig, { agent: "7", mode: "ready" });
    expect([...rig.sim.callcenter.agents.values()].map(({ name, status }) => `${name} ${status}`)).toEqual([
      "9@default Available",
      "7@default Available",
    ]);
    expect(await modesAfter(rig, () => rig.sim.callcenter.command("agent set status 9@default 'On Break'"))).toEqual([]);
    expect(agentFilters(rig)).toEqual(["7@default"]);
  });

  test.concurrent("a Ready whose second half is refused: the status is unchanged", async () => {
    const refuses = refusing();
    await using rig = await acdRig({ instead: refuses.instead });
    await setAgent(rig);
    refuses.text = "agent set state";
    expect(await setAgent(rig, { login: false, mode: "ready" })).toMatchObject({ outcome: "failed" });
    await heard(rig);
    expect(rig.sim.callcenter.agents.get("1001@default")?.status).toBe("On Break");
    expect(reportedModes(rig)).toEqual([]);
  });

  test.concurrent.each([
    "[leg_timeout=10]user/1001@127.0.0.1",
    "{sip_h_X-Name='Anna B'}user/1001@127.0.0.1",
    "user/1001@127.0.0.1|user/1002@127.0.0.1",
    "[a=b c]user/1001@127.0.0.1|sofia/gateway/g\\d/1",
  ])("the contact is unchanged: %s", async (contact) => {
    const refuses = refusing();
    await using rig = await acdRig({ instead: refuses.instead });
    added(rig, "1001@default");
    const there = rig.sim.callcenter.agents.get("1001@default");
    if (there) there.contact = contact;
    refuses.text = "agent set status";
    expect(await setAgent(rig)).toMatchObject({ outcome: "failed" });
    expect(rig.sim.callcenter.agents.get("1001@default")).toMatchObject({ contact, status: "Available" });
  });

  test.concurrent("what cannot be undone is logged", async () => {
    const refuses = refusing();
    await using rig = await acdRig({ instead: refuses.instead });
    refuses.text = "1001@default 1 1";
    rig.onCommand = (command) => {
      if (command.includes("tier add")) refuses.text = "1001@default";
    };
    expect(await setAgent(rig)).toMatchObject({ outcome: "failed" });
    expect(rig.lines.join("\n")).toContain("Cannot undo a part of a refused command");
  });

  test.concurrent("the link is lost in the middle of a Login at another desk: both desks are set again", async () => {
    await using rig = await acdRig({ acdAgent, desks: ["1001", "1002"] });
    await setAgent(rig, { mode: "ready" });
    await setAgent(rig, { desk: "1002", agent: "8" });
    const from = rig.events.length;
    rig.cutAt("set contact");
    expect(await setAgent(rig, { desk: "1002" })).toMatchObject({ outcome: "unknown" });
    await rig.connectAgain();
    expect(await rig.next("acd-reset", () => true, from)).toEqual({ type: "acd-reset", desks: ["1001", "1002"] });
  });
});
