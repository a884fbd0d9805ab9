/** The commands for mod_callcenter, word for word, and the meaning of its replies (mod_callcenter.c, cc_config_api_function). */
import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import {
  type AcdConfig,
  acdSteps,
  agentName,
  listedAgent,
  modeOf,
  refusal,
  whyChanged,
} from "../../../drivers/freeswitch/acd.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import type { AgentCommand, AgentMode } from "../../../src/core/line.ts";

/** The ACD's settings as the schema makes them. */
function acdOf(part: Record<string, unknown> = {}): AcdConfig {
  const { acd } = parse(freeswitchConfig, { driver: "freeswitch", password: "x", domain: "pbx", acd: part });
  if (acd === "none") throw new Error("Cannot read the settings: there is no ACD");
  return acd;
}

const names = { acdAgent: "{extension}@default", domain: "pbx" };

function command(part: Partial<AgentCommand>): AgentCommand {
  return { type: "agent", desk: "1001", callout: "r1", agent: "7", login: false, mode: "ready", ...part };
}

/** The commands, or why there are none, as a sentence. */
function commandsFor(part: Partial<AgentCommand>, acd = acdOf(), config = names): string[] | string {
  const steps = acdSteps(command(part), config, acd);
  return typeof steps === "string" ? steps : steps.map((step) => step.command);
}

const name = "1001@default";
const add = `agent add ${name} callback`;
const contact = `agent set contact ${name} user/1001@pbx`;
const tier = `tier add support@default ${name} 1 1`;

describe("the commands for", () => {
  const onBreak = `agent set status ${name} 'On Break'`;
  const available = [`agent set status ${name} 'Available'`, `agent set state ${name} Waiting`];
  const out = `agent set status ${name} 'Logged Out'`;
  const queue = "support@default";
  const cases: [string, Partial<AgentCommand>, boolean, string[]][] = [
    ["a Login", { login: true, mode: "not-ready", queue }, true, [add, tier, contact, onBreak]],
    ["a Login while ready", { login: true, mode: "ready", queue }, true, [add, tier, contact, ...available]],
    ["a Login without a queue", { login: true, mode: "not-ready" }, true, [add, contact, onBreak]],
    ["a Login where agents must exist", { login: true, mode: "not-ready", queue }, false, [onBreak]],
    ["Ready", { mode: "ready", queue }, true, available],
    ["NotReady", { mode: "not-ready", queue }, true, [onBreak]],
    ["a Logout", { mode: "logged-out", queue }, true, [out, `tier del support@default ${name}`]],
    ["a Logout where tiers must exist", { mode: "logged-out", queue }, false, [out]],
    ["a Logout without a queue", { mode: "logged-out" }, true, [out]],
  ];
  test.each(cases)(
    "%s: %j, create %j",
    (_, part, create, wanted) => expect(commandsFor(part, acdOf({ create }))).toEqual(wanted),
  );

  test("the names of the agent: by desk, by agent, by both", () => {
    expect(agentName("{extension}@default", "1001", "7")).toBe("1001@default");
    expect(agentName("{agent}", "1001", "7")).toBe("7");
    expect(agentName("{agent}.{extension}.{agent}@x", "1001", "7")).toBe("7.1001.7@x");
    expect(commandsFor({ mode: "not-ready", agent: "anna" }, acdOf(), { ...names, acdAgent: "{agent}@sales" })).toEqual([
      "agent set status anna@sales 'On Break'",
    ]);
  });

  test("a configured contact", () => {
    const acd = acdOf({ contact: "[leg_timeout=10]sofia/gateway/{domain}/{extension}" });
    expect(commandsFor({ login: true, mode: "not-ready" }, acd)).toContain(
      `agent set contact ${name} [leg_timeout=10]sofia/gateway/pbx/1001`,
    );
  });
});

describe("the queues of an agentQueue:", () => {
  const mapped = { queues: { sales: "sales@default", all: ["sales@default", "support@default"] } };
  /** The queues that a Login is put into. */
  const tiers = (queue: string, acd: Record<string, unknown> = {}) => {
    const steps = commandsFor({ login: true, mode: "not-ready", queue }, acdOf(acd));
    return typeof steps === "string" ? steps : steps.flatMap((step) => /^tier add (\S+)/.exec(step)?.[1] ?? []);
  };
  const cases: [string, string, Record<string, unknown>, string[]][] = [
    ["without a map: unchanged", "support@default", {}, ["support@default"]],
    ["several, with commas and spaces", " a@default , b@default,", {}, ["a@default", "b@default"]],
    ["none but commas", " , ", {}, []],
    ["by the map", "sales", mapped, ["sales@default"]],
    ["one to several", "all", mapped, ["sales@default", "support@default"]],
    ["several by the map", "sales,all", mapped, ["sales@default", "sales@default", "support@default"]],
    ["a name that every object has, without a map", "constructor", {}, ["constructor"]],
  ];
  test.each(cases)("%s: %j", (_, queue, acd, wanted) => expect(tiers(queue, acd)).toEqual(wanted));

  const unknown = [
    ["not in the map", "support@default"],
    ["one of them is not in the map", "sales,nosuch"],
    ["a name that every object has", "constructor"],
    ["another such", "__proto__"],
  ];
  test.each(unknown)("%s: refused, and nothing is sent", (_, queue = "") => {
    const wrong = queue.split(",").at(-1);
    expect(tiers(queue, mapped)).toBe(
      `Queue "${wrong}" is not known to this box: ask the administrator (line.acd.queues).`,
    );
  });
});

describe("text that could change the command is never sent:", () => {
  const bad = [
    "a b",
    "a'b",
    'a"b',
    "a\nagent del b",
    "a\r\n\r\napi shutdown",
    "a;b",
    "a|b",
    "a,b",
    "a\\b",
    "a`id`",
    "$(id)",
    "${caller}",
    "a/b",
    "a\0b",
    "ä",
    "a\u2028b",
    "а1",
    "１００１",
    "",
    "x".repeat(81),
  ];
  test.each(bad)("agent %j", (agent) => {
    const config = { ...names, acdAgent: "{agent}" };
    for (const mode of ["ready", "not-ready", "logged-out"] as const) {
      const why = commandsFor({ agent, mode, login: mode === "ready", queue: "support@default" }, acdOf(), config);
      expect(why).toStartWith("Agent ");
      expect(why).toEndWith(" cannot be an agent of the ACD: expected letters, digits and . _ - @.");
    }
  });

  test.each(bad)("agent %j where the desk gives the name: it is not used at all", (agent) => {
    expect(JSON.stringify(commandsFor({ agent, mode: "ready" }))).toBe(
      JSON.stringify(commandsFor({ agent: "7", mode: "ready" })),
    );
  });

  // A comma separates queues, and an empty name is ignored.
  test.each(bad.filter((queue) => queue !== "a,b" && queue !== ""))("queue %j", (queue) => {
    for (const login of [true, false]) {
      const why = commandsFor({ login, mode: "logged-out", queue });
      expect(why).toBeString();
      expect(why).toStartWith("Queue ");
    }
  });

  test.each(bad.filter((desk) => desk !== ""))(
    "extension %j",
    (desk) => expect(commandsFor({ desk, mode: "ready" })).toBeString(),
  );

  test("a sentence about it is short and has no control character", () => {
    const why = commandsFor({ agent: `a\n\u0000${"x".repeat(5000)}`, mode: "ready" }, acdOf(), { ...names, acdAgent: "{agent}" });
    expect(why).toMatch(/^[^\p{Cc}]{1,150}$/u);
  });

  test.each([["a b"], ["a'b"], ["a;b"], ["a\nb"], [""], [["ok", "a b"]]])(
    "a queue of the map that is %j is refused by the schema",
    (queue) => {
      expect(() => acdOf({ queues: { sales: queue } })).toThrow();
    },
  );

  test.each(["user/1001 x", "user/'1", "user/1;x", "a\nb", "a|b"])("a contact that is %j is refused by the schema", (text) => {
    expect(() => acdOf({ contact: text })).toThrow();
  });
});

describe("refusals of the switch, as sentences:", () => {
  const set = `agent set status ${name} 'Available'`;
  const cases: [string, string, string][] = [
    [
      "tier add sales@default 1001@default 1 1",
      "-ERR Queue not found!\n",
      "Queue sales@default does not exist on the switch: ask the administrator.",
    ],
    [set, "-ERR Agent not found!\n", "The switch does not know you as an agent: ask the administrator (mod_callcenter)."],
    [
      set,
      "-ERR callcenter_config Command not found!\n",
      "The switch has no queues (mod_callcenter is not loaded): ask the administrator.",
    ],
    [set, "-ERR Invalid Agent Status!\n", "The switch refuses: Invalid Agent Status. Ask the administrator."],
    [set, "-ERR Invalid Agent State!\n", "The switch refuses: Invalid Agent State. Ask the administrator."],
    [add, "-ERR Agent type invalid!\n", "The switch refuses: Agent type invalid. Ask the administrator."],
    [set, "-ERR Invalid!\n", "The switch refuses: Invalid. Ask the administrator."],
    [set, "-ERR permission denied\n", "The switch refuses: permission denied. Ask the administrator."],
    [set, "", "The switch refuses: it gives no reason. Ask the administrator."],
  ];
  test.each(cases)("%s: %j", (what, answer, why) => {
    expect(refusal({ command: what }, answer)).toEqual({ outcome: "failed", cause: answer.trim(), why });
  });

  test("a long answer is truncated", () => {
    const result = refusal({ command: set }, `-ERR ${"x".repeat(5000)}`);
    expect(JSON.stringify(result).length).toBeLessThan(400);
  });
});

describe("refusals that mean that there is nothing to do:", () => {
  const stepsOf = (part: Partial<AgentCommand>) => {
    const steps = acdSteps(command({ queue: "support@default", ...part }), names, acdOf());
    return typeof steps === "string" ? [] : steps.map(({ command, alreadyDone }) => [command, alreadyDone] as const);
  };
  test.each([
    [{ login: true, mode: "not-ready" }, add, "-ERR Agent already exist!\n", true],
    [{ login: true, mode: "not-ready" }, tier, "-ERR Tier already exist!\n", true],
    [{ login: true, mode: "not-ready" }, tier, "-ERR Queue not found!\n", false],
    [{ login: true, mode: "not-ready" }, contact, "-ERR Agent not found!\n", undefined],
    [{ mode: "logged-out" }, `agent set status ${name} 'Logged Out'`, "-ERR Agent not found!\n", true],
    [{ mode: "not-ready" }, `agent set status ${name} 'On Break'`, "-ERR Agent not found!\n", undefined],
  ] as [Partial<AgentCommand>, string, string, boolean | undefined][])(
    "%j: %s: %j means that nothing is left to do: %p",
    (part, what, answer, isDone) => {
      const step = stepsOf(part).find(([text]) => text === what);
      expect(step).toBeDefined();
      expect(step?.[1]?.test(answer)).toBe(isDone as boolean);
    },
  );
});

describe("the meaning of a status:", () => {
  const cases: [string, AgentMode | undefined][] = [
    ["Available", "ready"],
    ["Available (On Demand)", "ready"],
    ["On Break", "not-ready"],
    ["Logged Out", "logged-out"],
    ["available", "not-ready"],
    ["AVAILABLE", "not-ready"],
    ["on break", "not-ready"],
    ["logged out", "logged-out"],
    ["", undefined],
  ];
  test.each(cases)("%j: %s, as only the exact word gets calls", (status, mode) => expect(modeOf(status)).toBe(mode));

  test("every change has a sentence for the agent", () => {
    expect(new Set((["ready", "not-ready", "logged-out"] as const).map(whyChanged)).size).toBe(3);
    expect(whyChanged("not-ready")).toContain("because a call was not answered");
    expect(whyChanged("logged-out")).toContain("logged you out");
  });

  const listing = "name|instance_id|uuid|type|contact|status|state\n" +
    "1001@default|single_box||callback|user/1001@pbx|On Break|Waiting\n" +
    "1002@default|single_box||callback|user/1002@pbx|Available|Waiting\n+OK\n";
  test.each([["1001@default", "On Break"], ["1002@default", "Available"], ["1003@default", undefined], ["+OK", undefined]])(
    "%s is listed as %s",
    (agent, status) => expect(listedAgent(listing, agent)?.status).toBe(status as string),
  );
  test.each(["", "+OK\n", "-ERR no\n"])("a listing that is %j has no agent", (text) => {
    expect(listedAgent(text, name)).toBeUndefined();
  });
});
