/**
 * The agent's state at app_queue. ARI has no resource for queues, but it writes the dialplan function `QUEUE_MEMBER` without a
 * channel: that pauses a member of all queues, or ends the pause. Who is a member stays the business of the switch: only
 * applications of the dialplan and AMI can change it. Neither does ARI report what others change.
 */
import type { AgentCommand, CommandResult } from "../../src/core/line.ts";
import type { AsteriskConfig } from "./config.ts";
import { NoAnswer, refusalOf, type Rest } from "./wire/rest.ts";

/** What outlives a connection. */
export interface AgentMemory {
  /** When Asterisk was started, as it reports it; undefined before the first connect. */
  startedAt?: string;
  /** Desks whose state must be set again: a command was interrupted, or none has succeeded since the queues lost their state. */
  readonly outdated: Set<string>;
}

/** The agents of one connection. */
export class Agents {
  readonly #config: AsteriskConfig;
  readonly #rest: Pick<Rest, "command">;
  readonly #memory: AgentMemory;
  /** Commands of one desk are carried out one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(config: AsteriskConfig, rest: Pick<Rest, "command">, memory: AgentMemory) {
    this.#config = config;
    this.#rest = rest;
    this.#memory = memory;
  }

  /** Carries a command out. */
  async set(command: AgentCommand): Promise<CommandResult> {
    if (this.#config.acd === "none") {
      const why = "telesetd does not control this phone system's queues: it keeps the state alone.";
      return { outcome: "failed", cause: "NOT_SUPPORTED", why };
    }
    const before = this.#turns.get(command.desk) ?? Promise.resolve();
    const turn = before.then(() => this.#set(command));
    this.#turns.set(command.desk, turn);
    return await turn;
  }

  async #set({ desk, mode }: AgentCommand): Promise<CommandResult> {
    const { queueMember, user } = this.#config;
    const variable = `QUEUE_MEMBER(,paused,${queueMember.replaceAll("{extension}", desk)})`;
    try {
      const value = mode === "ready" ? "0" : "1";
      const answer = await this.#rest.command({ method: "POST", path: "asterisk/variable", query: { variable, value } });
      if (answer.ok) {
        this.#memory.outdated.delete(desk);
        return { outcome: "done" };
      }
      const why = answer.status === 403
        ? `The switch does not let user ${user} pause phone ${desk} in its queues (read_only in ari.conf): ask the administrator.`
        : `The queues of the switch did not take the state of phone ${desk} (${refusalOf(answer)}): ask the administrator.`;
      return { outcome: "failed", cause: `HTTP_${answer.status}`, why };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (!error.sent) {
        return { outcome: "failed", cause: "NO_LINK", why: `The phone system cannot be reached (${error.message}).` };
      }
      this.#memory.outdated.add(desk);
      return {
        outcome: "unknown",
        why: `The connection to the phone system was lost (${error.message}): try again when it is back.`,
      };
    }
  }
}

/**
 * The desks whose state must be set again after a connect: all of them after a restart of Asterisk or telesetd.
 * @param startedAt when Asterisk was started, as it reports it; empty if it does not.
 */
export function outdatedDesks(memory: AgentMemory, startedAt: string, desks: readonly string[]): readonly string[] {
  const isSame = startedAt !== "" && memory.startedAt === startedAt;
  memory.startedAt = startedAt;
  const again = isSame ? desks.filter((desk) => memory.outdated.has(desk)) : desks;
  for (const desk of again) memory.outdated.add(desk);
  return again;
}
