/**
 * The courier delivers the events of the outbox to the CRM: those of one call in order, calls side by side, each attempt noted
 * before it is made. The events that wait for an agent at a desk go to one address, and follow the agent to a new one. However
 * many wait, it does a little in each turn of the event loop, so that the daemon's other work continues.
 */
import { count } from "../core/count.ts";
import type { Address, Crm } from "../core/crm.ts";
import { type Arrival, isSameAddress } from "../core/destination.ts";
import { Heap } from "./heap.ts";
import { type OutcomeOptions, Outcomes } from "./outcomes.ts";
import { type Post, Posts } from "./posts.ts";
import { type DeliveryRules, type Due, pauseAfter, whatIsDue } from "./schedule.ts";
import { SuppressedCalls } from "./suppressed.ts";
import { Lane, Waiting, type WaitingCall } from "./waiting.ts";
import type { NewDestination, OutboxEvent, Store } from "./record.ts";
import { omitUndefined } from "../core/omit-undefined.ts";

/** What the courier needs. */
export interface CourierOptions extends OutcomeOptions {
  readonly store: Pick<Store, "waiting" | "suppressedCalls" | "update" | "settle" | "withdraw">;
  readonly crm: Crm;
  readonly rules: DeliveryRules;
  /** Called after each attempt. */
  readonly attemptEnded?: () => void;
}

/** How many POSTs go to one address at once before it has answered: it may be unreachable, and others wait. */
const firstWindow = 4;
/** The work of one turn of the event loop: POSTs that are started, calls that are checked, events that are discarded. */
const maxStartsInTurn = 4;
const maxLooksInTurn = 32;
const maxDiscardsInTurn = 32;
/** How many calls of an agent who unregisters are discarded in one turn; up to `maxCallsAtOnce`, all of them at once. */
const maxWithdrawalsInTurn = 16;
const maxCallsAtOnce = 64;
/** The longest delay of a timer, in ms; a longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

/** Sends the waiting events. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #waiting = new Waiting(firstWindow);
  /** Calls and lanes by the time at which to check them. */
  readonly #schedule = new Heap<WaitingCall | Lane>((a, b) => a.at < b.at || (a.at === b.at && a.id < b.id));
  /** Calls that became due at once with others, to be checked a few at a time. */
  readonly #unchecked = new Set<WaitingCall>();
  readonly #suppressedCalls: SuppressedCalls;
  readonly #onTheWay = new Set<Promise<void>>();
  readonly #posts = new Posts();
  readonly #outcomes: Outcomes;
  #discardsLeft = maxDiscardsInTurn;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextTurn: ReturnType<typeof setImmediate> | undefined;
  #stopping = false;

  /** Starts with the events that waited when the daemon was stopped; they are tried at once. */
  constructor(options: CourierOptions) {
    this.#options = options;
    this.#suppressedCalls = new SuppressedCalls(options.store.suppressedCalls());
    const parts = { waiting: this.#waiting, posts: this.#posts, suppressedCalls: this.#suppressedCalls };
    this.#outcomes = new Outcomes({ ...options, ...parts });
    for (const event of options.store.waiting()) this.#schedule.put(this.#waiting.add({ ...event, next: 0 }));
  }

  /** The waiting event with this id; undefined if there is none. */
  get(id: number): OutboxEvent | undefined {
    return this.#waiting.get(id);
  }

  /** The id of the first waiting event of this event's call; undefined if none waits. */
  firstOfCall(event: Pick<OutboxEvent, "desk" | "agent" | "event">): number | undefined {
    return this.#waiting.callOf(event)?.events[0]?.id;
  }

  /** Whether an event of this desk waits. */
  holds(desk: string): boolean {
    return this.#waiting.holds(desk);
  }

  /** How many events wait, and since when the oldest does. */
  status(): { readonly waiting: number; readonly oldest?: number } {
    const oldest = this.#waiting.oldest();
    return { waiting: this.#waiting.size, ...omitUndefined({ oldest }) };
  }

  /** Why the events of a desk wait, for each agent whose events an attempt has not delivered, or who has no address. */
  troubles(desk: string): { readonly agent: string; readonly why: string; readonly advice?: string }[] {
    return this.#waiting.lanes(desk).flatMap(({ agent, why, trouble }) => {
      const troubled = why === undefined ? trouble : {
        why: `events wait: ${why.replace(/;.*/, "")}`,
        advice: `They are sent when agent ${agent} logs in to UWQ again.`,
      };
      return troubled ? [{ agent, why: troubled.why, ...omitUndefined({ advice: troubled.advice }) }] : [];
    });
  }

  /** Whether an event would be sent at once: then its first attempt can be noted in the write that adds it. */
  canSendNow(event: Pick<OutboxEvent, "desk" | "agent" | "to" | "event">): boolean {
    const { desk, agent, to } = event;
    return !this.#stopping && !this.#suppressedCalls.has(event) && this.#waiting.callOf(event) === undefined &&
      this.#posts.hasRoom(this.#waiting.lane(desk, agent)) && to !== undefined;
  }

  /** Takes events that have been committed. An event whose first attempt was committed with it is sent without another write. */
  add(events: readonly OutboxEvent[]): void {
    for (const event of events) {
      const call = this.#waiting.add(event);
      if (event.attempts > 0 && event.to) this.#start(call, event, event.to);
      else this.#look(call);
    }
    this.sendDue();
  }

  /** Forgets the events that wait for an agent: the commit discards them in the store. POSTs in progress continue. */
  withdrawAll(desk: string, agent: string): void {
    this.#withdraw([...this.#waiting.lane(desk, agent)?.calls ?? []]);
  }

  /**
   * Discards the events that wait for an agent who is about to unregister, some calls in each turn of the event loop; events that
   * are added meanwhile stay. Does nothing if there are few: `withdrawAll` is enough for them.
   */
  withdraw(desk: string, agent: string, why: string): Promise<void> | undefined {
    const calls = this.#waiting.lane(desk, agent)?.calls;
    return calls && calls.size > maxCallsAtOnce ? this.#withdrawUpTo(this.#waiting.newest, desk, agent, why) : undefined;
  }

  async #withdrawUpTo(newest: number, desk: string, agent: string, why: string): Promise<void> {
    const next = () => this.#stopping ? [] : this.#waiting.callsUpTo(newest, desk, agent).take(maxWithdrawalsInTurn).toArray();
    for (let calls = next(); calls.length > 0; calls = next()) {
      this.#options.store.withdraw(this.#withdraw(calls), why, this.#options.now());
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #withdraw(calls: readonly WaitingCall[]): number[] {
    return calls.flatMap((call) => {
      const events = [...call.events];
      for (const event of events) this.#outcomes.forget(event, call, "withdrawn");
      this.#look(call);
      return events.map(({ id }) => id);
    });
  }

  /**
   * A new event that cannot be delivered. After a ScreenPop the rest of its call is not delivered either: the CRM would not know
   * the call.
   */
  discardNew({ desk, event }: Pick<OutboxEvent, "desk" | "event">): void {
    this.#options.metrics?.events.add(event.name, "withdrawn");
    this.#suppressedCalls.note({ desk, event }, false);
  }

  /** Discards one event for the administrator; false if it is not waiting. */
  drop(id: number): boolean {
    const event = this.#waiting.get(id);
    const call = event && this.#waiting.callOf(event);
    if (!event || !call) return false;
    this.#outcomes.discard(event, call, "dropped by the administrator", "dropped");
    this.#look(call);
    return true;
  }

  /** How many more events may wait before the oldest are discarded. */
  room(): number {
    return Math.max(0, this.#options.rules.maxEvents - this.#waiting.size);
  }

  /** Takes events that are waiting again, each in its place in its call; they are tried at once. */
  requeue(events: readonly OutboxEvent[]): void {
    for (const event of events) {
      this.#suppressedCalls.delete(event);
      const call = this.#waiting.add(event);
      this.#look(call);
      this.#reopen(call.lane);
    }
    this.sendDue();
  }

  /** Tries all waiting events at once. */
  retryNow(): void {
    for (const lane of this.#waiting.allLanes()) {
      this.#renew(lane, false);
      this.#reopen(lane);
    }
    this.sendDue();
  }

  /**
   * An agent has registered: the events that wait for the agent at this desk go to the new address, with the next `sendDue`.
   * POSTs to the old address are aborted; such an event may have arrived, and is nevertheless sent again.
   * @returns whose events have another address now, or none.
   */
  arrived(desk: string, arrival: Arrival): NewDestination[] {
    const changed: NewDestination[] = [];
    for (const lane of this.#waiting.lanes(desk)) {
      const moved = lane.arrived(arrival);
      if (!moved && lane.agent !== arrival.registration.agent) continue;
      this.#renew(lane, moved);
      lane.forgetAnswers(firstWindow);
      this.#reopen(lane);
      if (!moved) continue;
      this.#posts.abort("its agent is no longer at this address", lane);
      changed.push({ agent: lane.agent, ...omitUndefined({ to: lane.to, why: lane.why }) });
    }
    return changed;
  }

  /** All events of a lane may be tried at once: each call is checked again, in the next turns. */
  #renew(lane: Lane, moved: boolean): void {
    lane.renew(moved);
    for (const call of lane.later) this.#unchecked.add(call);
  }

  /** Sends what is due, a little at a time. */
  sendDue(): void {
    if (this.#stopping) return;
    clearTimeout(this.#timer);
    const { now } = this.#options;
    this.#discardsLeft = maxDiscardsInTurn;
    const full = this.#makeRoom();
    for (let looks = 0; looks < maxLooksInTurn && this.#discardsLeft > 0; looks++) {
      const [unchecked] = this.#unchecked;
      const first = unchecked ?? this.#schedule.first();
      if (!first || (first !== unchecked && first.at > now())) break;
      if (first instanceof Lane) this.#reopen(first);
      else this.#look(first);
    }
    for (let starts = 0; starts < maxStartsInTurn && this.#sendNext(); starts++);
    const next = this.#schedule.first()?.at ?? Infinity;
    if (full || this.#unchecked.size > 0 || next <= now() || this.#posts.next(now())) this.#sendSoon();
    else if (next < Infinity) this.#timer = setTimeout(() => this.sendDue(), Math.max(0, Math.min(maxTimerMs, next - now())));
  }

  /** In the next turn of the event loop, after everything else that has arrived meanwhile. */
  #sendSoon(): void {
    if (this.#stopping) return;
    this.#nextTurn ??= setImmediate(() => {
      this.#nextTurn = undefined;
      this.#posts.turn();
      this.sendDue();
    });
  }

  /** Starts no more POSTs and waits for those in progress, at most `ms`. */
  async stop(ms: number): Promise<void> {
    clearTimeout(this.#timer);
    clearImmediate(this.#nextTurn);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const all = Promise.all(this.#onTheWay);
    this.#stopping = true;
    await Promise.race([all, late]);
    clearTimeout(timer);
    this.#posts.abort("telesetd is stopping");
    await all;
  }

  /** Schedules a call: its first event can be sent, or waits. Events that are no longer useful are discarded. */
  #look(call: WaitingCall): void {
    const { lane } = call;
    this.#unchecked.delete(call);
    lane.ready.delete(call);
    lane.later.delete(call);
    this.#schedule.delete(call);
    const due = call.busy ? undefined : this.#dueOf(call);
    if (due) {
      call.at = due.until;
      this.#schedule.put(call);
      if (due.type === "wait") lane.later.add(call);
      else if (due.type === "send") {
        lane.ready.put(call);
        this.#posts.open(lane);
      }
    }
    this.#waiting.forget(call);
  }

  /** What is due after discarding what must be discarded, within the limits of this turn; undefined if no event is left. */
  #dueOf(call: WaitingCall): Exclude<Due, { type: "discard" }> | undefined {
    const { now, rules } = this.#options;
    let suppressed = "its ScreenPop was not delivered";
    for (let first = this.#waiting.first(call); first; first = this.#waiting.first(call)) {
      const lost = first.event.name !== "ScreenPop" && this.#suppressedCalls.has(first);
      const due = lost ? { type: "discard" as const, why: suppressed } : whatIsDue(first, now(), rules, call.lane.why);
      if (due.type !== "discard") return due;
      if (this.#discardsLeft === 0) return { type: "wait", until: now() };
      this.#discardsLeft--;
      this.#outcomes.discard(first, call, due.why);
      if (!lost) suppressed = `its ScreenPop was not delivered: ${due.why}`;
    }
    return undefined;
  }

  /** Sends the next event; false if none can be sent now. */
  #sendNext(): boolean {
    const lane = this.#posts.next(this.#options.now());
    const call = lane?.ready.first();
    const event = call && this.#waiting.first(call);
    if (!lane?.to || !call || !event) return false;
    const attempt = { ...event, attempts: event.attempts + 1 };
    this.#waiting.put(attempt);
    this.#options.store.update(attempt, true);
    this.#start(call, attempt, lane.to);
    return true;
  }

  #reopen(lane: Lane): void {
    lane.at = 0;
    this.#schedule.delete(lane);
    this.#posts.open(lane);
  }

  /** Starts an attempt that has been noted. */
  #start(call: WaitingCall, event: OutboxEvent, to: Address): void {
    const { lane } = call;
    call.busy = true;
    const done = this.#attempt(event, this.#posts.start(event.id, lane, to, this.#options.now())).finally(() => {
      this.#onTheWay.delete(done);
      call.busy = false;
      // Its outcome is newer than what has happened to its lane meanwhile.
      call.renewal = lane.renewals;
      this.#look(call);
      if (this.#waiting.size > 0) this.#sendSoon();
      else this.#posts.turn();
      this.#options.attemptEnded?.();
    });
    this.#onTheWay.add(done);
    this.#look(call);
  }

  async #attempt(event: OutboxEvent, post: Post): Promise<void> {
    const { to, lane, epoch, abort: { signal } } = post;
    const delivery = await this.#options.crm.deliver(event.event, to, signal, event.desk);
    this.#posts.end(event.id);
    this.#options.metrics?.attempted(delivery);
    if (delivery.outcome === "done") this.#outcomes.delivered(event, delivery.note);
    else {
      if (post.result !== undefined) this.#outcomes.count(event, post.result);
      this.#outcomes.failed(event, delivery, to, signal.aborted && !this.#stopping);
    }
    // The old address carries no information about the new one.
    if (!isSameAddress(to, lane.to)) return;
    lane.trouble = delivery.outcome === "done" ? undefined : delivery;
    if (delivery.outcome !== "retry") {
      this.#posts.answered(post, this.#options.now());
      if (lane.at > 0) this.#reopen(lane);
    } else if (epoch === lane.epoch) {
      lane.failed();
      lane.at = this.#options.now() + pauseAfter(lane.failures, 0, this.#options.random());
      this.#schedule.put(lane);
    }
  }

  /**
   * The outbox is bounded: when it is full, the oldest events are discarded. True if more must be discarded than one turn
   * allows.
   */
  #makeRoom(): boolean {
    const { maxEvents } = this.#options.rules;
    if (this.#waiting.size <= maxEvents) return false;
    for (const event of this.#waiting.events()) {
      const call = this.#waiting.callOf(event);
      if (!call || call.busy) continue;
      if (this.#discardsLeft === 0) return true;
      this.#discardsLeft--;
      this.#outcomes.discard(event, call, `the outbox is full: it holds at most ${count(maxEvents, "event")}`);
      this.#look(call);
      if (this.#waiting.size <= maxEvents) return false;
    }
    return false;
  }
}
