/**
 * The commands of boxes. Each passes the gate of its desk, is announced to the other relays, and is carried out once. A box whose
 * relay does not answer asks another one with the same id: that relay carries the command out only if no relay has announced it,
 * and otherwise reports what it sees of it.
 */
import type { BrokerMessage } from "../broker/broker.ts";
import { encodeClaim, readClaim, readKnown, readKnownQuestion } from "../broker/claims.ts";
import type { KeptBroker } from "../broker/keep.ts";
import {
  type AgentRequest,
  type CommandAnswer,
  type DialRequest,
  encode,
  type FeedEvent,
  readAgent,
  readDial,
} from "../broker/messages.ts";
import { claimSubject, knownSubject } from "../broker/subjects.ts";
import type { CommandResult, Line, LineCommand } from "../core/line.ts";
import type { Log } from "../log/log.ts";
import type { Timers } from "../platform/timers.ts";
import type { Feed } from "./feed.ts";
import { type Gate, refused } from "./gate.ts";

/** How much longer than the age of a command a relay must have heard the others, for their silence to mean something, in ms. */
export const hearingMs = 500;

/** How long the other relays have to answer whether they know a command, in ms. */
const othersMs = 500;

/** How soon a dial that another relay has announced must have a leg, in ms. */
export const legMs = 3000;

/** How long the legs of such a dial are watched, in ms: longer than any handset rings. */
const maxWatchMs = 180_000;

/** What they need from their relay. */
export interface RelayCommandsOptions {
  /** Its name and boot. */
  readonly id: string;
  readonly prefix: string;
  readonly line: Pick<Line, "execute">;
  readonly broker: Pick<KeptBroker, "connections" | "server" | "publish" | "request" | "respond" | "flush">;
  readonly served: (desk: string) => { readonly feed: Feed; readonly gate: Gate } | undefined;
  /** Adds an event to the feed of a desk. */
  readonly publish: (desk: string, event: FeedEvent) => void;
  readonly counts: { dials: number; agentChanges: number; refused: number; dropped: number };
  readonly log: Log;
  readonly timers: Timers;
}

/** A dial that another relay has taken. */
interface Watched {
  readonly id: string;
  readonly call: string;
  cancelDeadline: () => void;
}

type Answer = (result?: CommandResult) => void;

/** The commands of one relay. */
export class RelayCommands {
  readonly #options: RelayCommandsOptions;
  /** The commands without a result: by desk, and the id of the call or the callout. */
  readonly #open = new Map<string, string>();
  /** By desk. */
  readonly #watched = new Map<string, Watched[]>();
  /** Since when nothing is missed that other relays announce. */
  #hearsSince: number;

  constructor(options: RelayCommandsOptions) {
    this.#options = options;
    this.#hearsSince = options.timers.now();
  }

  /** There is a new connection to the broker. */
  connected(): void {
    this.#hearsSince = this.#options.timers.now();
  }

  stop(): void {
    for (const { cancelDeadline } of [...this.#watched.values()].flat()) cancelDeadline();
    this.#watched.clear();
  }

  /** Another relay announces that it carries out a command. */
  onClaim({ text }: Pick<BrokerMessage, "text">): void {
    const claim = readClaim(text);
    if (!claim || claim.r === this.#options.id) return;
    this.#options.served(claim.desk)?.gate.claimed(claim.id, claim.call !== undefined, this.#options.timers.now());
  }

  /** Another relay asks whether a command is known here. What was missed cannot be denied. */
  onKnown(message: Pick<BrokerMessage, "text" | "reply">): void {
    const { id: r, broker, served } = this.#options;
    const question = readKnownQuestion(message.text);
    if (!question || question.r === r) return;
    const known = served(question.desk)?.gate.knows(question.id) === true;
    if (known || this.#hasHeard(question.age)) broker.respond(message, encodeClaim({ r, known }));
  }

  /** A box sends a command. */
  onAsk(desk: string, question: "dial" | "agent", message: BrokerMessage): void {
    const { broker, counts, id: relay, log, served } = this.#options;
    const dial = question === "dial" ? readDial(message.text) : undefined;
    const agent = question === "agent" ? readAgent(message.text) : undefined;
    const request = dial ?? agent;
    if (!request || request.to !== relay) {
      if (!request) log.rarely(`command ${desk}`).warning("A command that cannot be read was dropped", { desk, question });
      counts.dropped++;
      return;
    }
    const { id } = request;
    const answer: Answer = (result) =>
      broker.respond(message, encode({ r: relay, id, ...(result === undefined ? {} : { result }) } satisfies CommandAnswer));
    const place = served(desk);
    if (!place) return answer(refused("NOT_SERVED", `Desk ${desk} is not served.`));
    if (dial) this.#onDial(desk, place, dial, answer);
    else if (agent) this.#onAgent(desk, place, agent, answer);
  }

  /** The line reports the outcome of a command. */
  onResult(command: LineCommand, result: CommandResult): void {
    const key = keyOf(command);
    const id = this.#open.get(key);
    if (id === undefined) return;
    this.#open.delete(key);
    this.#settle(command.desk, id, result);
  }

  /** Something has happened to the legs of a desk. */
  onLeg(desk: string): void {
    for (const watched of this.#watched.get(desk) ?? []) this.#look(desk, watched);
  }

  /** Whether nothing was missed that others have announced since that long ago, in ms. */
  #hasHeard(age: number): boolean {
    return this.#options.timers.now() - this.#hearsSince >= age + hearingMs;
  }

  #settle(desk: string, id: string, result: CommandResult): void {
    this.#options.served(desk)?.gate.settle(id, result);
    this.#options.publish(desk, { type: "result", id, result });
  }

  #onDial(desk: string, { feed, gate }: { feed: Feed; gate: Gate }, request: DialRequest, answer: Answer): void {
    const { id, call, number, again } = request;
    const decision = gate.dial(request, this.#options.timers.now());
    if (decision.type === "claimed" || (decision.type === "go" && again && feed.legsOf(call).length > 0)) {
      answer();
      return this.#watch(desk, { id, call, cancelDeadline: () => {} });
    }
    if (decision.type !== "go") return this.#decline(desk, "dial", decision, answer);
    if (again) return void this.#dialAgain(desk, request, answer);
    void this.#carryOut(request, { type: "dial", desk, call, number }, answer);
  }

  /** A dial that another relay was asked for, and of which nothing is known here. */
  async #dialAgain(desk: string, request: DialRequest, answer: Answer): Promise<void> {
    const { id, call, number, again, age = 60_000 } = request;
    const isKnown = again === "taken" ? undefined : this.#hasHeard(age) ? false : await this.#isKnownElsewhere(desk, id, age);
    if (isKnown === false) return await this.#carryOut(request, { type: "dial", desk, call, number }, answer);
    answer();
    if (isKnown) return this.#watch(desk, { id, call, cancelDeadline: () => {} });
    this.#settle(desk, id, { outcome: "unknown", why: "The relay that was asked first is no longer heard" });
  }

  /** Undefined if nobody can say. */
  async #isKnownElsewhere(desk: string, id: string, age: number): Promise<boolean | undefined> {
    const { id: r, prefix, broker } = this.#options;
    try {
      return readKnown(await broker.request(knownSubject(prefix), encodeClaim({ r, desk, id, age }), othersMs))?.known;
    } catch {
      return undefined;
    }
  }

  #onAgent(desk: string, { gate }: { gate: Gate }, request: AgentRequest, answer: Answer): void {
    const decision = gate.agent(request, this.#options.timers.now());
    if (decision.type !== "go") return this.#decline(desk, "agent", decision, answer);
    const { id, agent, login, mode, queue } = request;
    const command = { type: "agent", desk, callout: id, agent, login, mode, ...(queue === undefined ? {} : { queue }) } as const;
    void this.#carryOut(request, command, answer);
  }

  #decline(desk: string, question: string, decision: Exclude<ReturnType<Gate["dial"]>, { type: "go" }>, answer: Answer): void {
    const { counts, log } = this.#options;
    if (decision.type === "repeat") return answer(decision.answer.result);
    if (decision.type !== "refuse") return void counts.dropped++;
    counts.refused++;
    const rule = decision.log;
    log.rarely(`refused ${rule} ${desk}`, 10).warning("A command of a box was refused", { desk, question, rule });
    answer(decision.result);
  }

  /**
   * Announces a command, and carries it out when the broker has the announcement, unless the box has lost its patience. Of two
   * relays that announce the same command, at least one hears the other before its own announcement is confirmed, and leaves the
   * command to it.
   */
  async #carryOut({ id, by }: DialRequest | AgentRequest, command: LineCommand, answer: Answer): Promise<void> {
    const { id: r, prefix, broker, line, timers, counts, served } = this.#options;
    const { desk } = command;
    const connection = broker.connections;
    const call = command.type === "dial" ? { call: command.call } : {};
    broker.publish(claimSubject(prefix), encodeClaim({ r, desk, id, ...call }));
    await broker.flush();
    const isAnnounced = broker.server !== undefined && broker.connections === connection;
    if (!isAnnounced || timers.now() > by) {
      const why = "The relay has lost its connection to the broker, or was too slow. Try again in a moment.";
      return this.#settle(desk, id, refused("NO_REPLY", command.type === "dial" ? `Cannot dial: ${lowered(why)}` : why));
    }
    answer();
    if (command.type === "dial") {
      if (!served(desk)?.gate.starts(id)) return this.#watch(desk, { id, call: command.call, cancelDeadline: () => {} });
      counts.dials++;
    } else counts.agentChanges++;
    this.#open.set(keyOf(command), id);
    line.execute(command);
  }

  #watch(desk: string, watched: Watched): void {
    const { timers } = this.#options;
    const all = this.#watched.get(desk) ?? [];
    if (all.some(({ id }) => id === watched.id)) return;
    this.#watched.set(desk, [...all, watched]);
    watched.cancelDeadline = timers.after(legMs, () => {
      if (this.#options.served(desk)?.feed.legsOf(watched.call).length === 0) return this.#unseen(desk, watched);
      watched.cancelDeadline = timers.after(maxWatchMs, () => this.#unseen(desk, watched));
    });
    this.#look(desk, watched);
  }

  #unseen(desk: string, watched: Watched): void {
    this.#over(desk, watched, { outcome: "unknown", why: "The relay that has dialled is no longer heard" });
  }

  /** The outcome of a dial as its legs show it, if they do. */
  #look(desk: string, watched: Watched): void {
    const legs = this.#options.served(desk)?.feed.legsOf(watched.call) ?? [];
    if (legs.some(({ answered }) => answered)) return this.#over(desk, watched, { outcome: "done" });
    const ends = legs.flatMap(({ ended }) => ended ?? []);
    if (ends[0] && ends.length === legs.length) this.#over(desk, watched, { outcome: "failed", ...ends[0] });
  }

  #over(desk: string, watched: Watched, result: CommandResult): void {
    watched.cancelDeadline();
    const others = this.#watched.get(desk)?.filter(({ id }) => id !== watched.id) ?? [];
    if (others.length > 0) this.#watched.set(desk, others);
    else this.#watched.delete(desk);
    this.#settle(desk, watched.id, result);
  }
}

function keyOf(command: LineCommand): string {
  return `${command.desk} ${command.type} ${command.type === "dial" ? command.call : command.callout ?? ""}`;
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
