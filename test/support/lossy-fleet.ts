/**
 * Relays and a box on a broker that loses, repeats, delays and reorders what it likes, with fake time. Beside it the same desk
 * without a relay, which sees every event at once: the truth.
 */
import { AsyncQueue } from "../../drivers/shared/async-queue.ts";
import { Follower } from "../../drivers/relay/follow.ts";
import { Session } from "../../drivers/relay/session.ts";
import type { Broker, BrokerMessage } from "../../src/broker/broker.ts";
import { type Desk, newDesk } from "../../src/core/desk.ts";
import { gone, type KnownLegs, type LegFacts, type Line, type LineCommand, type LineEvent } from "../../src/core/line.ts";
import { step } from "../../src/core/step.ts";
import { openLog } from "../../src/log/log.ts";
import { Relay } from "../../src/relay/relay.ts";
import { policyWith } from "./core/site.ts";
import { testRules } from "./relay-rig.ts";
import { FakeTimers } from "./timers.ts";

const log = openLog(() => {}, "error", false);
const policy = policyWith();

/** What the broker does with one delivery. */
export interface Fate {
  readonly lost: boolean;
  readonly twice: boolean;
  /** In ms. */
  readonly delay: number;
}

const prompt: Fate = { lost: false, twice: false, delay: 1 };

interface Subscriber {
  readonly pattern: RegExp;
  readonly take: (message: BrokerMessage) => void;
}

/** The broker. */
class Bus {
  readonly #timers: FakeTimers;
  readonly #fates: Iterator<Fate>;
  readonly #subscribers = new Set<Subscriber>();
  /** Delivers everything, once, at once. */
  isReliable = true;

  constructor(timers: FakeTimers, fates: Iterator<Fate>) {
    this.#timers = timers;
    this.#fates = fates;
  }

  publish(subject: string, text: string, reply?: string): void {
    const receivers = [...this.#subscribers].filter(({ pattern }) => pattern.test(subject));
    for (const { take } of receivers) {
      // What relays announce to each other arrives before the broker confirms it (`flush`): they rely on that.
      if (subject.endsWith(".relay.claim")) {
        take({ subject, text, reply, noResponders: false });
        continue;
      }
      const { lost, twice, delay } = this.isReliable ? prompt : this.#fates.next().value as Fate;
      for (let copies = lost ? 0 : twice ? 2 : 1; copies > 0; copies--) {
        this.#timers.after(delay * copies, () => take({ subject, text, reply, noResponders: false }));
      }
    }
    if (receivers.length === 0 && reply !== undefined) {
      const take = (message: BrokerMessage) => [...this.#subscribers].find(({ pattern }) => pattern.test(reply))?.take(message);
      this.#timers.after(1, () => take({ subject: reply, text: "", reply: undefined, noResponders: true }));
    }
  }

  subscribe(subject: string, take: (message: BrokerMessage) => void): () => void {
    const subscriber = { pattern: new RegExp(`^${subject.replaceAll(".", "\\.").replaceAll("*", "[^.]+")}$`), take };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }
}

/** A line whose events the test makes. */
class TestLine implements Line {
  /** @param alive the legs on the switch. */
  constructor(readonly alive: ReadonlyMap<string, LegFacts>) {}

  readonly queue = new AsyncQueue<LineEvent>();
  readonly executed: LineCommand[] = [];

  events(signal: AbortSignal): AsyncIterable<LineEvent> {
    signal.addEventListener("abort", () => this.queue.end(Promise.resolve()));
    return this.queue;
  }

  execute(command: LineCommand): void {
    this.executed.push(command);
    this.queue.push({ type: "result", command, result: { outcome: "done" } });
  }

  check(legs: ReturnType<KnownLegs>): void {
    for (const named of legs) {
      this.queue.push({ type: "leg", facts: this.alive.get(named.leg) ?? { ...named, ended: gone } });
    }
  }
}

/** A relay, alive or dead. */
interface TestRelay {
  readonly line: TestLine;
  readonly relay: Relay;
  readonly ends: (() => void)[];
}

/** What the core has made of a line's events. */
export class CoreDesk {
  desk: Desk;
  /** The names of the events sent for each call, in order. */
  readonly sent = new Map<string, string[]>();
  readonly results: LineEvent[] = [];
  /** The types of all events. */
  readonly types: LineEvent["type"][] = [];

  constructor() {
    const registration = { agent: "A", address: "10.0.0.1", port: 80 };
    this.desk = { ...newDesk("1001"), registration };
  }

  take(event: LineEvent, now: number): void {
    this.types.push(event.type);
    if (event.type === "result") this.results.push(event);
    const after = step(this.desk, { type: "line", event }, now, policy);
    this.desk = after.desk;
    for (const effect of after.effects) {
      if (effect.type !== "send") continue;
      this.sent.set(effect.event.call, [...this.sent.get(effect.event.call) ?? [], effect.event.name]);
    }
  }

  /** What must be the same for the same calls. */
  get calls(): unknown {
    return this.desk.calls.map(({ id, legs, party, popped, answered }) => ({
      id,
      legs: [...legs].sort(),
      party,
      popped,
      answered,
    }))
      .sort((a, b) => a.id < b.id ? -1 : 1);
  }
}

/** The whole. */
export class LossyFleet {
  readonly timers = new FakeTimers();
  readonly truth = new CoreDesk();
  readonly box = new CoreDesk();
  readonly #bus: Bus;
  readonly #relays: (TestRelay | undefined)[] = [];
  readonly #legs = new Map<string, LegFacts>();
  #isUp = true;
  #boots = 0;
  readonly executed: LineCommand[] = [];
  #follower = new Follower("1001", true);
  #session: Session | undefined;

  constructor(fates: Iterator<Fate>) {
    this.#bus = new Bus(this.timers, fates);
  }

  /** Starts relays, with ranks from 1, and the box. */
  async start(relays: number): Promise<void> {
    this.#truth({ type: "link-up", to: "switch" });
    this.#truth({ type: "snapshot", desks: ["1001"], legs: [] });
    for (let index = 0; index < relays; index++) this.restart(index);
    await this.pass(10);
    this.connect();
    await this.pass(1000);
    this.#bus.isReliable = false;
  }

  /** A connection of the box to the broker; the former one is lost. */
  connect(): void {
    this.#session?.onLost("the test has cut it");
    if (this.#session) this.box.take({ type: "link-down", why: "cut" }, this.timers.now());
    const bus = this.#bus;
    const ends: (() => void)[] = [];
    const broker: Broker = {
      server: "test",
      publish: (subject, text, reply) => bus.publish(subject, text, reply),
      subscribe: (subject, take) => {
        const end = bus.subscribe(subject, take);
        ends.push(end);
        return end;
      },
      flush: () => Promise.resolve(),
      closed: new Promise(() => {}),
      close: () => {},
    };
    const session = new Session({
      broker,
      prefix: "tele",
      followers: new Map([["1001", this.#follower]]),
      answerMs: 5000,
      log,
      timers: this.timers,
      report: (event) => this.box.take(event, this.timers.now()),
    });
    const lost = session.onLost.bind(session);
    session.onLost = (why) => {
      for (const end of ends) end();
      lost(why);
    };
    this.#session = session;
    session.start();
  }

  execute(command: LineCommand): void {
    this.#session?.execute(command);
  }

  /** A relay dies. */
  kill(index: number): void {
    const dead = this.#relays[index];
    this.#relays[index] = undefined;
    for (const end of dead?.ends ?? []) end();
    void dead?.relay.stop();
  }

  /** A relay starts, or is killed and starts again. @param lags whether the list of the switch misses all live legs for 2 s. */
  restart(index: number, lags = false): void {
    this.kill(index);
    const line = new TestLine(this.#legs);
    line.execute = (command) => {
      this.executed.push(command);
      if (command.type === "dial") {
        const { desk, call } = command;
        this.leg({ desk, leg: `leg-${call}`, call, direction: "to-desk", rings: true, answered: true });
      }
      line.queue.push({ type: "result", command, result: { outcome: "done" } });
    };
    const ends: (() => void)[] = [];
    let isAlive = true;
    ends.push(() => isAlive = false);
    const bus = this.#bus;
    const publish = (subject: string, text: string) => isAlive && bus.publish(subject, text);
    const relay = new Relay({
      name: `relay${index}`,
      rank: index + 1,
      boot: `b${1000 + this.#boots++}`,
      prefix: "tele",
      desks: ["1001", "1002"],
      line,
      broker: {
        connections: 1,
        server: "test",
        onUp: () => () => {},
        flush: () => Promise.resolve(),
        publish,
        request: (subject, text, ms) => {
          const answered = Promise.withResolvers<string>();
          const reply = `_INBOX.relay.${crypto.randomUUID()}`;
          ends.push(bus.subscribe(reply, ({ text, noResponders }) => {
            if (noResponders) answered.reject(new Error("nobody listens"));
            else answered.resolve(text);
          }));
          this.timers.after(ms, () => answered.reject(new Error("late")));
          if (isAlive) bus.publish(subject, text, reply);
          return answered.promise;
        },
        respond: ({ reply }, text) => void (reply !== undefined && publish(reply, text)),
        subscribe: (subject, take) => {
          const end = bus.subscribe(subject, (message) => {
            if (isAlive) take(message);
          });
          ends.push(end);
          return end;
        },
      },
      rules: testRules,
      log,
      timers: this.timers,
    });
    this.#relays[index] = { line, relay, ends };
    if (this.#isUp) this.#linkUp(line, lags);
  }

  #linkUp(line: TestLine, lags = false): void {
    const list = (legs: readonly LegFacts[]) => line.queue.push({ type: "snapshot", desks: ["1001", "1002"], legs });
    line.queue.push({ type: "link-up", to: "switch" });
    list(lags ? [] : [...this.#legs.values()]);
    if (lags) this.timers.after(2000, () => list([...this.#legs.values()]));
    line.queue.push({ type: "phone", desk: "1001", registered: true, contact: "sip:1001" });
  }

  /** The switch reports facts, to the relays and to the truth. */
  leg(facts: LegFacts): void {
    if (facts.ended) this.#legs.delete(facts.leg);
    else this.#legs.set(facts.leg, { ...this.#legs.get(facts.leg), ...facts });
    if (this.#isUp) this.#all({ type: "leg", facts });
  }

  /** The switch loses the links of all relays, or gets them back. */
  link(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    if (!isUp) return this.#all({ type: "link-down", why: "the switch is off" });
    this.#truth({ type: "link-up", to: "switch" });
    this.#truth({ type: "snapshot", desks: ["1001"], legs: [...this.#legs.values()] });
    for (const running of this.#relays) if (running) this.#linkUp(running.line);
  }

  #all(event: LineEvent): void {
    this.#truth(event);
    for (const running of this.#relays) running?.line.queue.push(event);
  }

  #truth(event: LineEvent): void {
    this.truth.take(event, this.timers.now());
  }

  /** Lets time pass, a step at a time. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 250) {
      await new Promise((resolve) => setImmediate(resolve));
      this.timers.advance(Math.min(250, left));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** From now on nothing is lost. */
  isReliable(): void {
    this.#bus.isReliable = true;
  }

  /** From now on nothing is lost; resolves when everything that was must have been noticed. */
  async settle(): Promise<void> {
    this.#bus.isReliable = true;
    await this.pass(75_000);
  }

  stop(): void {
    this.#session?.onLost("stopped");
    for (const index of this.#relays.keys()) this.kill(index);
  }
}
