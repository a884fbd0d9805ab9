/** Checks that mod_callcenter has the configured agents and queues. `agent get` fires events, so only lists are requested. */
import { agentName, listedAgent } from "../acd.ts";
import { failed, type Finding, good } from "../../shared/probing.ts";
import type { FreeswitchConfig } from "../config.ts";
import { type Ask, isDenied } from "./ask.ts";

/** Checks the lists of agents and queues. */
export async function checkQueues(ask: Ask, config: FreeswitchConfig, desks: readonly string[]): Promise<Finding> {
  const { acd, acdAgent } = config;
  if (acd === "none") {
    return { verdict: "skipped", message: "Not tried: line.acd is set to none, so the state of agents stays in telesetd." };
  }
  const agents = await ask("callcenter_config agent list");
  if (isDenied(agents)) {
    const advice = "Add callcenter_config to esl-allowed-api of line.user on the switch; then reloadxml.";
    return failed("The switch denies callcenter_config.", advice);
  }
  if (/command not found/i.test(agents.text)) {
    const advice = 'On the switch: fs_cli -x "load mod_callcenter", and add it to modules.conf.xml; or set line.acd to "none".';
    return failed("The switch has no call queues: mod_callcenter is not loaded.", advice);
  }
  const listed = (await ask("callcenter_config queue list")).text.split("\n").slice(1).map((row) => row.split("|")[0] ?? "");
  const needed = [...new Set(Object.values(acd.queues).flat())];
  const missing = needed.filter((queue) => !listed.includes(queue));
  if (missing.length > 0) {
    const there = listed.filter((name) => name !== "" && !name.startsWith("+OK"));
    return failed(
      `The switch has no queue ${missing.join(", ")} (it has ${there.slice(0, 8).join(", ") || "none"}).`,
      "Correct line.acd.queues, or add the queue to callcenter.conf.xml and load it: callcenter_config queue load NAME.",
    );
  }
  const queues = needed.length === 0 ? "" : ` The queues ${needed.join(", ")} exist.`;
  if (acdAgent.includes("{agent}")) {
    return good(`mod_callcenter answers; agents are named at Login.${queues}`);
  }
  const names = desks.map((desk) => agentName(acdAgent, desk, ""));
  const unknown = names.filter((name) => listedAgent(agents.text, name) === undefined);
  if (unknown.length > 0 && !acd.create) {
    return failed(
      `The switch does not know the agent ${unknown.join(", ")}, and line.acd.create is false.${queues}`,
      `Add it: callcenter_config agent add ${unknown[0]} callback; or set line.acd.create to true.`,
    );
  }
  const known = names.map((name) => `${name} ${listedAgent(agents.text, name)?.status ?? "is added at Login"}`).join(", ");
  return good(`Agents: ${known}.${queues}`);
}
