/** The agents of a desk, as UWQ has set them, or as the switch has. */
import type { AgentCommand, AgentMode } from "../line.ts";
import { present } from "../present.ts";

export type { AgentMode } from "../line.ts";

/** One agent at a desk. */
export interface Agent {
  readonly id: string;
  readonly mode: AgentMode;
  /** The queue of the last Login. */
  readonly queue?: string;
  /** Why the agent is in this state without having asked for it, as a sentence for the agent; absent otherwise. */
  readonly why?: string;
  /** The last command to the ACD for this desk, until its result: the mode, and the callout, absent when telesetd acts on its own. */
  readonly asked?: Pick<AgentCommand, "callout" | "mode">;
  /** Since when, in ms. */
  readonly since: number;
}

/** How many agents a desk remembers; the one that changed longest ago is forgotten. */
export const maxAgentsPerDesk = 20;

/** The callouts that change an agent's state. */
export type AgentCallout = "Login" | "Logout" | "Ready" | "NotReady";

/** The agent after a Login, Logout, Ready or NotReady. All are idempotent: what is so already stays as it is. */
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
    ...present({ queue }),
  });
}

/** The agents with this one put in or changed, as the one that changed last. */
export function withAgent(agents: readonly Agent[], agent: Agent): Agent[] {
  return [...agents.filter(({ id }) => id !== agent.id), agent].slice(-maxAgentsPerDesk);
}

/** The agent who is at work at a desk: the one who is logged in and changed last. */
export function atWork(agents: readonly Agent[]): Agent | undefined {
  return agents.findLast(({ mode }) => mode !== "logged-out");
}

/** Whom the desk's place at the ACD belongs to: the agent at work, else the last who was. */
export function holder(agents: readonly Agent[]): Agent | undefined {
  return atWork(agents) ?? agents.at(-1);
}

/** A desk has one place at the ACD: who logs in takes it over, and who was at work there is logged out. */
export function takenOver(agents: readonly Agent[], by: string, extension: string, now: number): Agent[] {
  const why = `agent ${by} has logged in at phone ${extension}`;
  return agents.map((agent) =>
    agent.id === by || agent.mode === "logged-out" ? agent : { ...withoutAsked(agent), mode: "logged-out", why, since: now }
  );
}

/** The agent, of whom nothing is being asked. */
export function withoutAsked({ asked: _, ...agent }: Agent): Agent {
  return agent;
}

/** A Login of one who is logged in changes nothing; a break of one who is logged out logs nobody in. */
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
