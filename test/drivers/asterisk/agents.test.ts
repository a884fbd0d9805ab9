/** Ready and NotReady as pauses in app_queue. */
import { expect, test } from "bun:test";
import { parse } from "valibot";
import type { AgentCommand } from "../../../src/core/line.ts";
import { type AgentMemory, Agents, outdatedDesks } from "../../../drivers/asterisk/agents.ts";
import { asteriskConfig } from "../../../drivers/asterisk/config.ts";
import { type Answer, type Asked, NoAnswer } from "../../../drivers/asterisk/wire/rest.ts";
import { config } from "../../support/asterisk/shown.ts";

const queue = parse(asteriskConfig, { ...config, acd: "queue" });
const command = (mode: AgentCommand["mode"]): AgentCommand => ({ type: "agent", desk: "1001", agent: "a", login: false, mode });

function rig(answer: Answer | NoAnswer = { status: 204, ok: true, text: "" }, settings = queue) {
  const asked: Asked[] = [];
  const memory: AgentMemory = { outdated: new Set<string>() };
  const rest = {
    command: (what: Asked) => {
      asked.push(what);
      return answer instanceof NoAnswer ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
  return { agents: new Agents(settings, rest, memory), asked, memory };
}

test.each([["ready", "0"], ["not-ready", "1"], ["logged-out", "1"]] as const)(
  "%s: paused %s, in all queues",
  async (mode, value) => {
    const { agents, asked } = rig();
    expect(await agents.set(command(mode))).toEqual({ outcome: "done" });
    expect(asked).toEqual([{
      method: "POST",
      path: "asterisk/variable",
      query: { variable: "QUEUE_MEMBER(,paused,PJSIP/1001)", value },
    }]);
  },
);

test("the member has the name that it has in the queue", async () => {
  const { agents, asked } = rig(undefined, parse(asteriskConfig, { ...queue, queueMember: "Local/{extension}@from-queue/n" }));
  await agents.set(command("ready"));
  expect(asked[0]?.query?.["variable"]).toBe("QUEUE_MEMBER(,paused,Local/1001@from-queue/n)");
});

test("commands of one desk are carried out in their order", async () => {
  const { agents, asked } = rig();
  await Promise.all([agents.set(command("ready")), agents.set(command("not-ready")), agents.set(command("ready"))]);
  expect(asked.map(({ query }) => query?.["value"])).toEqual(["0", "1", "0"]);
});

test("the second command of a desk waits for the answer to the first", async () => {
  const answers = [Promise.withResolvers<Answer>(), Promise.withResolvers<Answer>()];
  let count = 0;
  const carryOut = () => answers[count++]?.promise ?? Promise.reject(new Error("too many commands"));
  const agents = new Agents(queue, { command: carryOut }, { outdated: new Set() });
  const [first, second] = [agents.set(command("ready")), agents.set(command("not-ready"))];
  await Promise.resolve().then(() => {}).then(() => {});
  expect(count).toBe(1);
  for (const answer of answers) answer.resolve({ status: 204, ok: true, text: "" });
  expect([await first, await second]).toEqual([{ outcome: "done" }, { outcome: "done" }]);
});

test.each<[string, Answer | NoAnswer, object]>([
  ["read_only", { status: 403, ok: false, text: "" }, { outcome: "failed", cause: "HTTP_403" }],
  ["lost", new NoAnswer("closed", "gone", true), { outcome: "unknown" }],
  ["not sent", new NoAnswer("refused", "gone", false), { outcome: "failed", cause: "NO_LINK" }],
])("%s: a sentence for the agent", async (_name, answer, result) => {
  expect(await rig(answer).agents.set(command("ready"))).toMatchObject({ ...result, why: expect.stringMatching(/^[A-Z]/) });
});

test("without acd nothing is asked", async () => {
  const { agents, asked } = rig(undefined, config);
  expect(await agents.set(command("ready"))).toMatchObject({ outcome: "failed", cause: "NOT_SUPPORTED" });
  expect(asked).toEqual([]);
});

test("after a restart of Asterisk or telesetd each state is set again, until that has succeeded", async () => {
  const { agents, memory } = rig();
  const after = (startedAt: string) => outdatedDesks(memory, startedAt, ["1001", "1003"]);
  const set = (desk: string) => agents.set({ ...command("ready"), desk });
  expect(after("t1")).toEqual(["1001", "1003"]);
  await set("1001");
  // The connection was lost before the other one was set.
  expect(after("t1")).toEqual(["1003"]);
  await set("1003");
  expect(after("t1")).toEqual([]);
  expect(after("t2")).toEqual(["1001", "1003"]);
  expect(after("")).toEqual(["1001", "1003"]);
});

test("after a lost connection a state whose command was interrupted is set again", async () => {
  const { agents, memory } = rig(new NoAnswer("closed", "gone", true));
  memory.startedAt = "t1";
  await agents.set(command("ready"));
  expect(outdatedDesks(memory, "t1", ["1001", "1003"])).toEqual(["1001"]);
});
