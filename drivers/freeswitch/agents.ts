/** The agents on one connection: executes agent commands, and after a connect finds out what the ACD knows. */
import type { AgentCommand, CommandResult, LegFacts, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { type AcdStep, acdSteps, agentName, elsewhere, listedAgent, modeOf, refusal, whyChanged } from "./acd.ts";
import type { FreeswitchConfig } from "./config.ts";
import { Echoes } from "./echoes.ts";
import { JoiningLegs } from "./joining-legs.ts";
import { type Link, LinkClosed } from "./wire/link.ts";

/** What outlives a connection: which FreeSWITCH it was, and which agent is at which desk. */
export interface AgentMemory {
  /** The Core-UUID of the FreeSWITCH that got our commands; a different one does not know them. */
  coreUuid: string | undefined;
  /** The desks of the names at mod_callcenter: one name for each desk, that of the last Login. */
  readonly names: Map<string, string>;
  /** Desks whose state must be set again: a command was interrupted, or none has succeeded since the ACD lost its state. */
  readonly outdated: Set<string>;
}

/** The memory at startup: the names that do not depend on a Login. */
export function agentMemory(desks: readonly string[], { acdAgent }: Pick<FreeswitchConfig, "acdAgent">): AgentMemory {
  const known = acdAgent.includes("{agent}") ? [] : desks.map((desk) => [agentName(acdAgent, desk, ""), desk] as const);
  return { coreUuid: undefined, names: new Map(known), outdated: new Set() };
}

/** What agents need from the session. */
export interface AgentsOptions {
  readonly link: Link;
  readonly config: FreeswitchConfig;
  readonly memory: AgentMemory;
  readonly desks: readonly string[];
  readonly log: Log;
  readonly timers: Timers;
  readonly report: (event: LineEvent) => void;
  /** Commands come from boxes that may be stolen: one changes only the state of an agent who is logged in at its desk. */
  readonly areConfined: boolean;
}

/** The agents of one connection. */
export class Agents {
  readonly #options: AgentsOptions;
  /** The events that our own commands cause. */
  readonly echoes = new Echoes();
  /**
   * By desk and by agent: settles when the last command so far is done. Two at a time could leave a state that nobody requested,
   * but those of others do not wait.
   */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** The commands that are in progress or queued. */
  readonly #open = new Set<AgentCommand>();
  readonly #joining: JoiningLegs;

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#joining = new JoiningLegs(options.timers);
  }

  /** Handles the facts of a leg. */
  note(facts: LegFacts): void {
    this.#joining.note(facts);
  }

  /** The desk of each name at mod_callcenter. */
  get names(): ReadonlyMap<string, string> {
    return this.#options.memory.names;
  }

  /** The filters for agents whose names depend on a Login. A new connection starts with them. */
  get filters(): string[] {
    const { acdAgent } = this.#options.config;
    return acdAgent.includes("{agent}") ? [...this.names.keys()].map((name) => `filter CC-Agent ${name}`) : [];
  }

  /**
   * Sets an agent's state at mod_callcenter, for each desk and agent one command after the other. At the first refusal the earlier
   * steps are undone.
   */
  set(command: AgentCommand): Promise<CommandResult> {
    this.#open.add(command);
    const keys = [`desk ${command.desk}`, `agent ${this.#nameOf(command)}`];
    const before = Promise.all(keys.map((key) => this.#turns.get(key)));
    const done = before.then(() => this.#carryOut(command)).finally(() => this.#open.delete(command));
    const over = done.catch(() => {}).finally(() => {
      for (const key of keys) if (this.#turns.get(key) === over) this.#turns.delete(key);
    });
    for (const key of keys) this.#turns.set(key, over);
    return done;
  }

  #nameOf({ desk, agent }: AgentCommand): string {
    return agentName(this.#options.config.acdAgent, desk, agent);
  }

  async #carryOut(command: AgentCommand): Promise<CommandResult> {
    const { link, config, memory } = this.#options;
    if (config.acd === "none") return { outcome: "done" };
    const steps = acdSteps(command, config, config.acd);
    if (typeof steps === "string") return { outcome: "failed", cause: "NOT_SENT", why: steps };
    const { desk } = command;
    const name = this.#nameOf(command);
    const before = memory.names.get(name);
    try {
      // The filter comes before the first step, so that no event is missed, and stays while the agent is at this desk.
      if (before === undefined) await link.command(`filter CC-Agent ${name}`);
      if (command.mode !== "ready") await this.#joining.joined(desk, link.closed);
      const refused = await this.#takeSteps(command, steps, name);
      if (refused) {
        if (before === undefined) await link.command(`filter delete CC-Agent ${name}`);
        return refused;
      }
      memory.names.set(name, desk);
      memory.outdated.delete(desk);
      if (command.login) await this.#takePlace(name, desk, before);
      return { outcome: "done" };
    } catch (error) {
      if (!(error instanceof LinkClosed)) throw error;
      // It may be half done, also at the agent's previous desk.
      for (const half of [desk, before]) if (half !== undefined) memory.outdated.add(half);
      return {
        outcome: "unknown",
        why: `The connection to the phone system was lost (${error.message}): try again when it is back.`,
      };
    }
  }

  /**
   * Executes the steps in order. If one is refused, the steps before it are undone in reverse order: a refusal leaves no trace.
   */
  async #takeSteps(command: AgentCommand, steps: readonly AcdStep[], name: string): Promise<CommandResult | undefined> {
    const { link, log, config, areConfined } = this.#options;
    // A query for one value would fire an event; a listing does not.
    const was = listedAgent((await link.command(`api callcenter_config agent list ${name}`)).text, name);
    const away = areConfined && config.acdAgent.includes("{agent}") ? elsewhere(command, was, config) : undefined;
    if (away) return away;
    const undo: AcdStep[] = [];
    for (const step of steps) {
      const answer = await this.#takeStep(step, name);
      if (isOk(answer)) undo.unshift(...[step.undo?.(was) ?? []].flat());
      else if (!step.alreadyDone?.test(answer)) {
        for (const back of undo) {
          const text = await this.#takeStep(back, name);
          if (!isOk(text)) {
            log.warning("Cannot undo a part of a refused command", { command: back.command, answer: text.trim() });
          }
        }
        return refusal(step, answer);
      }
    }
    return undefined;
  }

  async #takeStep({ command, status }: AcdStep, name: string): Promise<string> {
    // The event may arrive before the answer.
    if (status !== undefined) this.echoes.expect(name, status);
    const { text } = await this.#options.link.command(`api callcenter_config ${command}`);
    if (status !== undefined && !isOk(text)) this.echoes.withdraw(name, status);
    return text;
  }

  /** An agent who logs in takes over the desk: its previous agent is logged out, and so is this agent at any other desk. */
  async #takePlace(name: string, desk: string, before: string | undefined): Promise<void> {
    const { link, memory, report } = this.#options;
    const isFree = ![...memory.names].some(([other, at]) => other !== name && at === before);
    if (before !== undefined && before !== desk && isFree) {
      report({ type: "agent", desk: before, mode: "logged-out", why: `you have logged in at phone ${desk}` });
    }
    for (const former of [...memory.names.keys()].filter((key) => key !== name && memory.names.get(key) === desk)) {
      // A Login of this agent at another desk is in progress.
      if ([...this.#open].some((open) => open.login && open.desk !== desk && this.#nameOf(open) === former)) continue;
      memory.names.delete(former);
      await link.command(`filter delete CC-Agent ${former}`);
      await link.command(`api callcenter_config agent set status ${former} 'Logged Out'`);
    }
  }

  /**
   * Decides after a connect whose view of the agents is right. If FreeSWITCH was restarted or replaced, or a command was
   * interrupted, ours must be applied again; otherwise FreeSWITCH's is right. A listing fires no events, a query for an agent
   * does.
   */
  async refresh(): Promise<void> {
    const { link, config, memory, desks, report, log } = this.#options;
    if (config.acd === "none") return;
    const reply = await link.command("api global_getvar core_uuid");
    if (!reply.ok) {
      log.rarely("no core uuid").warning(
        "Cannot ask whether FreeSWITCH was restarted, so the agents are set again: allow line.user global_getvar",
        { says: reply.text.trim() },
      );
    }
    const coreUuid = reply.ok ? reply.text.trim() : undefined;
    const same = coreUuid !== undefined && memory.coreUuid === coreUuid;
    memory.coreUuid = coreUuid;
    const again = same ? desks.filter((desk) => memory.outdated.has(desk)) : desks;
    for (const desk of again) memory.outdated.add(desk);
    if (again.length > 0) report({ type: "acd-reset", desks: again });
    if (same) await this.#reportListed(again);
  }

  /** Reports the state of each agent on the switch, but not of desks that a command of ours is about to change. */
  async #reportListed(except: readonly string[]): Promise<void> {
    const { link, memory, report, log } = this.#options;
    const listing = await link.command("api callcenter_config agent list");
    if (!listing.ok) return log.rarely("no agents").warning("Cannot list the agents of the ACD", { says: listing.text.trim() });
    const changing = new Set([...except, ...[...this.#open].map(({ desk }) => desk)]);
    for (const [name, desk] of memory.names) {
      if (changing.has(desk)) continue;
      const mode = modeOf(listedAgent(listing.text, name)?.status ?? "Logged Out");
      if (mode !== undefined) report({ type: "agent", desk, mode, why: whyChanged(mode) });
    }
  }
}

function isOk(answer: string): boolean {
  return answer.startsWith("+OK");
}
