/**
 * What a relay lets a box do at its desk. A box can be stolen: the relay takes the desk from the subject, which the broker
 * checks, applies the site's rules on numbers and rates once more, and executes each command once. Pure: time is an input.
 */
import type { AgentRequest, CommandAnswer, DialRequest } from "../broker/messages.ts";
import { countDial, rateRefusal } from "../core/dial/limits.ts";
import type { DialCount } from "../core/dial/dial.ts";
import type { CommandResult } from "../core/line.ts";
import { dialSteps, type NumberPlan, quoted } from "../core/number.ts";

/** The rules of a site. */
export interface GateRules {
  /** `toDial` is not applied: the box has rewritten the number. */
  readonly numbers: NumberPlan;
  readonly perMinute: number;
  readonly perDay: number;
  /** The maximum number of changes of an agent's state from one desk per minute. */
  readonly agentPerMinute: number;
  /** The agents that may log in at desks, by desk; each an id, or its beginning followed by `*`. Absent: any agent at any desk. */
  readonly agents?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Whether an agent may log in at a desk. */
function mayLogIn(agents: GateRules["agents"], desk: string, agent: string): boolean {
  const matches = (pattern: string, id: string) => pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
  return agents === undefined ||
    Object.entries(agents).some(([of, ids]) => matches(of, desk) && ids.some((id) => matches(id, agent)));
}

/** How long the ids of commands are kept, in ms. */
export const idMemoryMs = 5 * 60_000;

/** The maximum number of ids of one desk that are kept. */
const maxIds = 200;

/** A command that was taken or refused. */
interface Taken {
  readonly at: number;
  answer: Omit<CommandAnswer, "r">;
  /** Who carries it out: this relay, once nobody else can have announced it first; `theirs`: another relay has announced it. */
  holder: "nobody" | "ours" | "theirs";
}

/**
 * `repeat`: the command was taken or refused before, with this answer. `late`: the box no longer waits for it. `claimed`: another
 * relay has taken it.
 */
export type Decision =
  | { readonly type: "claimed" }
  | { readonly type: "go" }
  | { readonly type: "late" }
  | { readonly type: "repeat"; readonly answer: Omit<CommandAnswer, "r"> }
  | { readonly type: "refuse"; readonly result: CommandResult; readonly log: "denied" | "rate" };

/** The commands of one desk. */
export class Gate {
  readonly #desk: string;
  readonly #rules: GateRules;
  readonly #taken = new Map<string, Taken>();
  #dialled: DialCount | undefined;
  #agentChanges: number[] = [];

  constructor(desk: string, rules: GateRules) {
    this.#desk = desk;
    this.#rules = rules;
  }

  /** Decides about a dial; it counts if it may go. */
  dial({ id, by, number, dialled }: Pick<DialRequest, "id" | "by" | "number" | "dialled">, now: number): Decision {
    const { numbers, ...limits } = this.#rules;
    const steps = dialSteps({ ...numbers, toDial: [] }, number);
    const isEmergency = (steps.ok && steps.emergency) || isPrefixedEmergency(numbers, number, dialled);
    return this.#once(id, by, now, isEmergency ? Infinity : maxIds, () => {
      const why = isEmergency ? undefined : whyDenied(numbers, steps, dialled);
      if (why !== undefined) return { type: "refuse", result: refused("DENIED", why), log: "denied" };
      const tooOften = isEmergency ? undefined : rateRefusal(this.#desk, this.#dialled, now, limits);
      if (tooOften !== undefined) return { type: "refuse", result: refused("RATE_LIMIT", tooOften), log: "rate" };
      this.#dialled = countDial(this.#dialled, now);
      return { type: "go" };
    });
  }

  /** Decides about a change of an agent's state. */
  agent({ id, by, agent }: Pick<AgentRequest, "id" | "by" | "agent">, now: number): Decision {
    // A state that is set twice is the same state.
    if (this.#taken.get(id)?.holder === "theirs") this.#taken.delete(id);
    return this.#once(id, by, now, maxIds, () => {
      if (!mayLogIn(this.#rules.agents, this.#desk, agent)) {
        const why = `Agent ${agent.slice(0, 64)} may not log in at phone ${this.#desk}: ask the administrator (relay.agents).`;
        return { type: "refuse", result: refused("DENIED", why), log: "denied" };
      }
      if (this.#agentChanges.length >= this.#rules.agentPerMinute) {
        const why = `The agent's state at phone ${this.#desk} was changed ${this.#agentChanges.length} times within a minute, ` +
          "which is the maximum: wait a moment.";
        return { type: "refuse", result: refused("RATE_LIMIT", why), log: "rate" };
      }
      this.#agentChanges.push(now);
      return { type: "go" };
    });
  }

  /** Whether a command was taken or refused in the last minutes, here or at another relay. */
  knows(id: string): boolean {
    return this.#taken.has(id);
  }

  /** Another relay carries out this command: it counts here too. */
  claimed(id: string, isDial: boolean, now: number): void {
    this.#forgetOld(now);
    const taken = this.#taken.get(id);
    if (taken?.holder === "nobody") taken.holder = "theirs";
    if (taken) return;
    this.#taken.set(id, { at: now, answer: { id }, holder: "theirs" });
    if (isDial) this.#dialled = countDial(this.#dialled, now);
    else this.#agentChanges.push(now);
  }

  /** A command that was announced is about to be carried out. @returns whether no other relay has announced it meanwhile. */
  starts(id: string): boolean {
    const taken = this.#taken.get(id);
    if (!taken || taken.holder === "theirs") return false;
    taken.holder = "ours";
    return true;
  }

  /** Notes the result of a command, for a repeat of its request. */
  settle(id: string, result: CommandResult): void {
    const taken = this.#taken.get(id);
    if (taken) taken.answer = { id, result };
  }

  #forgetOld(now: number): void {
    for (const [old, { at }] of this.#taken) if (now - at > idMemoryMs) this.#taken.delete(old);
    this.#agentChanges = this.#agentChanges.filter((at) => now - at < 60_000);
  }

  #once(id: string, by: number, now: number, maxTaken: number, decide: () => Decision): Decision {
    this.#forgetOld(now);
    const before = this.#taken.get(id);
    if (before?.holder === "theirs" && !before.answer.result) return { type: "claimed" };
    if (before) return { type: "repeat", answer: before.answer };
    if (now > by) return { type: "late" };
    if (this.#taken.size >= maxTaken) {
      const why = `Phone ${this.#desk} has sent ${maxIds} commands within 5 minutes, which is the maximum: wait a moment.`;
      return { type: "refuse", result: refused("RATE_LIMIT", why), log: "rate" };
    }
    const decision = decide();
    const answer = decision.type === "refuse" ? { id, result: decision.result } : { id };
    this.#taken.set(id, { at: now, answer, holder: "nobody" });
    return decision;
  }
}

/** The longest prefix that a box may put before an emergency number: digits for an outside line. */
const maxPrefix = 3;

/** Whether the agent has dialled an emergency number, and the box has only put a prefix before it. */
function isPrefixedEmergency({ emergency = [] }: NumberPlan, number: string, dialled: string | undefined): boolean {
  if (dialled === undefined || !number.endsWith(dialled) || number.length > dialled.length + maxPrefix) return false;
  return emergency.some((pattern) => pattern.test(dialled));
}

/** Why a number is refused, if it is. What the box says that the agent has dialled may forbid the dial, but not allow it. */
function whyDenied({ deny }: NumberPlan, steps: ReturnType<typeof dialSteps>, dialled: string | undefined): string | undefined {
  if (!steps.ok) return steps.why;
  if (dialled === undefined || !deny.some((pattern) => pattern.test(dialled))) return undefined;
  return `Cannot dial ${quoted(dialled)}: the administrator does not allow this number.`;
}

/** A command that was certainly not carried out. @param why a sentence for the agent. */
export function refused(cause: string, why: string): CommandResult {
  return { outcome: "failed", cause, why };
}
