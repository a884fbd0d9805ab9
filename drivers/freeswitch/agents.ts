/** The agents' side of a connection: carries agent commands out, and finds out what the ACD knows after a connect. */
import type { AgentCommand, CommandResult, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import { type AcdStep, acdSteps, agentName, listedAgent, modeOf, refusal, whyChanged } from "./acd.ts";
import type { FreeswitchConfig } from "./config.ts";
import { Echoes } from "./echoes.ts";
import { type Link, LinkClosed } from "./wire/link.ts";

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
  /** The events that our own commands will bring on this connection. */
  readonly echoes: Echoes;
  /** Settles when the commands so far are done: two that mixed would leave a state that nobody asked for. */
  turn: Promise<unknown>;
  /** How many commands of a desk are under way or wait for their turn. */
  readonly open: Map<string, number>;
}

/** The memory at the start: the names that are known without anybody's Login. */
export function agentMemory(desks: readonly string[], { acdAgent }: Pick<FreeswitchConfig, "acdAgent">): AgentMemory {
  const known = acdAgent.includes("{agent}") ? [] : desks.map((desk) => [agentName(acdAgent, desk, ""), desk] as const);
  return {
    core: undefined,
    names: new Map(known),
    cut: new Set(),
    tell: () => {},
    echoes: new Echoes(),
    turn: Promise.resolve(),
    open: new Map(),
  };
}

/** What carries agent commands out. */
export interface AgentContext {
  readonly config: FreeswitchConfig;
  readonly memory: AgentMemory;
  readonly log: Log;
}

/**
 * Brings an agent into a state at mod_callcenter, step by step; the first refusal ends it, and what was done before it is
 * taken back. One command after the other.
 */
export function setAgent(link: Link, command: AgentCommand, context: AgentContext): Promise<CommandResult> {
  const { memory } = context;
  const { desk } = command;
  memory.open.set(desk, (memory.open.get(desk) ?? 0) + 1);
  const done = memory.turn.then(() => carryOut(link, command, context)).finally(() => {
    memory.open.set(desk, (memory.open.get(desk) ?? 1) - 1);
  });
  memory.turn = done.catch(() => {});
  return done;
}

async function carryOut(link: Link, command: AgentCommand, context: AgentContext): Promise<CommandResult> {
  const { config, memory } = context;
  if (config.acd === "none") return { outcome: "done" };
  const steps = acdSteps(command, config, config.acd);
  if (typeof steps === "string") return { outcome: "failed", cause: "NOT_SENT", why: steps };
  const { desk } = command;
  const name = agentName(config.acdAgent, desk, command.agent);
  const before = memory.names.get(name);
  try {
    // It stands before anything is set, so that no event is missed, and stays for an agent who is here.
    if (before === undefined) await link.command(`filter CC-Agent ${name}`);
    const refused = await takeSteps(link, steps, name, context);
    if (refused) {
      if (before === undefined) await link.command(`filter delete CC-Agent ${name}`);
      return refused;
    }
    memory.names.set(name, desk);
    memory.cut.delete(desk);
    if (command.login) await takePlace(link, { name, desk, before }, memory);
    return { outcome: "done" };
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
    // Half of it may be done, also to the desk that the agent had.
    for (const cut of [desk, before]) if (cut !== undefined) memory.cut.add(cut);
    return {
      outcome: "unknown",
      why: `The connection to the phone system was lost (${error.message}): try again when it is back.`,
    };
  }
}

/** Takes the steps in order. When one is refused, those before it are taken back, the last first: a refusal leaves no trace. */
async function takeSteps(
  link: Link,
  steps: readonly AcdStep[],
  name: string,
  { memory, log }: AgentContext,
): Promise<CommandResult | undefined> {
  // Asking for one value would fire an event, a listing does not.
  const was = listedAgent((await link.command(`api callcenter_config agent list ${name}`)).text, name);
  const undo: AcdStep[] = [];
  for (const step of steps) {
    const answer = await takeStep(link, step, name, memory);
    if (isOk(answer)) undo.unshift(...[step.undo?.(was) ?? []].flat());
    else if (!step.fine?.test(answer)) {
      for (const back of undo) {
        const text = await takeStep(link, back, name, memory);
        if (!isOk(text)) {
          log.warning("Cannot take back a part of a refused command", { command: back.command, answer: text.trim() });
        }
      }
      return refusal(step, answer);
    }
  }
  return undefined;
}

async function takeStep(link: Link, { command, status }: AcdStep, name: string, { echoes }: AgentMemory): Promise<string> {
  // The event may come before the answer.
  if (status !== undefined) echoes.expect(name, status);
  const { text } = await link.command(`api callcenter_config ${command}`);
  if (status !== undefined && !isOk(text)) echoes.withdraw(name, status);
  return text;
}

function isOk(answer: string): boolean {
  return answer.startsWith("+OK");
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

/** The filters of the agents who are known beyond the desks' own names. A new connection begins with them. */
export function agentFilters({ names, echoes }: AgentMemory, { acdAgent }: Pick<FreeswitchConfig, "acdAgent">): string[] {
  echoes.clear();
  return acdAgent.includes("{agent}") ? [...names.keys()].map((name) => `filter CC-Agent ${name}`) : [];
}

/**
 * After a connect. Another FreeSWITCH than the one that was told, or none told yet, or a command that was cut off: ours must
 * be applied again. The same one: what it has is right. A listing fires no events, as asking for one agent would.
 */
export async function lookAtAgents(
  link: Link,
  { config, memory, desks, tell, log }: AgentContext & {
    readonly desks: readonly string[];
    readonly tell: (event: LineEvent) => void;
  },
): Promise<void> {
  if (config.acd === "none") return;
  memory.tell = tell;
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
  if (same) await reportListed(link, again, memory, log);
}

/** What the switch has of each agent now; of a desk that a command of ours is about to change that carries no information. */
async function reportListed(link: Link, except: readonly string[], memory: AgentMemory, log: Log): Promise<void> {
  const listing = await link.command("api callcenter_config agent list");
  if (!listing.ok) return log.rarely("no agents").warning("Cannot list the agents of the ACD", { says: listing.text.trim() });
  for (const [name, desk] of memory.names) {
    if (except.includes(desk) || (memory.open.get(desk) ?? 0) > 0) continue;
    const mode = modeOf(listedAgent(listing.text, name)?.status ?? "Logged Out");
    if (mode !== undefined) memory.tell({ type: "agent", desk, mode, why: whyChanged(mode) });
  }
}
