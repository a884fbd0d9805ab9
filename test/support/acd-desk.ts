/** Desk 1001 of the core, with or without an ACD: callouts and reports of the switch in, commands and answers out, as text. */
import type { AcdPolicy } from "../../src/core/agent/acd.ts";
import type { AgentCallout } from "../../src/core/agent/agent.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import type { Effect, Input } from "../../src/core/input.ts";
import type { AgentCommand, AgentMode, CommandResult, LegFacts, LineEvent } from "../../src/core/line.ts";
import type { Policy } from "../../src/core/policy.ts";
import { checkStatus, step } from "../../src/core/step.ts";
import { policyWith } from "./core/site.ts";

/** The results of commands in these tests. */
export const results = {
  done: { outcome: "done" },
  failed: { outcome: "failed", cause: "NO", why: "The switch refuses." },
  unknown: { outcome: "unknown", why: "The connection was lost." },
} as const satisfies Record<string, CommandResult>;

const extension = "1001";
const ended = { cause: "NORMAL_CLEARING", why: "The handset was put down." };

/** One desk, its phone registered and the link up. */
export class AcdDesk {
  desk: Desk = newDesk(extension);
  now = 0;
  /** Commands that the switch has not answered. */
  readonly open: AgentCommand[] = [];
  readonly #policy: Policy;
  #ids = 0;

  constructor(acd: AcdPolicy | "unsaid" = { driven: true, afterCall: "not-ready" }) {
    this.#policy = policyWith(acd === "unsaid" ? {} : { acd });
    this.hear({ type: "link-up", to: "switch" }, { type: "phone", desk: extension, registered: true });
  }

  /** A callout whose command, if there is one, has this result. Returns the command and the answer. */
  does(name: AgentCallout, { agent = "A", queue = "sales", result = results.done }: {
    agent?: string;
    queue?: string;
    result?: CommandResult;
  } = {}): string[] {
    return [...this.asks(name, { agent, queue }), ...this.answers(result)];
  }

  /** A callout whose command has no result yet. */
  asks(name: AgentCallout, { agent = "A", queue = "sales" }: { agent?: string; queue?: string } = {}): string[] {
    const who = { desk: extension, agent };
    const callout = name === "Login" ? { name, ...who, queue } : { name, ...who };
    return this.#step({ type: "callout", id: `r${++this.#ids}`, callout });
  }

  register(agent: string): string[] {
    const callout = { name: "Register", desk: extension, agent, address: "10.0.0.7", port: 8080 } as const;
    return this.#step({ type: "callout", id: `r${++this.#ids}`, callout });
  }

  /** The results of all open commands, in order. */
  answers(result: CommandResult = results.done): string[] {
    return this.open.splice(0).flatMap((command) => this.settles(command, result));
  }

  settles(command: AgentCommand, result: CommandResult = results.done): string[] {
    return this.#step({ type: "line", event: { type: "result", command, result } });
  }

  /** The switch reports the state of the agent. */
  says(mode: AgentMode, why = "a supervisor did it"): string[] {
    return this.hear({ type: "agent", desk: extension, mode, why });
  }

  hear(...events: LineEvent[]): string[] {
    return events.flatMap((event) => this.#step({ type: "line", event }));
  }

  /** A call to the phone, answered; the next one ends it. */
  answered(facts: Partial<LegFacts> = {}): string[] {
    const leg = { desk: extension, leg: "L1", direction: "to-desk", caller: { identity: "1002", outside: false } } as const;
    return this.hear(
      { type: "leg", facts: { ...leg, rings: true, ...facts } },
      { type: "leg", facts: { ...leg, ...facts, answered: true } },
    );
  }

  hangsUp(leg = "L1"): string[] {
    return this.hear({ type: "leg", facts: { desk: extension, leg, ended } });
  }

  phone(registered: boolean): string[] {
    return this.hear({ type: "phone", desk: extension, registered });
  }

  /** `A ready in sales`, the one that changed last at the end; with the reason of a state without a request. */
  get agents(): string[] {
    return this.desk.agents.map(({ id, mode, queue, why }) =>
      `${id} ${mode}${queue === undefined ? "" : ` in ${queue}`}${why === undefined ? "" : `: ${why}`}`
    );
  }

  /** The answer to CheckStatus. */
  get status(): string {
    const reply = checkStatus([this.desk], "10.0.0.7");
    return reply.ok ? "ok" : reply.why;
  }

  #step(input: Input): string[] {
    const made = step(this.desk, input, this.now, this.#policy);
    this.desk = made.desk;
    return made.effects.flatMap((effect) => this.#words(effect));
  }

  #words(effect: Effect): string[] {
    if (effect.type === "reply") return [effect.reply.ok ? "ok" : effect.reply.why];
    if (effect.type !== "drive" || effect.command.type !== "agent") return [];
    this.open.push(effect.command);
    const { agent, login, mode, queue, callout } = effect.command;
    const where = queue === undefined ? "" : ` in ${queue}`;
    return [`${callout === undefined ? "own: " : ""}${agent} ${login ? "logs in, " : ""}${mode}${where}`];
  }
}
