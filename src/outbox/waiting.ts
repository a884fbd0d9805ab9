/**
 * The events that wait, by call and by agent. What is done with one event costs about the same however many wait: after a
 * day without the CRM they are thousands.
 */
import { Heap } from "./heap.ts";
import { callKey, type OutboxEvent } from "./schedule.ts";

/** The events of one call that wait, the oldest first. */
export class WaitingCall {
  readonly key: string;
  readonly lane: Lane;
  readonly events: OutboxEvent[] = [];
  /** When to look at it, in ms. */
  at = 0;
  /** Its first event is on the way. */
  busy = false;

  constructor(key: string, lane: Lane) {
    this.key = key;
    this.lane = lane;
  }

  /** The id of its oldest event; those of different calls are compared by it. */
  get id(): number {
    return this.events[0]?.id ?? 0;
  }
}

/** What waits for one agent at one desk: it goes to one address, which is there for all of it or for none. */
export class Lane {
  /** Before all calls. */
  readonly id = 0;
  readonly desk: string;
  readonly agent: string;
  readonly calls = new Set<WaitingCall>();
  /** Calls whose first event can be sent, the oldest first. */
  readonly ready = new Heap<WaitingCall>((one, other) => one.id < other.id);
  /** Calls whose first event waits for its next attempt. */
  readonly later = new Set<WaitingCall>();
  /** Nothing is sent before, in ms. */
  at = 0;
  /** How many of its events are on the way, and how many may be. */
  onTheWay = 0;
  window: number;
  /** Failures in a row. */
  failures = 0;
  /** Changes whenever the address has answered or failed: an attempt made before that says nothing new. */
  epoch = 0;
  /** Why nothing can be sent, where that is not the failure of an attempt. */
  why: string | undefined;

  constructor(desk: string, agent: string, window: number) {
    this.desk = desk;
    this.agent = agent;
    this.window = window;
  }

  /** Whether the last attempt failed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  /** Whether one more event can be sent. */
  canSend(now: number): boolean {
    return this.ready.size > 0 && this.at <= now && this.onTheWay < this.window;
  }

  /** The address has answered: more may go at once, up to `most`. */
  answered(most: number): void {
    this.failures = 0;
    this.window = Math.min(most, 2 * this.window);
    this.epoch++;
  }

  /** The address has failed: one event at a time goes to see whether it is back. */
  failed(): void {
    this.failures++;
    this.window = 1;
    this.epoch++;
  }

  /** Perhaps another address: nothing is known of it yet. */
  renew(window: number): void {
    this.failures = 0;
    this.window = window;
    this.epoch++;
    this.why = undefined;
  }
}

/** All that waits. */
export class Waiting {
  readonly #events = new Map<number, OutboxEvent>();
  readonly #calls = new Map<string, WaitingCall>();
  readonly #lanes = new Map<string, Lane>();
  readonly #window: number;
  #oldest: number | undefined;

  /** @param window how many events of a new lane may be on the way. */
  constructor(window: number) {
    this.#window = window;
  }

  get size(): number {
    return this.#events.size;
  }

  get(id: number): OutboxEvent | undefined {
    return this.#events.get(id);
  }

  /** All events, as they were put in. */
  events(): IterableIterator<OutboxEvent> {
    return this.#events.values();
  }

  /** When the oldest event was made; nothing when none waits. */
  oldest(): number | undefined {
    if (this.#oldest === undefined) {
      for (const { created } of this.#events.values()) this.#oldest = Math.min(this.#oldest ?? created, created);
    }
    return this.#oldest;
  }

  /** What waits of an event's call. */
  callOf(event: Pick<OutboxEvent, "desk" | "agent" | "event">): WaitingCall | undefined {
    return this.#calls.get(keyOf(event));
  }

  /** The lane of an agent at a desk, as long as something of it waits. */
  lane(desk: string, agent: string): Lane | undefined {
    return this.#lanes.get(laneKey(desk, agent));
  }

  /** Whether anything waits that happened at this desk. */
  holds(desk: string): boolean {
    return this.#lanes.values().some((lane) => lane.desk === desk);
  }

  /** Puts an event in, in its place among those of its call, or another version of it in its place. */
  put(event: OutboxEvent): WaitingCall {
    const call = this.callOf(event) ?? this.#newCall(event);
    const { events } = call;
    let place = events.length;
    while (place > 0 && (events[place - 1]?.id ?? 0) >= event.id) place--;
    events.splice(place, Number(events[place]?.id === event.id), event);
    if (this.#events.get(event.id)?.created === this.#oldest) this.#oldest = undefined;
    this.#events.set(event.id, event);
    if (this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest, event.created);
    return call;
  }

  /** Takes an event out. */
  delete(event: OutboxEvent): void {
    this.#events.delete(event.id);
    if (event.created === this.#oldest) this.#oldest = undefined;
    const call = this.callOf(event);
    if (!call) return;
    const place = call.events.findIndex(({ id }) => id === event.id);
    if (place >= 0) call.events.splice(place, 1);
    this.forget(call);
  }

  /** Forgets a call of which nothing waits and nothing is on the way. */
  forget(call: WaitingCall): void {
    const { key, lane } = call;
    if (call.events.length > 0 || call.busy) return;
    this.#calls.delete(key);
    lane.calls.delete(call);
    if (lane.calls.size === 0) this.#lanes.delete(laneKey(lane.desk, lane.agent));
  }

  #newCall(event: OutboxEvent): WaitingCall {
    const { desk, agent } = event;
    const key = laneKey(desk, agent);
    const lane = this.#lanes.get(key) ?? new Lane(desk, agent, this.#window);
    this.#lanes.set(key, lane);
    const call = new WaitingCall(keyOf(event), lane);
    this.#calls.set(call.key, call);
    lane.calls.add(call);
    return call;
  }
}

/** What belongs to no call (a line that is lost) waits for each agent on its own. */
function keyOf(event: Pick<OutboxEvent, "desk" | "agent" | "event">): string {
  return `${event.agent}\n${callKey(event)}`;
}

function laneKey(desk: string, agent: string): string {
  return `${agent}\n${desk}`;
}
