/**
 * The commands of one connection to the broker, each from its request to its single result: the relay's refusal, an item of the
 * feed, a timeout, or the loss of the connection. If the relay is silent or another one takes its place, that one is asked with
 * the same id: the relays see to it that a command is carried out once.
 */
import { type DialRequest, encode, readCommandAnswer } from "../../src/broker/messages.ts";
import type { CommandResult, LineCommand } from "../../src/core/line.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { deadline } from "../shared/deadline.ts";
import type { Follower } from "./follow.ts";
import { nameOf } from "./relays.ts";

/** The longest time from a command to its result, in ms: longer than any handset rings. */
const maxResult = 180_000;

/** How long a relay may be without an answer before another one is asked, if there is one, in ms. */
const patienceMs = 750;

/** What commands need from their session. */
export interface CommandsOptions {
  readonly timers: Timers;
  readonly answerMs: number;
  /** Sends a request whose answers have this id. */
  readonly send: (command: LineCommand, id: string, text: string) => void;
  readonly onResult: (command: LineCommand, result: CommandResult) => void;
  /** A relay does not answer in time, and there is another one. */
  readonly onSilent: (desk: string, relay: string) => void;
}

/** A command without a result. */
interface OpenCommand {
  readonly command: LineCommand;
  readonly askedAt: number;
  /** The relay that was asked last. */
  relay: string;
  /** A relay has answered that it has the command. */
  isTaken: boolean;
  cancelDeadline: () => void;
  cancelPatience: () => void;
}

/** The commands of one connection. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #open = new Map<string, OpenCommand>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** Sends a command to the relay that the desk follows. */
  execute(command: LineCommand, follower: Follower | undefined, now: number): void {
    const { timers, answerMs, send, onResult, onSilent } = this.#options;
    const relay = follower?.relay;
    if (!follower) return onResult(command, failed("NOT_SERVED", `Desk ${command.desk} is not served.`));
    if (!follower.isUp || relay === undefined) return onResult(command, failed("NO_LINK", noLink(command, follower.why)));
    const id = crypto.randomUUID();
    const open: OpenCommand = {
      command,
      askedAt: now,
      relay,
      isTaken: false,
      cancelDeadline: () => {},
      cancelPatience: () => {},
    };
    this.#open.set(id, open);
    const patience = follower.hasOther(now) ? Math.min(patienceMs, answerMs) : answerMs;
    if (patience < answerMs) open.cancelPatience = deadline(timers, patience, () => onSilent(command.desk, open.relay));
    this.#answerBy(id, open);
    send(command, id, request(command, { to: relay, id, by: follower.clock(now) + patience }));
  }

  #answerBy(id: string, open: OpenCommand): void {
    const { answerMs } = this.#options;
    this.#endAfter(id, open, answerMs, `The relay ${nameOf(open.relay)} did not answer within ${answerMs / 1000} s`);
  }

  #endAfter(id: string, open: OpenCommand, ms: number, why: string): void {
    open.cancelDeadline();
    open.cancelDeadline = deadline(this.#options.timers, ms, () => this.#end(id, unknown(why)));
  }

  /** @param text undefined: no relay is connected to the broker, so that nothing was done. */
  onAnswer(id: string, text: string | undefined): void {
    const open = this.#open.get(id);
    if (!open) return;
    if (text === undefined) return this.#end(id, failed("NO_LINK", noLink(open.command, "no relay is connected to the broker")));
    const answer = readCommandAnswer(text);
    if (answer?.id !== id || answer.r !== open.relay) return;
    if (answer.result) return this.#end(id, answer.result);
    open.isTaken = true;
    open.cancelPatience();
    this.#endAfter(id, open, maxResult, "The relay did not report the outcome");
  }

  /** The relay reports the outcome. */
  onResult(id: string, result: CommandResult): void {
    this.#end(id, result);
  }

  /** The desk follows another relay now: the former one is dead or cut off. */
  moved(desk: string, follower: Follower, to: string, now: number): void {
    const { answerMs, send } = this.#options;
    for (const [id, open] of this.#open) {
      const { command, askedAt, relay, isTaken } = open;
      if (command.desk !== desk || relay === to) continue;
      open.relay = to;
      open.cancelPatience();
      this.#answerBy(id, open);
      const again = isTaken ? "taken" : "asked";
      send(command, id, request(command, { to, id, by: follower.clock(now) + answerMs, again, age: Math.ceil(now - askedAt) }));
    }
  }

  /** The connection is lost: whether the commands are carried out is not known. */
  lost(why: string): void {
    for (const id of [...this.#open.keys()]) this.#end(id, unknown(why));
  }

  #end(id: string, result: CommandResult): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    open.cancelDeadline();
    open.cancelPatience();
    this.#options.onResult(open.command, result);
  }
}

function request(command: LineCommand, common: Pick<DialRequest, "to" | "id" | "by" | "again" | "age">): string {
  if (command.type === "dial") {
    const { call, number, dialled } = command;
    return encode({ ...common, call, number, ...(dialled === undefined ? {} : { dialled: dialled.slice(0, 100) }) });
  }
  const { agent, login, mode, queue } = command;
  return encode({ ...common, agent, login, mode, ...(queue === undefined ? {} : { queue }) });
}

function failed(cause: string, why: string): CommandResult {
  return { outcome: "failed", cause, why };
}

function unknown(why: string): CommandResult {
  return { outcome: "unknown", why };
}

function noLink(command: LineCommand, why: string): string {
  const sentence = `the connection to the phone system is down (${why}).`;
  return command.type === "dial" ? `Cannot dial: ${sentence}` : sentence.replace("the", "The");
}
