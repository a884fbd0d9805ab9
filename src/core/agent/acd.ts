/**
 * The agent's state at the switch's ACD. While the link is up the switch decides: we follow what a supervisor or a queue does to
 * an agent there. After a restart, of the switch or of telesetd, the agent's last request is applied again. A desk has one place
 * at the ACD: the agent who logs in takes it over. Without an ACD the state is kept and shown, and nothing is sent to the switch.
 */
import {
  type Agent,
  type AgentCallout,
  atWork,
  changeAgent,
  holder,
  modeAfter,
  takenOver,
  withAgent,
  withoutAsked,
} from "./agent.ts";
import type { Callout, Reply } from "../crm.ts";
import { type Desk, phoneTrouble } from "../desk.ts";
import type { Step } from "../input.ts";
import type { AgentCommand, AgentMode, CommandResult } from "../line.ts";
import { omitUndefined } from "../omit-undefined.ts";

/** The settings of a site for agents. */
export interface AcdPolicy {
  /** Whether telesetd sets the states of agents at an ACD of the switch. */
  readonly driven: boolean;
  /** Oracle's rule (E13402): after an ACD call the agent gets no second one until ready again. */
  readonly afterCall: "not-ready" | "nothing";
}

type StateCallout = Extract<Callout, { name: AgentCallout }>;

/** A Login, Logout, Ready or NotReady: answered at once without an ACD, otherwise when the ACD has done it. */
export function onAgentCallout(desk: Desk, id: string, callout: StateCallout, now: number, policy: AcdPolicy): Step {
  const { name, agent } = callout;
  const why = calloutRefusal(desk, callout, policy);
  if (why !== undefined) return replied(desk, id, { ok: false, why, refused: true });
  const queue = callout.name === "Login" ? callout.queue : undefined;
  if (!policy.driven) {
    const others = name === "Login" ? takenOver(desk.agents, agent, desk.extension, now) : desk.agents;
    return replied({ ...desk, agents: changeAgent(others, { name, agent, ...omitUndefined({ queue }) }, now) }, id, { ok: true });
  }
  const old = desk.agents.find((known) => known.id === agent);
  const before = old?.mode ?? "logged-out";
  const mode = modeAfter(name, before);
  // NotReady or Logout of an agent who is not logged in changes nothing at the ACD.
  if (mode === "logged-out" && before === "logged-out") return replied(desk, id, { ok: true });
  return driveAgent(desk, {
    callout: id,
    agent,
    login: name === "Login",
    mode,
    ...omitUndefined({ queue: queue ?? old?.queue }),
  });
}

/** Why an agent's state may not be changed now, as a sentence for the agent; undefined if it may. */
function calloutRefusal(desk: Desk, { name, agent }: StateCallout, { driven }: AcdPolicy): string | undefined {
  if (name === "Login" && desk.calls.some(({ answered }) => answered)) {
    return `LoginFailed: phone ${desk.extension} is on a call: end it, then log in again.`;
  }
  if (name !== "Ready" || !driven) return undefined;
  const { mode = "logged-out" } = desk.agents.find(({ id }) => id === agent) ?? {};
  if (mode === "logged-out") return `Agent ${agent} is not logged in: log in first, then press Ready.`;
  const trouble = phoneTrouble(desk.extension, desk.line);
  return trouble && `${trouble.replace(/\.$/, "")}, then press Ready.`;
}

function replied(desk: Desk, to: string, reply: Reply): Step {
  return { desk, effects: [{ type: "reply", to, reply }] };
}

/** Sends a command to the ACD, and notes it: until its result, the same change reported by the ACD is this command's. */
function driveAgent(desk: Desk, command: Omit<AgentCommand, "type" | "desk">): Step {
  const asked = { mode: command.mode, ...omitUndefined({ callout: command.callout }) };
  const last = holder(desk.agents);
  const agents = desk.agents.map((agent) => (agent === last ? { ...agent, asked } : agent));
  return {
    desk: { ...desk, agents },
    effects: [{ type: "drive", command: { type: "agent", desk: desk.extension, ...command } }],
  };
}

/** The result of a command to the ACD. The callout that waits for it is answered. */
export function onAgentResult(desk: Desk, command: AgentCommand, result: CommandResult, now: number): Step {
  const after = result.outcome === "done" ? afterDone(desk, command, now) : withoutCommand(desk, command);
  if (command.callout === undefined) return { desk: after, effects: [] };
  return replied(after, command.callout, result.outcome === "done" ? { ok: true } : { ok: false, why: result.why });
}

/** The command sets the state, unless a later command or the switch itself has changed it since. */
function afterDone(desk: Desk, command: AgentCommand, now: number): Desk {
  const last = holder(desk.agents);
  if (!isLatest(last, command)) return isOverruled(last, command) ? desk : withResult(desk, command, now);
  const settled = withoutCommand(desk, command);
  // When telesetd acts on its own, the state and its reason are noted with the command.
  return command.callout === undefined ? settled : withResult(settled, command, now);
}

/** Whether this is the command whose result is awaited. */
function isLatest(last: Agent | undefined, { callout, mode }: AgentCommand): boolean {
  return last?.asked !== undefined && last.asked.callout === callout && last.asked.mode === mode;
}

/** Whether a later command is awaited, or the switch has set another mode since. */
function isOverruled(last: Agent | undefined, { callout, mode }: AgentCommand): boolean {
  if (last === undefined) return false;
  return last.asked !== undefined || (last.mode !== mode && (last.why !== undefined || callout === undefined));
}

/** The desk that no longer waits for the result of this command. */
function withoutCommand(desk: Desk, command: AgentCommand): Desk {
  return isLatest(holder(desk.agents), command) ? { ...desk, agents: desk.agents.map(withoutAsked) } : desk;
}

/** The desk whose agent is in the mode that a command has set. */
function withResult(desk: Desk, { agent, mode, queue, login }: AgentCommand, now: number): Desk {
  const old = desk.agents.find(({ id }) => id === agent);
  const since = old?.mode === mode ? old.since : now;
  const others = login ? takenOver(desk.agents, agent, desk.extension, now) : desk.agents;
  return { ...desk, agents: withAgent(others, { id: agent, mode, since, ...omitUndefined({ queue }) }) };
}

/** The switch has changed the state of the agent, or confirms the state that we have. */
export function onAgentEvent(desk: Desk, mode: AgentMode, why: string, now: number): Step {
  const agent = holder(desk.agents);
  if (!agent || agent.asked?.mode === mode) return { desk, effects: [] };
  if (agent.mode === mode && !agent.asked) return { desk, effects: [] };
  const since = agent.mode === mode ? agent.since : now;
  return { desk: { ...desk, agents: withAgent(desk.agents, { ...withoutAsked(agent), mode, why, since }) }, effects: [] };
}

/** The ACD may have lost the state: the last request of the agent is applied again. */
export function onAcdReset(desk: Desk, policy: AcdPolicy): Step {
  const agent = atWork(desk.agents);
  if (!policy.driven || !agent) return { desk, effects: [] };
  const { id, mode, queue } = agent;
  return driveAgent(desk, { agent: id, login: true, mode, ...omitUndefined({ queue }) });
}

/** An agent whose phone cannot ring is not left available; after a queue call the agent gets no second one. */
export function afterChange(before: Desk, after: Desk, now: number, policy: AcdPolicy): Step {
  const agent = atWork(after.agents);
  if (!policy.driven || agent?.mode !== "ready") return { desk: after, effects: [] };
  if (after.line.phone === "unregistered") {
    return onBreak(after, agent, `phone ${after.extension} was not registered: press Ready when it is`, now);
  }
  if (policy.afterCall === "not-ready" && queueCallAnswered(before, after)) return onBreak(after, agent, undefined, now);
  return { desk: after, effects: [] };
}

/** Whether a call of a queue has been answered in this step. */
function queueCallAnswered(before: Desk, after: Desk): boolean {
  return after.calls.some((call) =>
    call.origin === "called" && call.queue && call.answered &&
    !before.calls.some(({ id, answered }) => id === call.id && answered)
  );
}

function onBreak(desk: Desk, agent: Agent, why: string | undefined, now: number): Step {
  const { id, queue } = agent;
  const resting: Agent = { id, mode: "not-ready", since: now, ...omitUndefined({ queue, why }) };
  const command = { agent: id, login: false, mode: "not-ready", ...omitUndefined({ queue }) } as const;
  return driveAgent({ ...desk, agents: withAgent(desk.agents, resting) }, command);
}

/** Why the agent is in another state than the one requested, as a sentence for the agent; undefined otherwise. */
export function agentTrouble(desk: Desk): string | undefined {
  const agent = holder(desk.agents);
  if (agent?.why === undefined) return undefined;
  const state = agent.mode === "logged-out"
    ? "is logged out of the ACD"
    : agent.mode === "ready"
    ? "has been made ready"
    : "is not ready";
  return `Agent ${agent.id} ${state}: ${agent.why}.`;
}
