/**
 * The role beside the switch: one line for all desks, whatever the driver; each event goes to the feed of its desk and from there
 * to the broker. Boxes ask for what they have missed, and send commands, which pass the gate of their desk.
 */
import type { BrokerMessage } from "../broker/broker.ts";
import { withoutDesk } from "../broker/facts.ts";
import type { KeptBroker } from "../broker/keep.ts";
import { type Beat, encode, type FeedEvent, feedMessage, readSync, type SwitchState } from "../broker/messages.ts";
import { askSubject, beatSubject, claimSubject, deskSubject, inboxOf, knownSubject, readAsk } from "../broker/subjects.ts";
import { gone, type Line, type LineEvent } from "../core/line.ts";
import type { Log } from "../log/log.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import type { Timers } from "../platform/timers.ts";
import { RelayCommands } from "./commands.ts";
import { Feed, memoryMs } from "./feed.ts";
import { Gate, type GateRules } from "./gate.ts";

/** How often a relay says that it is there, in ms. */
export const beatMs = 2000;

/** The maximum number of characters of the items of all desks: beyond that older ones are forgotten sooner. */
const maxCharacters = 100_000_000;

/** How often old items are forgotten, in ms. */
const pruneMs = 60_000;

/**
 * How much the box of a desk may ask: it asks a few times a minute, and a few times after a connect. Beyond that its questions are
 * not even read, so that a stolen box cannot keep the relay from the others.
 */
const maxAsks: Rate = { perSecond: 20, burst: 40 };

/**
 * How many legs that the relay does not know may be asked for at the switch, for one desk: a box names the few that live, and only
 * after a start of the relay are they unknown.
 */
const maxChecks: Rate = { perSecond: 2, burst: 20 };

/** What a relay is given. */
export interface RelayOptions {
  /** Its name among the relays of the site. */
  readonly name: string;
  readonly rank: number;
  readonly prefix: string;
  /** The extensions. */
  readonly desks: readonly string[];
  readonly line: Line;
  readonly broker: Pick<
    KeptBroker,
    "connections" | "flush" | "onUp" | "server" | "publish" | "request" | "respond" | "subscribe"
  >;
  /**
   * Another connection for the beats: a server sends a message to all boxes before it reads the next one of the same connection,
   * which takes 50 ms for 5,000. Absent: the same.
   */
  readonly beats?: Pick<KeptBroker, "publish">;
  readonly rules: GateRules;
  readonly log: Log;
  readonly timers: Timers;
  /** Counts up from start to start: letters and digits (`bootNow`). */
  readonly boot: string;
}

/** The name of a start at this time, in ms since 1970; later ones are greater as texts. */
export function bootNow(at: number): string {
  return at.toString(36).padStart(9, "0");
}

/** A desk as the relay serves it. */
interface ServedDesk {
  readonly feed: Feed;
  readonly gate: Gate;
  readonly subject: string;
}

/** The counters of a relay, since its start. */
export interface RelayCounts {
  /** Events of the line. */
  events: number;
  /** Items that were published. */
  published: number;
  syncs: number;
  /** Syncs that were answered with the state. */
  states: number;
  dials: number;
  agentChanges: number;
  /** Commands that the rules have refused. */
  refused: number;
  /** Questions that were not answered: too many, unreadable, for another relay, late, or with a foreign reply subject. */
  dropped: number;
}

/** A running relay. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #id: string;
  readonly #desks: ReadonlyMap<string, ServedDesk>;
  /** The desks whose link is up again and whose live legs are not known yet, with the place that the link goes to. */
  readonly #linking = new Map<string, string>();
  readonly #stop = new AbortController();
  readonly #mayAsk = rateLimit(maxAsks);
  readonly #mayCheck = rateLimit(maxChecks);
  readonly #commands: RelayCommands;
  #switch: SwitchState = { up: false, why: "the relay has not reached the switch yet" };
  /** Since when the switch is in this state, in ms. */
  #since = 0;
  #cancelTimers: () => void = () => {};
  readonly counts: RelayCounts = {
    events: 0,
    published: 0,
    syncs: 0,
    states: 0,
    dials: 0,
    agentChanges: 0,
    refused: 0,
    dropped: 0,
  };
  /** Resolves when the line has ended; rejects if it has failed. */
  readonly ended: Promise<void>;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { name, boot, desks, prefix, rules, broker, line, log, timers } = options;
    this.#id = `${name}#${boot}`;
    this.#desks = new Map(desks.map((desk) => [
      desk,
      { feed: new Feed(), gate: new Gate(desk, rules), subject: deskSubject(prefix, desk, "line") },
    ]));
    this.#commands = new RelayCommands({
      ...{ id: this.#id, prefix, line, broker, log, timers, counts: this.counts },
      served: (desk) => this.#desks.get(desk),
      publish: (desk, event) => this.#publish(desk, event),
    });
    broker.subscribe(askSubject(prefix, "*", "*"), (message) => this.#onAsk(message));
    broker.subscribe(claimSubject(prefix), (message) => this.#commands.onClaim(message));
    broker.subscribe(knownSubject(prefix), (message) => this.#commands.onKnown(message));
    broker.onUp(() => {
      this.#commands.connected();
      this.#beat();
    });
    this.#every(beatMs, () => this.#beat());
    this.#every(pruneMs, () => this.#prune());
    this.ended = this.#run();
  }

  /** Its name and boot, as boxes see it. */
  get id(): string {
    return this.#id;
  }

  /** The state of its link to the switch. */
  get switch(): SwitchState {
    return this.#switch;
  }

  /** The number of desks. */
  get size(): number {
    return this.#desks.size;
  }

  /** The feed of a desk; undefined if it is not served. */
  feed(desk: string): Feed | undefined {
    return this.#desks.get(desk)?.feed;
  }

  /** Ends the line. The broker is the caller's. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimers();
    this.#commands.stop();
    await this.ended;
  }

  async #run(): Promise<void> {
    const known = () => [...this.#desks].flatMap(([desk, { feed }]) => [...feed.legs].map((leg) => ({ desk, leg })));
    for await (const event of this.#options.line.events(this.#stop.signal, known)) this.#onEvent(event);
  }

  #every(ms: number, run: () => void): void {
    const { timers } = this.#options;
    const before = this.#cancelTimers;
    let cancel = () => {};
    const again = () => {
      cancel = timers.after(ms, () => {
        run();
        again();
      });
    };
    again();
    this.#cancelTimers = () => {
      before();
      cancel();
    };
  }

  #prune(): void {
    const now = this.#options.timers.now();
    const feeds = [...this.#desks.values()].map(({ feed }) => feed);
    // A box that asks for what was forgotten gets the state instead.
    for (let keep = memoryMs; keep >= pruneMs; keep /= 2) {
      for (const feed of feeds) feed.prune(now, keep);
      if (feeds.reduce((sum, { characters }) => sum + characters, 0) <= maxCharacters) return;
    }
  }

  #current(): Beat {
    const { rank, broker, timers } = this.#options;
    const since = this.#switch.up ? { since: this.#since } : {};
    return { r: this.#id, rank, c: broker.connections, at: timers.now(), switch: this.#switch, desks: this.size, ...since };
  }

  #beat(): void {
    const { broker, beats = broker, prefix } = this.#options;
    // Without the connection for everything else it is not there.
    if (broker.server !== undefined) beats.publish(beatSubject(prefix), encode(this.#current()));
  }

  #onEvent(event: LineEvent): void {
    this.counts.events++;
    switch (event.type) {
      case "link-up":
        for (const desk of event.desks ?? this.#desks.keys()) this.#linking.set(desk, event.to);
        return;
      case "link-down":
        return this.#onDown(event);
      case "snapshot":
        return this.#onSnapshot(event);
      case "leg":
        this.#publish(event.facts.desk, { type: "leg", facts: withoutDesk(event.facts) });
        return this.#commands.onLeg(event.facts.desk);
      case "acd-reset":
        return event.desks.forEach((desk) => this.#publish(desk, { type: "acd-reset" }));
      case "result":
        return this.#commands.onResult(event.command, event.result);
      default: {
        const { desk, ...others } = event;
        this.#publish(desk, others);
      }
    }
  }

  #onDown({ why, desks }: Extract<LineEvent, { type: "link-down" }>): void {
    for (const desk of desks ?? this.#desks.keys()) {
      this.#linking.delete(desk);
      this.#publish(desk, { type: "link-down", why });
    }
    const isAll = desks === undefined || ![...this.#desks.values()].some(({ feed }) => feed.link.up);
    if (isAll) this.#setSwitch({ up: false, why });
  }

  #onSnapshot({ desks, legs }: Extract<LineEvent, { type: "snapshot" }>): void {
    const byDesk = Map.groupBy(legs, ({ desk }) => desk);
    for (const desk of desks) {
      const of = (byDesk.get(desk) ?? []).map(withoutDesk);
      const to = this.#linking.get(desk);
      this.#linking.delete(desk);
      this.#publish(desk, to === undefined ? { type: "snapshot", legs: of } : { type: "link-up", to, legs: of });
      this.#commands.onLeg(desk);
      if (to !== undefined && !this.#switch.up) this.#setSwitch({ up: true, to });
    }
  }

  /** Boxes learn of a change with the next beat, which is now. */
  #setSwitch(state: SwitchState): void {
    this.#switch = state;
    this.#since = this.#options.timers.now();
    this.#beat();
  }

  #publish(desk: string, event: FeedEvent): void {
    const served = this.#desks.get(desk);
    const item = served?.feed.add(event, this.#options.timers.now());
    if (served === undefined || item === undefined) return;
    this.counts.published++;
    this.#options.broker.publish(served.subject, feedMessage(this.#id, item));
  }

  #onAsk(message: BrokerMessage): void {
    const { prefix, log, timers } = this.#options;
    const ask = readAsk(prefix, message.subject);
    if (!ask) return;
    const { desk, question } = ask;
    if (!this.#mayAsk(desk, timers.now())) {
      const advice = `if its box was stolen: telesetd fleet revoke ${desk}`;
      log.rarely(`flood ${desk}`).warning("A box asks too often: its questions are dropped", { desk, advice });
      return this.#drop();
    }
    // An answer goes only to the box of this desk: otherwise a box could have the relay publish where the box itself may not.
    if (!message.reply?.startsWith(inboxOf(desk))) {
      log.rarely(`reply ${desk}`).warning("A question with a reply subject of another desk was dropped", { desk, question });
      return this.#drop();
    }
    if (question === "sync") this.#onSync(desk, message);
    else if (question === "dial" || question === "agent") this.#commands.onAsk(desk, question, message);
  }

  #drop(): void {
    this.counts.dropped++;
  }

  #onSync(desk: string, message: BrokerMessage): void {
    const { broker, timers } = this.#options;
    const request = readSync(message.text);
    if (!request || (request.to !== undefined && request.to !== this.#id)) return this.#drop();
    const served = this.#desks.get(desk);
    this.counts.syncs++;
    if (!served) {
      const refusal = `The relay ${this.#id.split("#")[0]} does not serve desk ${desk}: add it to relay.desks.`;
      return broker.respond(message, encode({ r: this.#id, refused: refusal }));
    }
    served.feed.prune(timers.now());
    if (request.legs) this.#check(desk, served.feed, request.legs);
    if (request.r !== this.#id || request.n === undefined) this.counts.states++;
    broker.respond(message, served.feed.answer(request, this.#current()));
  }

  /** Asks the switch for the legs that a box believes to be alive, and that are not known here. */
  #check(desk: string, feed: Feed, named: readonly string[]): void {
    const { line, timers } = this.#options;
    if (!feed.link.up) return;
    const legs = named.filter((leg) => !feed.knows(leg) && this.#mayCheck(desk, timers.now())).map((leg) => ({ desk, leg }));
    if (line.check) line.check(legs);
    else for (const { leg } of legs) this.#publish(desk, { type: "leg", facts: { leg, ended: gone } });
  }
}
