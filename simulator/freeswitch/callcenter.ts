/**
 * Agents, tiers and queues of mod_callcenter, with the commands of `callcenter_config`.
 * Source: FreeSWITCH src/mod/applications/mod_callcenter/mod_callcenter.c, `cc_config_api_function`, `cc_agent_update`;
 * recordings.
 */
import type { HeaderValue } from "./events.ts";
import type { Switch } from "./switch.ts";

export interface Agent {
  readonly name: string;
  type: string;
  /** `[leg_timeout=10]user/1001@domain` */
  contact: string;
  /** As set: the switch ignores case when validating it, but not when looking for a free agent. */
  status: string;
  state: string;
  maxNoAnswer: number;
  noAnswerCount: number;
  lastStatusChange: number;
}

interface Tier {
  readonly queue: string;
  readonly agent: string;
}

const statuses = ["Logged Out", "Available", "Available (On Demand)", "On Break"];
const states = ["Waiting", "Receiving", "In a queue call", "Idle", "Reserved"];

export class Callcenter {
  readonly agents = new Map<string, Agent>();
  readonly #sw: Switch;
  readonly #queues: readonly string[];
  #tiers: Tier[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(sw: Switch, queues: readonly string[]) {
    this.#sw = sw;
    this.#queues = queues;
  }

  /** Runs a `callcenter_config` command; the texts of the answers are those of the switch. */
  command(arg: string): string {
    const [section = "", action = "", ...rest] = separate(arg);
    const answer = this.#run(`${section} ${action}`.toLowerCase(), rest);
    for (const wake of [...this.#waiting]) wake();
    return answer;
  }

  #run(what: string, args: string[]): string {
    switch (what) {
      case "agent add":
        return this.#add(args);
      case "agent del":
        this.agents.delete(args[0] ?? "");
        return "+OK\n";
      case "agent set":
        return this.#set(args);
      case "agent get":
        return this.#get(args);
      case "agent list":
        return this.#list(args[0]);
      case "tier add":
        return this.#addTier(args);
      case "tier del":
        this.#tiers = this.#tiers.filter((tier) => tier.queue !== args[0] || tier.agent !== args[1]);
        return "+OK\n";
      case "tier list":
        return `queue|agent|state|level|position\n${
          this.#tiers.map((tier) => `${tier.queue}|${tier.agent}|Ready|1|1\n`).join("")
        }+OK\n`;
      case "queue list":
        return `${queueColumns}\n${this.#queues.map((queue) => `${queue}${queueDefaults}\n`).join("")}+OK\n`;
      default:
        return "-ERR Invalid!\n";
    }
  }

  #add([name, type]: string[]): string {
    if (name === undefined || type === undefined) return "-ERR Invalid!\n";
    if (this.agents.has(name)) return "-ERR Agent already exist!\n";
    if (!["callback", "uuid-standby"].includes(type.toLowerCase())) return "-ERR Agent type invalid!\n";
    const fresh = { contact: "", status: "Logged Out", state: "Waiting", maxNoAnswer: 0, noAnswerCount: 0, lastStatusChange: 0 };
    this.agents.set(name, { name, type, ...fresh });
    this.info({ "CC-Agent": name, "CC-Agent-Type": type, "CC-Action": "agent-add" });
    return "+OK\n";
  }

  #set([key, name, value]: string[]): string {
    if (key === undefined || name === undefined || value === undefined) return "-ERR Invalid!\n";
    const agent = this.agents.get(name);
    if (agent === undefined) return "-ERR Agent not found!\n";
    switch (key.toLowerCase()) {
      case "status":
        return this.#checked(statuses, value, "Status", () => this.setStatus(agent, value));
      case "state":
        return this.#checked(states, value, "State", () => this.setState(agent, value));
      case "contact":
        agent.contact = value;
        this.info({ "CC-Agent": name, "CC-Action": "agent-contact-change", "CC-Agent-Contact": value });
        return "+OK\n";
      case "max_no_answer":
        agent.maxNoAnswer = Number.parseInt(value, 10) || 0;
        return "+OK\n";
      default:
        return /^(wrap_up_time|reject_delay_time|busy_delay_time|no_answer_delay_time|ready_time|type|uuid)$/i.test(key)
          ? "+OK\n"
          : "-ERR Invalid Agent Update KEY!\n";
    }
  }

  #checked(known: readonly string[], value: string, what: string, act: () => void): string {
    if (!known.some((name) => name.toLowerCase() === value.toLowerCase())) return `-ERR Invalid Agent ${what}!\n`;
    act();
    return "+OK\n";
  }

  setStatus(agent: Agent, status: string): void {
    agent.status = status;
    agent.lastStatusChange = Math.floor(Number(this.#sw.now()) / 1e6);
    if (status === "Available") agent.noAnswerCount = 0;
    this.info({ "CC-Agent": agent.name, "CC-Action": "agent-status-change", "CC-Agent-Status": status });
  }

  setState(agent: Agent, state: string): void {
    agent.state = state;
    this.info({ "CC-Agent": agent.name, "CC-Action": "agent-state-change", "CC-Agent-State": state });
  }

  #get([key, name]: string[]): string {
    if (key === undefined || name === undefined) return "-ERR Invalid!\n";
    const agent = this.agents.get(name);
    if (agent === undefined) return "-ERR Agent not found!\n";
    if (key !== "status" && key !== "state") return "-ERR Invalid Agent Update KEY!\n";
    // Even a query fires an event.
    const header = key === "status" ? "CC-Agent-Status" : "CC-Agent-State";
    this.info({ "CC-Agent": name, "CC-Action": `agent-${key}-get`, [header]: agent[key] });
    return agent[key];
  }

  #list(name: string | undefined): string {
    const agents = [...this.agents.values()].filter((agent) => name === undefined || agent.name === name);
    return `${agentColumns}\n${agents.map(agentRow).join("")}+OK\n`;
  }

  #addTier([queue, agent]: string[]): string {
    if (queue === undefined || agent === undefined) return "-ERR Invalid!\n";
    if (!this.#queues.includes(queue)) return "-ERR Queue not found!\n";
    if (!this.agents.has(agent)) return "-ERR Agent not found!\n";
    if (this.#tiers.some((tier) => tier.queue === queue && tier.agent === agent)) return "-ERR Tier already exist!\n";
    this.#tiers.push({ queue, agent });
    return "+OK\n";
  }

  /** Resolves with the first free agent of a queue: `Available`, in exactly this spelling, and `Waiting`. */
  free(queue: string): Promise<Agent> {
    return new Promise((resolve) => {
      const check = () => {
        const tier = this.#tiers.find((tier) => tier.queue === queue && isFree(this.agents.get(tier.agent)));
        const agent = this.agents.get(tier?.agent ?? "");
        if (agent === undefined) return;
        this.#waiting.delete(check);
        resolve(agent);
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Removes all agents, tiers and waiting callers, as a restart does. */
  forget(): void {
    this.agents.clear();
    this.#tiers = [];
    this.#waiting.clear();
  }

  /** Checks for free agents for waiting callers. */
  wake(): void {
    for (const check of [...this.#waiting]) check();
  }

  /** Fires `callcenter::info`. */
  info(facts: Readonly<Record<string, HeaderValue>>): void {
    this.#sw.fire("CUSTOM", facts, "callcenter::info");
  }
}

function isFree(agent: Agent | undefined): boolean {
  return agent?.status === "Available" && agent.state === "Waiting";
}

/** Splits at spaces outside quotes; a backslash escapes a quote (`switch_separate_string`). */
function separate(text: string): string[] {
  const words = text.match(/(?:\\.|'(?:\\.|[^'])*'|[^\s'])+/g) ?? [];
  return words.map((word) => word.replace(/\\(['"\\])|'/g, "$1"));
}

const agentColumns =
  "name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|reject_delay_time|busy_delay_time|" +
  "no_answer_delay_time|last_bridge_start|last_bridge_end|last_offered_call|last_status_change|no_answer_count|calls_answered|" +
  "talk_time|ready_time|external_calls_count";

function agentRow(agent: Agent): string {
  const { name, type, contact, status, state, maxNoAnswer, lastStatusChange, noAnswerCount } = agent;
  return `${name}|single_box||${type}|${contact}|${status}|${state}|${maxNoAnswer}|0|0|0|0|0|0|0|${lastStatusChange}|${noAnswerCount}|0|0|0|0\n`;
}

const queueColumns =
  "name|strategy|moh_sound|time_base_score|tier_rules_apply|tier_rule_wait_second|tier_rule_wait_multiply_level|" +
  "tier_rule_no_agent_no_wait|discard_abandoned_after|abandoned_resume_allowed|max_wait_time|max_wait_time_with_no_agent|" +
  "max_wait_time_with_no_agent_time_reached|record_template|calls_answered|calls_abandoned|ring_progressively_delay|" +
  "skip_agents_with_external_calls|agent_no_answer_status";

const queueDefaults = "|longest-idle-agent|local_stream://moh|system|false|300|true|false|60|false|0|0|5||0|0|0|true|On Break";
