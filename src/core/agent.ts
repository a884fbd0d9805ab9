/** The agent's state as UWQ has set it. The ACD of the switch follows it; see the driver. */

/** What an agent is doing: out, on a break, or available for calls. */
export type AgentMode = "logged-out" | "not-ready" | "ready";

/** One agent at a desk. */
export interface Agent {
  readonly id: string;
  readonly mode: AgentMode;
  /** The queue of his last Login. */
  readonly queue?: string;
  /** Since when, in ms. */
  readonly since: number;
}

/** How many agents a desk remembers; the one that changed longest ago is forgotten. */
export const agentsPerDesk = 20;

/** The agent after a Login, Logout, Ready or NotReady. All are idempotent: what is so already stays as it is. */
export function changeAgent(
  agents: readonly Agent[],
  change: { readonly name: "Login" | "Logout" | "Ready" | "NotReady"; readonly agent: string; readonly queue?: string },
  now: number,
): Agent[] {
  const old = agents.find(({ id }) => id === change.agent);
  const mode = modeAfter(change.name, old?.mode ?? "logged-out");
  const queue = change.name === "Login" ? change.queue : old?.queue;
  const agent: Agent = {
    id: change.agent,
    mode,
    since: old?.mode === mode ? old.since : now,
    ...(queue === undefined ? {} : { queue }),
  };
  return [...agents.filter(({ id }) => id !== change.agent), agent].slice(-agentsPerDesk);
}

/** A Login of one who is logged in changes nothing; a break of one who is logged out does not log him in. */
function modeAfter(name: "Login" | "Logout" | "Ready" | "NotReady", mode: AgentMode): AgentMode {
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
