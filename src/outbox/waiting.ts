/**
 * The events that wait, by call and by agent. An operation on one event costs about the same however many wait: after a day
 * without the CRM there are thousands.
 */
import type { Address } from "../core/crm.ts";
import { type Arrival, destinationAfter, isSameAddress, takenBy } from "../core/destination.ts";
import { Heap } from "./heap.ts";
import { callKey, readdressed } from "./schedule.ts";
import type { OutboxEvent } from "./record.ts";

/** The waiting events of one call, the oldest first. */
export class WaitingCall {
  readonly key: string;
  readonly lane: Lane;
  readonly events: OutboxEvent[] = [];
  /** When to check it next, in ms. */
  at = 0;
  /** Its first event is on the way. */
  busy = false;
  /** The last change of its lane that its first event knows. */
  renewal: number;

  constructor(key: string, lane: Lane) {
    this.key = key;
    this.lane = lane;
    this.renewal = lane.renewals;
  }

  /** The id of its oldest event, which orders calls. */
  get id(): number {
    return this.events[0]?.id ?? 0;
  }
}

/** The events that wait for one agent at one desk. All go to the same address. */
export class Lane {
  /** Orders a lane before all calls. */
  readonly id = 0;
  readonly desk: string;
  readonly agent: string;
  readonly calls = new Set<WaitingCall>();
  /** Calls whose first event can be sent, the oldest first. */
  readonly ready = new Heap<WaitingCall>((a, b) => a.id < b.id);
  /** Calls whose first event waits for its next attempt. */
  readonly later = new Set<WaitingCall>();
  /** Nothing is sent earlier, in ms. */
  at = 0;
  /** How many of its events are on the way, and how many may be at once. */
  onTheWay = 0;
  window: number;
  /** Failures in a row. */
  failures = 0;
  /** Changes when the address has answered or failed: an attempt that started earlier carries no new information. */
  epoch = 0;
  /** How often all of its events became due at once, and when the last time was that its address changed. */
  renewals = 0;
  lastMove = 0;
  /** Why the last attempt at the address failed, and what to do; undefined before the first, and after a success. */
  trouble: { readonly why: string; readonly advice?: string } | undefined;
  /** The address; absent while the agent has none. */
  to: Address | undefined;
  /** The other agent whose UWQ has the address now. */
  taker: string | undefined;

  constructor(desk: string, agent: string, window: number) {
    this.desk = desk;
    this.agent = agent;
    this.window = window;
  }

  /** Whether the last attempt failed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  /** An agent has registered. @returns whether this lane has another address now, or none. */
  arrived(arrival: Arrival): boolean {
    const to = destinationAfter({ agent: this.agent, to: this.to ?? null }, arrival) ?? undefined;
    if (isSameAddress(to, this.to)) return false;
    this.to = to;
    this.trouble = undefined;
    this.taker = to ? undefined : arrival.registration.agent;
    return true;
  }

  /** Why nothing can be sent at all; absent while the lane has an address. */
  get why(): string | undefined {
    if (this.to) return undefined;
    return this.taker === undefined ? `agent ${this.agent} is not registered` : takenBy(this.taker);
  }

  /** Whether one more event can be sent. */
  canSend(now: number): boolean {
    return this.to !== undefined && this.ready.size > 0 && this.at <= now && this.onTheWay < this.window;
  }

  /** The address has answered: more POSTs may be on the way, up to `max`. */
  answered(max: number): void {
    this.failures = 0;
    this.window = Math.min(max, 2 * this.window);
    this.epoch++;
  }

  /** The address has failed: one event at a time is sent until it answers. */
  failed(): void {
    this.failures++;
    this.window = 1;
    this.epoch++;
  }

  /** All of its events may be tried at once; at another address (`moved`) as if for the first time. */
  renew(moved: boolean): void {
    this.renewals++;
    if (moved) this.lastMove = this.renewals;
  }

  /** The address may be another one: nothing is known about it yet. */
  forgetAnswers(window: number): void {
    this.failures = 0;
    this.window = window;
    this.epoch++;
  }
}

/** All waiting events. */
export class Waiting {
  readonly #events = new Map<number, OutboxEvent>();
  readonly #calls = new Map<string, WaitingCall>();
  /** By desk and agent. */
  readonly #lanes = new Map<string, Map<string, Lane>>();
  readonly #window: number;
  #oldest: number | undefined;
  /** The highest id that an event has had. */
  newest = 0;

  /** @param window how many events of a new lane may be on the way. */
  constructor(window: number) {
    this.#window = window;
  }

  get size(): number {
    return this.#events.size;
  }

  get(id: number): OutboxEvent | undefined {
    const event = this.#events.get(id);
    if (!event) return undefined;
    const { to: _, ...rest } = event;
    const to = this.lane(event.desk, event.agent)?.to;
    return to ? { ...rest, to } : rest;
  }

  /** All events, in the order in which they were added. */
  events(): IterableIterator<OutboxEvent> {
    return this.#events.values();
  }

  /** When the oldest event was created; undefined if none waits. */
  oldest(): number | undefined {
    if (this.#oldest === undefined) {
      for (const { created } of this.#events.values()) this.#oldest = Math.min(this.#oldest ?? created, created);
    }
    return this.#oldest;
  }

  /** The waiting events of an event's call. */
  callOf(event: Pick<OutboxEvent, "desk" | "agent" | "event">): WaitingCall | undefined {
    return this.#calls.get(keyOf(event));
  }

  /** The lane of an agent at a desk, while an event of it waits. */
  lane(desk: string, agent: string): Lane | undefined {
    return this.#lanes.get(desk)?.get(agent);
  }

  /** The lanes of all agents at a desk. */
  lanes(desk: string): Lane[] {
    return [...this.#lanes.get(desk)?.values() ?? []];
  }

  /** The lanes of all agents at all desks. */
  *allLanes(): Generator<Lane> {
    for (const lanes of this.#lanes.values()) yield* lanes.values();
  }

  /** The calls of an agent at a desk whose first event is not newer than this one. */
  callsUpTo(newest: number, desk: string, agent: string): IteratorObject<WaitingCall> {
    const calls = this.lane(desk, agent)?.calls ?? new Set<WaitingCall>();
    return calls.values().filter(({ events: [first] }) => first !== undefined && first.id <= newest);
  }

  /** Whether an event of this desk waits. */
  holds(desk: string): boolean {
    return this.#lanes.has(desk);
  }

  /** Adds a new event: all events of its lane go to its address from now on. */
  add(event: OutboxEvent): WaitingCall {
    const call = this.put(event);
    if (event.to) call.lane.to = event.to;
    return call;
  }

  /** The first event of a call, after the last change of its lane: thousands of calls are brought up to date one by one. */
  first(call: WaitingCall): OutboxEvent | undefined {
    const { lane, renewal } = call;
    call.renewal = lane.renewals;
    const [first] = call.events;
    if (first && first.attempts > 0 && renewal < lane.renewals) {
      this.put(renewal < lane.lastMove ? readdressed(first) : { ...first, next: 0 });
    }
    return call.events[0];
  }

  /** Adds an event in its place among those of its call, or replaces it by another version. */
  put(event: OutboxEvent): WaitingCall {
    const call = this.callOf(event) ?? this.#newCall(event);
    const { events } = call;
    let place = events.length;
    while (place > 0 && (events[place - 1]?.id ?? 0) >= event.id) place--;
    events.splice(place, Number(events[place]?.id === event.id), event);
    if (this.#events.get(event.id)?.created === this.#oldest) this.#oldest = undefined;
    this.#events.set(event.id, event);
    this.newest = Math.max(this.newest, event.id);
    if (this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest, event.created);
    return call;
  }

  /** Removes an event. */
  delete(event: OutboxEvent): void {
    this.#events.delete(event.id);
    if (event.created === this.#oldest) this.#oldest = undefined;
    const call = this.callOf(event);
    if (!call) return;
    const place = call.events.findIndex(({ id }) => id === event.id);
    if (place >= 0) call.events.splice(place, 1);
    this.forget(call);
  }

  /** Forgets a call without events, unless one is on the way. */
  forget(call: WaitingCall): void {
    const { key, lane } = call;
    if (call.events.length > 0 || call.busy) return;
    this.#calls.delete(key);
    lane.calls.delete(call);
    if (lane.calls.size > 0) return;
    const lanes = this.#lanes.get(lane.desk);
    lanes?.delete(lane.agent);
    if (lanes?.size === 0) this.#lanes.delete(lane.desk);
  }

  #newCall(event: OutboxEvent): WaitingCall {
    const { desk, agent } = event;
    const lanes = this.#lanes.get(desk) ?? new Map<string, Lane>();
    this.#lanes.set(desk, lanes);
    const lane = lanes.get(agent) ?? new Lane(desk, agent, this.#window);
    lanes.set(agent, lane);
    const call = new WaitingCall(keyOf(event), lane);
    this.#calls.set(call.key, call);
    lane.calls.add(call);
    return call;
  }
}

/** Events of no call (TelephonyDisabled) are ordered for each agent. */
function keyOf(event: Pick<OutboxEvent, "desk" | "agent" | "event">): string {
  return `${event.agent}\n${callKey(event)}`;
}
