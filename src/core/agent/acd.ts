/**
 * The agent's state at the switch's ACD. The rule: while the link stands, the switch is right: what a supervisor or a queue
 * does to an agent there, we follow. After a restart, of the switch or of us, what the agent last asked for is applied again.
 * A desk has one place at the ACD: who logs in takes it over. Without an ACD the state is kept and shown, and nothing is driven.
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
import type { Callout } from "../crm.ts";
import { type Desk, phoneTrouble } from "../desk.ts";
import type { Effect, Step } from "../input.ts";
import type { AgentCommand, AgentMode, CommandResult } from "../line.ts";
import { present } from "../present.ts";

/** What a site has decided about agents. */
export interface AcdPolicy {
  /** Whether the switch has an ACD that is driven. */
  readonly driven: boolean;
  /** Oracle's rule (E13402): after an ACD call no second one until the agent asks for work. */
  readonly afterCall: "not-ready" | "nothing";
}

type StateCallout = Extract<Callout, { name: AgentCallout }>;

/** A Login, Logout, Ready or NotReady: at once where nothing is driven, else when the switch has done it. */
export function onAgentCallout(desk: Desk, id: string, callout: StateCallout, now: number, policy: AcdPolicy): Step {
  if (callout.name === "Login" && desk.calls.some(({ answered }) => answered)) {
    const why = `LoginFailed: phone ${desk.extension} is on a call: end it, then log in again.`;
    return { desk, effects: [{ type: "reply", to: id, reply: { ok: false, why } }] };
  }
  const queue = callout.name === "Login" ? callout.queue : undefined;
  const change = { name: callout.name, agent: callout.agent, ...present({ queue }) };
  if (!policy.driven) {
    const others = callout.name === "Login" ? takenOver(desk.agents, callout.agent, desk.extension, now) : desk.agents;
    const agents = changeAgent(others, change, now);
    return { desk: { ...desk, agents }, effects: [{ type: "reply", to: id, reply: { ok: true } }] };
  }
  const old = desk.agents.find((agent) => agent.id === callout.agent);
  if (callout.name === "Ready" && (old === undefined || old.mode === "logged-out")) {
    const why = `Agent ${callout.agent} is not logged in: log in first, then press Ready.`;
    return { desk, effects: [{ type: "reply", to: id, reply: { ok: false, why } }] };
  }
  const trouble = phoneTrouble(desk.extension, desk.line);
  if (callout.name === "Ready" && trouble !== undefined) {
    const why = `${trouble.replace(/\.$/, "")}, then press Ready.`;
    return { desk, effects: [{ type: "reply", to: id, reply: { ok: false, why } }] };
  }
  const known = queue ?? old?.queue;
  const command: AgentCommand = {
    type: "agent",
    desk: desk.extension,
    id,
    agent: callout.agent,
    login: callout.name === "Login",
    mode: modeAfter(callout.name, old?.mode ?? "logged-out"),
    ...present({ queue: known }),
  };
  // A break, or the end of work, of one who is not there is done already.
  if (command.mode === "logged-out" && (old === undefined || old.mode === "logged-out")) {
    return { desk, effects: [{ type: "reply", to: id, reply: { ok: true } }] };
  }
  return ask(desk, command);
}

/** Asks the ACD, and notes it: until it has answered, a change by others to the same state is no news. */
function ask(desk: Desk, command: AgentCommand): Step {
  const { id, mode } = command;
  const last = holder(desk.agents);
  const agents = desk.agents.map((agent) => (agent === last ? { ...agent, asked: { id, mode } } : agent));
  return { desk: { ...desk, agents }, effects: [{ type: "drive", command }] };
}

/** What the switch made of an agent command. What it did counts, unless it has been told, or has told, otherwise since. */
export function onAgentResult(desk: Desk, command: AgentCommand, result: CommandResult, now: number): Step {
  const { id, agent, mode, queue, login } = command;
  const reply = (ok: boolean, why: string): Effect[] =>
    id === "" ? [] : [{ type: "reply", to: id, reply: ok ? { ok: true } : { ok: false, why } }];
  const last = holder(desk.agents);
  const awaited = last?.asked?.id === id && last.asked.mode === mode;
  const agents = awaited ? desk.agents.map(withoutAsked) : desk.agents;
  const settled = awaited ? { ...desk, agents } : desk;
  if (result.outcome !== "done") return { desk: settled, effects: reply(false, result.why) };
  // A command of our own doing says nothing about why: that has been noted when it was given.
  if (id === "" && awaited) return { desk: settled, effects: [] };
  const overruled = !awaited && last !== undefined &&
    (last.asked !== undefined || (last.mode !== mode && (last.why !== undefined || id === "")));
  if (overruled) return { desk, effects: reply(true, "") };
  const old = agents.find((other) => other.id === agent);
  const since = old?.mode === mode ? old.since : now;
  const others = login ? takenOver(agents, agent, desk.extension, now) : agents;
  const changed = withAgent(others, { id: agent, mode, since, ...present({ queue }) });
  return { desk: { ...desk, agents: changed }, effects: reply(true, "") };
}

/** The switch has changed the state of the desk's agent, or confirms ours. */
export function onAgentEvent(desk: Desk, mode: AgentMode, why: string, now: number): Step {
  const agent = holder(desk.agents);
  if (!agent || agent.asked?.mode === mode) return { desk, effects: [] };
  if (agent.mode === mode && !agent.asked) return { desk, effects: [] };
  const since = agent.mode === mode ? agent.since : now;
  return { desk: { ...desk, agents: withAgent(desk.agents, { ...withoutAsked(agent), mode, why, since }) }, effects: [] };
}

/** The ACD may have forgotten: what the agent last asked for is applied again, unless the phone cannot ring. */
export function onAcdReset(desk: Desk, policy: AcdPolicy): Step {
  const agent = atWork(desk.agents);
  if (!policy.driven || !agent) return { desk, effects: [] };
  const { id, mode, queue } = agent;
  const command: AgentCommand = {
    type: "agent",
    desk: desk.extension,
    id: "",
    agent: id,
    login: true,
    mode,
    ...present({ queue }),
  };
  return ask(desk, command);
}

/** An agent whose phone cannot ring is never left available; one whose queue call was answered gets no second one. */
export function afterChange(before: Desk, after: Desk, now: number, policy: AcdPolicy): Step {
  const agent = atWork(after.agents);
  if (!policy.driven || agent?.mode !== "ready") return { desk: after, effects: [] };
  if (after.line.phone === "unregistered") {
    return onBreak(after, agent, `phone ${after.extension} was not registered: press Ready when it is`, now);
  }
  if (policy.afterCall === "not-ready" && queueCallAnswered(before, after)) return onBreak(after, agent, undefined, now);
  return { desk: after, effects: [] };
}

/** A queue's call has been answered that was not before. */
function queueCallAnswered(before: Desk, after: Desk): boolean {
  return after.calls.some((call) =>
    call.origin === "called" && call.queue && call.answered &&
    !before.calls.some(({ id, answered }) => id === call.id && answered)
  );
}

function onBreak(desk: Desk, agent: Agent, why: string | undefined, now: number): Step {
  const { id, queue } = agent;
  const resting: Agent = {
    id,
    mode: "not-ready",
    since: now,
    ...present({ queue, why }),
  };
  const command: AgentCommand = {
    type: "agent",
    desk: desk.extension,
    id: "",
    agent: id,
    login: false,
    mode: "not-ready",
    ...present({ queue }),
  };
  return ask({ ...desk, agents: withAgent(desk.agents, resting) }, command);
}

/** What the agent should know of their state, as a sentence; nothing when it is what they asked for. */
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
