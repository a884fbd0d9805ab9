/** The agents of a desk, in the states that UWQ or the switch has set. */
import type { AgentCommand, AgentMode } from "../line.ts";
import { omitUndefined } from "../omit-undefined.ts";

export type { AgentMode } from "../line.ts";

/** One agent at a desk. */
export interface Agent {
  readonly id: string;
  readonly mode: AgentMode;
  /** The queue of the last Login. */
  readonly queue?: string;
  /** Why the agent is in this state without a request, as the end of a sentence for the agent; absent otherwise. */
  readonly why?: string;
  /**
   * The last command to the ACD for this desk, until its result: the mode, and the callout, absent when telesetd acts on its
   * own.
   */
  readonly asked?: Pick<AgentCommand, "callout" | "mode">;
  /** The time of the last change of the mode, in ms. */
  readonly since: number;
}

/** The maximum number of agents that a desk remembers; the one that changed longest ago is forgotten. */
export const maxAgentsPerDesk = 20;

/** The callouts that change an agent's state. */
export type AgentCallout = "Login" | "Logout" | "Ready" | "NotReady";

/** The agents after a Login, Logout, Ready or NotReady. All are idempotent. */
export function changeAgent(
  agents: readonly Agent[],
  change: { readonly name: AgentCallout; readonly agent: string; readonly queue?: string },
  now: number,
): Agent[] {
  const old = agents.find(({ id }) => id === change.agent);
  const mode = modeAfter(change.name, old?.mode ?? "logged-out");
  const queue = change.name === "Login" ? change.queue : old?.queue;
  return withAgent(agents, {
    id: change.agent,
    mode,
    since: old?.mode === mode ? old.since : now,
    ...omitUndefined({ queue }),
  });
}

/** The agents with this one added or replaced, as the one that changed last. */
export function withAgent(agents: readonly Agent[], agent: Agent): Agent[] {
  return [...agents.filter(({ id }) => id !== agent.id), agent].slice(-maxAgentsPerDesk);
}

/** The agent who works at a desk: of those logged in, the one that changed last. */
export function atWork(agents: readonly Agent[]): Agent | undefined {
  return agents.findLast(({ mode }) => mode !== "logged-out");
}

/** The agent who has the desk's place at the ACD: the one who works there, or else the last one. */
export function holder(agents: readonly Agent[]): Agent | undefined {
  return atWork(agents) ?? agents.at(-1);
}

/** A desk has one place at the ACD: an agent who logs in takes it over, and the agent at work there is logged out. */
export function takenOver(agents: readonly Agent[], by: string, extension: string, now: number): Agent[] {
  const why = `agent ${by} has logged in at phone ${extension}`;
  return agents.map((agent) =>
    agent.id === by || agent.mode === "logged-out" ? agent : { ...withoutAsked(agent), mode: "logged-out", why, since: now }
  );
}

/** The agent without a command to the ACD in progress. */
export function withoutAsked({ asked: _, ...agent }: Agent): Agent {
  return agent;
}

/** The mode after a callout. Login does not change an agent who is logged in; NotReady does not log an agent in. */
export function modeAfter(name: AgentCallout, mode: AgentMode): AgentMode {
  switch (name) {
    case "Login":
      return mode === "logged-out" ? "not-ready" : mode;
    case "Logout":
      return "logged-out";
    case "Ready":
      return "ready";
    case "NotReady":
      return mode === "logged-out" ? "logged-out" : "not-ready";
  }
}
