/** The whole daemon with an ACD and with dialling, between the simulated switch and a small CRM: for the tests beside it. */
import { lineSchemas } from "../../../drivers/registry.ts";
import { Simulator, type SimulatorOptions } from "../../../simulator/freeswitch/mod.ts";
import { startRig } from "../../../src/commands/rehearsal/stage.ts";
import { parseConfig } from "../../../src/config/schema.ts";
import type { DialRecord } from "../../../src/core/input.ts";
import { openLog } from "../../../src/log/log.ts";
import { answering } from "../freeswitch/acd-rig.ts";
import { getJson } from "../get-json.ts";
import { until } from "../until.ts";

export const name = "1001@default";

/** The daemon at work, its line up, with what the tests ask of it; it ends with its scope. */
// deno-lint-ignore explicit-module-boundary-types -- its type follows from its result
export async function start({ line = {}, more = {}, simulator = {} }: {
  line?: Record<string, unknown>;
  more?: Record<string, unknown>;
  simulator?: SimulatorOptions;
} = {}) {
  const sim = new Simulator(simulator);
  answering(sim);
  await sim.start();
  const lines: string[] = [];
  const text = JSON.stringify({
    desks: [{ extension: "1001" }],
    line: { driver: "freeswitch", password: "ClueCon", domain: "127.0.0.1", ...line },
    ...more,
  });
  const rig = await startRig({
    config: parseConfig(text, lineSchemas, {}),
    switch: { port: sim.port, password: "ClueCon" },
    log: openLog((line) => lines.push(line), "info", false),
  });
  const desk = () => rig.app.status().desks[0];
  const waits = (what: string, test: () => boolean) =>
    until(() => `Waited in vain for ${what}: ${JSON.stringify(rig.app.status())}`, test);
  const callout = async (FunctionName: string, more: Record<string, string> = {}) => {
    const answer = await rig.callout(FunctionName, { telesetNumber: "1001", agentID: "agent-1001", ...more });
    return /occtErrorMsg" value="([^"]*)"/.exec(answer)?.[1]?.replaceAll("&quot;", '"') ?? "ok";
  };
  await waits("the line to be up", () => desk()?.trouble === undefined && desk()?.phone === "registered");
  return {
    sim,
    rig,
    lines,
    until: waits,
    desk,
    login: (queue = "support@default") => callout("Login", { agentQueue: queue }),
    ready: () => callout("Ready"),
    callout,
    dial: (dialString = "14155550123") => callout("MakeCall", { dialString }),
    checkStatus: () => callout("CheckStatus"),
    agent: () => sim.callcenter.agents.get(name),
    mode: (wanted: string) => waits(`the agent to be ${wanted}`, () => desk()?.agents.at(-1)?.mode === wanted),
    dials: () => getJson<(DialRecord & { desk: string })[]>(rig.app.socket, "/dials"),
    async [Symbol.asyncDispose]() {
      await rig.stop();
      await sim.stop();
    },
  };
}

export const warned = (lines: readonly string[]): string[] => lines.filter((line) => line.includes("The switch has changed"));
