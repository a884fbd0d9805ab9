/** The agents' side of a connection: carries agent commands out, and finds out what the ACD knows after a connect. */
import type { AgentCommand, CommandResult, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log.ts";
import { acdSteps, agentName, listedStatus, modeOf, refusal, whyChanged } from "./acd.ts";
import type { FreeswitchConfig } from "./config.ts";
import { type Link, LinkClosed } from "./link.ts";

/** What outlives a connection: which FreeSWITCH it was, and whose agents are whose. */
export interface AgentMemory {
  /** The Core-UUID of the FreeSWITCH that was told; another one has forgotten. */
  core: string | undefined;
  /** Names at mod_callcenter to desks. */
  readonly names: Map<string, string>;
}

/** The memory at the start: the names that are known without anybody's Login. */
export function agentMemory(desks: readonly string[], { agent }: Pick<FreeswitchConfig, "agent">): AgentMemory {
  const known = agent.includes("{agent}") ? [] : desks.map((desk) => [agentName(agent, desk, ""), desk] as const);
  return { core: undefined, names: new Map(known) };
}

/** Brings an agent into a state at mod_callcenter, step by step; the first refusal ends it. */
export async function setAgent(
  link: Link,
  command: AgentCommand,
  config: FreeswitchConfig,
  memory: AgentMemory,
): Promise<CommandResult> {
  if (config.acd === "none") return { outcome: "done" };
  const steps = acdSteps(command, config, config.acd);
  if (typeof steps === "string") return { outcome: "failed", cause: "NOT_SENT", why: steps };
  try {
    const name = agentName(config.agent, command.desk, command.agent);
    if (!memory.names.has(name)) {
      memory.names.set(name, command.desk);
      await link.command(`filter CC-Agent ${name}`);
    }
    for (const step of steps) {
      const { text } = await link.command(`api callcenter_config ${step.command}`);
      if (!text.startsWith("+OK") && !(step.fine?.test(text))) return refusal(step, text);
    }
    return { outcome: "done" };
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
    return {
      outcome: "unknown",
      why: `The connection to the phone system was lost (${error.message}): try again when it is back.`,
    };
  }
}

/**
 * After a connect. Another FreeSWITCH than the one that was told, or none told yet: ours must be applied again. The same
 * one: what it has is right. A listing fires no events, as asking for one agent would.
 */
export async function lookAtAgents(
  link: Link,
  { config, memory, desks, tell, log }: {
    readonly config: FreeswitchConfig;
    readonly memory: AgentMemory;
    readonly desks: readonly string[];
    readonly tell: (event: LineEvent) => void;
    readonly log: Log;
  },
): Promise<void> {
  if (config.acd === "none") return;
  for (const name of memory.names.keys()) if (config.agent.includes("{agent}")) await link.command(`filter CC-Agent ${name}`);
  const core = (await link.command("api global_getvar core_uuid")).text.trim();
  const same = memory.core !== undefined && memory.core === core;
  memory.core = core;
  if (!same) return tell({ type: "acd-reset", desks });
  const listing = await link.command("api callcenter_config agent list");
  if (!listing.ok) return log.warning("Cannot list the agents of the ACD", { says: listing.text.trim() });
  for (const [name, desk] of memory.names) {
    const mode = modeOf(listedStatus(listing.text, name) ?? "Logged Out");
    if (mode !== undefined) tell({ type: "agent", desk, mode, why: whyChanged(mode) });
  }
}
