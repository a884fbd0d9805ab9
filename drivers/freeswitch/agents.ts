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
  /** Names at mod_callcenter to desks: one name a desk, the one that took its place last. */
  readonly names: Map<string, string>;
  /** Desks that must be told again: a command was cut off, or none has come through since the ACD had forgotten. */
  readonly cut: Set<string>;
  /** Passes a fact on, on the connection that stands. */
  tell: (event: LineEvent) => void;
  /** Settles when the commands so far are done: two that mixed would leave a state that nobody asked for. */
  turn: Promise<unknown>;
}

/** The memory at the start: the names that are known without anybody's Login. */
export function agentMemory(desks: readonly string[], { agent }: Pick<FreeswitchConfig, "agent">): AgentMemory {
  const known = agent.includes("{agent}") ? [] : desks.map((desk) => [agentName(agent, desk, ""), desk] as const);
  return { core: undefined, names: new Map(known), cut: new Set(), tell: () => {}, turn: Promise.resolve() };
}

/** Brings an agent into a state at mod_callcenter, step by step; the first refusal ends it. One command after the other. */
export function setAgent(
  link: Link,
  command: AgentCommand,
  config: FreeswitchConfig,
  memory: AgentMemory,
): Promise<CommandResult> {
  const done = memory.turn.then(() => carryOut(link, command, config, memory));
  memory.turn = done.catch(() => {});
  return done;
}

async function carryOut(
  link: Link,
  command: AgentCommand,
  config: FreeswitchConfig,
  memory: AgentMemory,
): Promise<CommandResult> {
  if (config.acd === "none") return { outcome: "done" };
  const steps = acdSteps(command, config, config.acd);
  if (typeof steps === "string") return { outcome: "failed", cause: "NOT_SENT", why: steps };
  const { desk } = command;
  try {
    const name = agentName(config.agent, desk, command.agent);
    const before = memory.names.get(name);
    memory.names.set(name, desk);
    if (before === undefined) await link.command(`filter CC-Agent ${name}`);
    for (const step of steps) {
      const { text } = await link.command(`api callcenter_config ${step.command}`);
      if (text.startsWith("+OK") || step.fine?.test(text)) continue;
      if (before !== undefined) memory.names.set(name, before);
      return refusal(step, text);
    }
    memory.cut.delete(desk);
    if (command.login) await takePlace(link, { name, desk, before }, memory);
    return { outcome: "done" };
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
    memory.cut.add(desk);
    return {
      outcome: "unknown",
      why: `The connection to the phone system was lost (${error.message}): try again when it is back.`,
    };
  }
}

/** Who logs in takes the desk's place: whoever had it is logged out, and he himself has no other desk any more. */
async function takePlace(
  link: Link,
  { name, desk, before }: { name: string; desk: string; before: string | undefined },
  memory: AgentMemory,
): Promise<void> {
  if (before !== undefined && before !== desk) {
    memory.tell({ type: "agent", desk: before, mode: "logged-out", why: `you have logged in at phone ${desk}` });
  }
  for (const other of [...memory.names.keys()].filter((each) => each !== name && memory.names.get(each) === desk)) {
    memory.names.delete(other);
    await link.command(`filter delete CC-Agent ${other}`);
    await link.command(`api callcenter_config agent set status ${other} 'Logged Out'`);
  }
}

/**
 * After a connect. Another FreeSWITCH than the one that was told, or none told yet, or a command that was cut off: ours must
 * be applied again. The same one: what it has is right. A listing fires no events, as asking for one agent would.
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
  memory.tell = tell;
  for (const name of memory.names.keys()) if (config.agent.includes("{agent}")) await link.command(`filter CC-Agent ${name}`);
  const asked = await link.command("api global_getvar core_uuid");
  if (!asked.ok) {
    log.rarely("no core uuid").warning(
      "Cannot ask whether FreeSWITCH was restarted, so the agents are set again: allow line.user global_getvar",
      {
        says: asked.text.trim(),
      },
    );
  }
  const core = asked.ok ? asked.text.trim() : undefined;
  const same = core !== undefined && memory.core === core;
  memory.core = core;
  const again = same ? desks.filter((desk) => memory.cut.has(desk)) : desks;
  for (const desk of again) memory.cut.add(desk);
  if (again.length > 0) tell({ type: "acd-reset", desks: again });
  if (!same) return;
  const listing = await link.command("api callcenter_config agent list");
  if (!listing.ok) return log.rarely("no agents").warning("Cannot list the agents of the ACD", { says: listing.text.trim() });
  for (const [name, desk] of memory.names) {
    if (again.includes(desk)) continue;
    const mode = modeOf(listedStatus(listing.text, name) ?? "Logged Out");
    if (mode !== undefined) tell({ type: "agent", desk, mode, why: whyChanged(mode) });
  }
}
