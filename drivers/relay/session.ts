/**
 * The work on one connection to the broker: hears the relays, asks for what is missing, and sends commands. `follow.ts` decides;
 * this file reads and writes messages.
 */
import type { Broker, BrokerMessage } from "../../src/broker/broker.ts";
import { encode, readBeat, readFeed, readSyncAnswer } from "../../src/broker/messages.ts";
import { askSubject, beatSubject, deskSubject, inboxOf } from "../../src/broker/subjects.ts";
import type { LineCommand, LineEvent } from "../../src/core/line.ts";
import type { Log } from "../../src/log/log.ts";
import type { Timers } from "../../src/platform/timers.ts";
import { deadline } from "../shared/deadline.ts";
import { Commands } from "./commands.ts";
import type { Action } from "./action.ts";
import type { Follower } from "./follow.ts";

/** How often the followers look at the time, in ms. */
const tickMs = 500;

/** What a session needs from its driver. */
export interface SessionOptions {
  readonly broker: Pick<Broker, "publish" | "subscribe">;
  readonly prefix: string;
  /** By extension. They outlive the connection. */
  readonly followers: ReadonlyMap<string, Follower>;
  readonly answerMs: number;
  readonly log: Log;
  readonly timers: Timers;
  readonly report: (event: LineEvent) => void;
}

/** A connection at work. */
export class Session {
  readonly #options: SessionOptions;
  /** The last part of the subjects of answers starts with this: those to questions of a former connection are not heard. */
  readonly #nonce = crypto.randomUUID().replaceAll("-", "");
  readonly #commands: Commands;
  #cancelTick: () => void = () => {};
  #fleetSize = 0;
  /** How many questions there have been for each desk: an answer to an earlier one may be out of date. */
  readonly #questions = new Map<string, number>();

  constructor(options: SessionOptions) {
    this.#options = options;
    const { report, timers, answerMs } = options;
    this.#commands = new Commands({
      timers,
      answerMs,
      send: ({ desk, type }, id, text) => this.#publish(desk, type, `c${id}`, text),
      onResult: (command, result) => {
        report({ type: "result", command, result });
        // Now only a snapshot can show whether the phone rings at all.
        const follower = command.type === "dial" && result.outcome === "unknown"
          ? options.followers.get(command.desk)
          : undefined;
        if (follower) this.#do(command.desk, follower.look(timers.now()));
      },
      onSilent: (desk, relay) => {
        const follower = options.followers.get(desk);
        if (follower) this.#do(desk, follower.suspect(relay, timers.now()));
      },
    });
  }

  /** Subscribes, then asks for the state of each desk. */
  start(): void {
    const { broker, prefix, followers, timers } = this.#options;
    broker.subscribe(beatSubject(prefix), (message) => this.#onBeat(message));
    for (const [desk, follower] of followers) {
      broker.subscribe(deskSubject(prefix, desk, "line"), (message) => this.#onFeed(desk, follower, message));
      broker.subscribe(`${this.#inbox(desk)}*`, (message) => this.#onAnswer(desk, follower, message));
    }
    for (const [desk, follower] of followers) this.#do(desk, follower.connected(timers.now()));
    this.#tickLater();
  }

  /** The connection is lost: commands in progress get their results. */
  onLost(why: string): void {
    this.#cancelTick();
    this.#commands.lost(`The connection to the broker was lost (${why})`);
    for (const follower of this.#options.followers.values()) follower.disconnected(why);
  }

  /** See `shared/reconnection.ts`. */
  execute(command: LineCommand): void {
    const follower = this.#options.followers.get(command.desk);
    this.#commands.execute(command, follower, this.#options.timers.now());
  }

  /** The number of desks of the fleet, as the relays have reported it. */
  get fleetSize(): number {
    return this.#fleetSize;
  }

  #tickLater(): void {
    const { timers, followers } = this.#options;
    this.#cancelTick = deadline(timers, tickMs, () => {
      for (const [desk, follower] of followers) this.#do(desk, follower.tick(timers.now()));
      this.#tickLater();
    });
  }

  #inbox(desk: string): string {
    return `${inboxOf(desk)}${this.#nonce}.`;
  }

  #publish(desk: string, question: "sync" | "dial" | "agent", id: string, text: string): void {
    const { broker, prefix } = this.#options;
    const { log } = this.#options;
    if (log.tracing()) log.trace("to the relay", { desk, question, text });
    broker.publish(askSubject(prefix, desk, question), text, this.#inbox(desk) + id);
  }

  #onBeat({ text }: BrokerMessage): void {
    const { followers, timers } = this.#options;
    const beat = readBeat(text);
    if (!beat) return this.#unreadable("beat", text);
    this.#fleetSize = beat.desks ?? this.#fleetSize;
    for (const [desk, follower] of followers) this.#do(desk, follower.onBeat(beat, timers.now()));
  }

  #onFeed(desk: string, follower: Follower, { text }: BrokerMessage): void {
    const { log, timers } = this.#options;
    if (log.tracing()) log.trace("from the relay", { desk, text });
    const message = readFeed(text);
    if (!message) return this.#unreadable("feed", text);
    this.#do(desk, follower.onFeed(message, timers.now()));
  }

  #onAnswer(desk: string, follower: Follower, { subject, text, noResponders }: BrokerMessage): void {
    const { log, timers } = this.#options;
    const id = subject.slice(this.#inbox(desk).length);
    if (id.startsWith("c")) return this.#commands.onAnswer(id.slice(1), noResponders ? undefined : text);
    if (log.tracing()) log.trace("from the relay", { desk, answer: text });
    if (noResponders) return this.#do(desk, follower.unanswered(timers.now()));
    if (id !== `s${this.#questions.get(desk)}`) return;
    const answer = readSyncAnswer(text);
    if (!answer) return this.#unreadable("answer", text);
    this.#do(desk, follower.onAnswer(answer, timers.now()));
  }

  /** What was lost with it is asked for: its number is missing. */
  #unreadable(kind: string, text: string): void {
    this.#options.log.rarely(`unreadable ${kind}`).warning(
      "A message of a relay cannot be read: is the relay as new as this telesetd?",
      { kind, length: text.length },
    );
  }

  #do(desk: string, actions: readonly Action[]): void {
    const { report } = this.#options;
    for (const action of actions) {
      if (action.type === "event") report(action.event);
      else if (action.type === "result") this.#commands.onResult(action.id, action.result);
      else if (action.type === "moved") this.#onMoved(desk, action.to);
      else {
        const { type: _, ...question } = action;
        const count = (this.#questions.get(desk) ?? 0) + 1;
        this.#questions.set(desk, count);
        this.#publish(desk, "sync", `s${count}`, encode(question));
      }
    }
  }

  #onMoved(desk: string, to: string): void {
    const follower = this.#options.followers.get(desk);
    if (follower) this.#commands.moved(desk, follower, to, this.#options.timers.now());
  }
}
