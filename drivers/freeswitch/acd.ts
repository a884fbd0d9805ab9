/**
 * The agent's state at mod_callcenter, through `callcenter_config` (mod_callcenter.c): the commands that set it, the meaning of
 * their replies, and the state in an event or a listing. Case matters: `available` gets +OK but then no calls.
 */
import type { AgentCommand, AgentMode, CommandResult } from "../../src/core/line.ts";
import type { FreeswitchConfig } from "./config.ts";
import { oneLine } from "../../src/platform/text.ts";

/** The settings of an ACD that is driven. */
export type AcdConfig = Exclude<FreeswitchConfig["acd"], "none">;

/** The name of the desk's agent at mod_callcenter: the pattern with the extension and the agent's id filled in. */
export function agentName(pattern: string, extension: string, agent: string): string {
  return pattern.replaceAll("{extension}", extension).replaceAll("{agent}", agent);
}

const statuses: Record<AgentMode, string> = { "logged-out": "Logged Out", "not-ready": "On Break", ready: "Available" };

/** The mode of a status of mod_callcenter; undefined if it is empty. A status in another spelling (`available`) gets no calls. */
export function modeOf(status: string): AgentMode | undefined {
  if (status === "") return undefined;
  if (status === "Available" || status === "Available (On Demand)") return "ready";
  return /^logged out$/i.test(status) ? "logged-out" : "not-ready";
}

/** An agent in `agent list`. */
export interface ListedAgent {
  readonly contact: string;
  readonly status: string;
}

/** A command of callcenter_config, and how it is undone. */
export interface AcdStep {
  readonly command: string;
  /** Matches refusals which mean that there was nothing to do. */
  readonly alreadyDone?: RegExp;
  /** The status that it sets. */
  readonly status?: string;
  /** The command that undoes it, given the agent before; undefined if there is nothing to undo. */
  readonly undo?: (was: ListedAgent | undefined) => AcdStep | undefined;
}

function statusStep(name: string, status: string): AcdStep {
  return {
    command: `agent set status ${name} '${status}'`,
    status,
    undo: (was) => (was && /^[A-Za-z ()]+$/.test(was.status) ? statusStep(name, was.status) : undefined),
  };
}

function contactStep(name: string, contact: string): AcdStep {
  // As switch_separate_string splits it: quotes keep spaces together, a backslash keeps a quote.
  const word = /[\s'\\]/.test(contact) ? `'${contact.replace(/['\\]/g, "\\$&")}'` : contact;
  return {
    command: `agent set contact ${name} ${word}`,
    undo: (was) => (was && was.contact !== "" ? contactStep(name, was.contact) : undefined),
  };
}

/**
 * The commands that bring an agent into a state, in order; or the reason, for the agent, why that is impossible.
 * Of what UWQ sends, only what passes these patterns reaches the switch.
 */
export function acdSteps(
  command: AgentCommand,
  config: Pick<FreeswitchConfig, "acdAgent" | "domain">,
  acd: AcdConfig,
): AcdStep[] | string {
  const { desk, agent, login, mode, queue } = command;
  const name = agentName(config.acdAgent, desk, agent);
  if (!/^[A-Za-z0-9_.@-]{1,80}$/.test(name)) {
    return `Agent ${JSON.stringify(agent).slice(0, 64)} cannot be an agent of the ACD: expected letters, digits and . _ - @.`;
  }
  const queues = queue === undefined ? [] : queuesOf(queue, acd);
  if (typeof queues === "string") return queues;
  const set = statusStep(name, statuses[mode]);
  // An agent whom the switch does not know is logged out already.
  const state: AcdStep[] = [mode === "logged-out" ? { ...set, alreadyDone: /Agent not found/i } : set];
  if (mode === "ready") state.push({ command: `agent set state ${name} Waiting` });
  if (login) return [...enrolment(name, queues, desk, config, acd), ...state];
  if (mode !== "logged-out" || !acd.create) return state;
  return [...state, ...queues.map((queue) => ({ command: `tier del ${queue} ${name}`, alreadyDone: /not found|Tier/i }))];
}

function enrolment(
  name: string,
  queues: readonly string[],
  desk: string,
  { domain }: Pick<FreeswitchConfig, "domain">,
  acd: AcdConfig,
): AcdStep[] {
  if (!acd.create) return [];
  return [
    { command: `agent add ${name} callback`, alreadyDone: /already exist/i, undo: () => ({ command: `agent del ${name}` }) },
    // The contact comes after the steps that are refused most often: until it is set, calls keep ringing the agent's current
    // phone.
    ...queues.map((queue): AcdStep => ({
      command: `tier add ${queue} ${name} 1 1`,
      alreadyDone: /already exist/i,
      undo: () => ({ command: `tier del ${queue} ${name}` }),
    })),
    contactStep(name, contactOf(desk, domain, acd)),
  ];
}

/** How mod_callcenter rings a desk. */
function contactOf(desk: string, domain: string, { contact }: AcdConfig): string {
  return contact.replaceAll("{extension}", desk).replaceAll("{domain}", domain);
}

/**
 * Why a command is refused that is not a Login: the agent is logged in at another desk. Undefined if the agent is not, or if
 * contacts do not show it because the administrator sets them.
 */
export function elsewhere(
  { desk, agent, login }: AgentCommand,
  was: ListedAgent | undefined,
  { domain, acd }: Pick<FreeswitchConfig, "domain" | "acd">,
): CommandResult | undefined {
  if (acd === "none" || !acd.create || login || !was || modeOf(was.status) === "logged-out") return undefined;
  if (was.contact === contactOf(desk, domain, acd)) return undefined;
  const why = `Agent ${agent.slice(0, 64)} is not logged in at phone ${desk} but at another one: log in here first.`;
  return { outcome: "failed", cause: "ELSEWHERE", why };
}

/** The queues of an agentQueue, which may name several, separated by commas: mapped by the configuration, or unchanged. */
function queuesOf(agentQueue: string, { queues }: AcdConfig): string[] | string {
  const found: string[] = [];
  for (const name of agentQueue.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const mapped = Object.hasOwn(queues, name) ? queues[name] : Object.keys(queues).length === 0 ? name : undefined;
    if (mapped === undefined || !/^[A-Za-z0-9_.@-]{1,80}(,[A-Za-z0-9_.@-]{1,80})*$/.test([mapped].flat().join(","))) {
      return `Queue ${JSON.stringify(name).slice(0, 64)} is not known to this box: ask the administrator (line.acd.queues).`;
    }
    found.push(...[mapped].flat());
  }
  return found;
}

/** The result of a refused step, with a sentence for the agent. */
export function refusal({ command }: AcdStep, answer: string): CommandResult {
  const text = oneLine(answer).trim();
  const [, , what = ""] = command.split(" ");
  const queue = command.startsWith("tier ") ? what : "";
  const why = /Queue not found/i.test(text)
    ? `Queue ${queue} does not exist on the switch: ask the administrator.`
    : /Agent not found/i.test(text)
    ? "The switch does not know you as an agent: ask the administrator (mod_callcenter)."
    : /Command not found/i.test(text)
    ? "The switch has no queues (mod_callcenter is not loaded): ask the administrator."
    : `The switch refuses: ${text.replace(/^-ERR\s*|[!.]$/g, "").slice(0, 120) || "it gives no reason"}. Ask the administrator.`;
  return { outcome: "failed", cause: text.slice(0, 80), why };
}

/**
 * An agent in `agent list` (`name|instance_id|uuid|type|contact|status|...`); undefined if the list does not have the agent.
 * A contact may contain `|` itself (one phone after the other): the columns after it are counted from the end.
 */
export function listedAgent(listing: string, name: string): ListedAgent | undefined {
  const [head = "", ...rows] = listing.split("\n");
  const columns = head.split("|");
  const [contact, status] = [columns.indexOf("contact"), columns.indexOf("status")];
  const row = rows.map((row) => row.split("|")).find(([first]) => first === name);
  if (!row || row.length < columns.length || contact < 0 || status < contact) return undefined;
  const more = row.length - columns.length;
  return { contact: row.slice(contact, contact + more + 1).join("|"), status: row[status + more] ?? "" };
}

/** The possible reason for a change by the switch, as a clause for the agent. */
export function whyChanged(mode: AgentMode): string {
  if (mode === "ready") return "the switch, or a supervisor, has made you ready";
  if (mode === "logged-out") return "a supervisor, or the switch, has logged you out";
  return "the switch has put you on a break because a call was not answered, or a supervisor has: press Ready when you are";
}
