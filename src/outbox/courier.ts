/**
 * The courier: brings the outbox to the CRM. Per call in order, calls side by side, each attempt noted before it is made.
 * Where to: the place where the event's agent is registered now, so that what waits follows him to a new address.
 */
import type { Crm, Delivery, Registration } from "../core/crm.ts";
import type { Log } from "../log.ts";
import type { EventResult, Metrics } from "../metrics/metrics.ts";
import type { Store } from "../store.ts";
import { callKey, type DeliveryRules, type OutboxEvent, pauseAfter, whatIsDue } from "./schedule.ts";

/** What the courier works with. */
export interface CourierOptions {
  readonly store: Pick<Store, "waiting" | "untoldCalls" | "update" | "end">;
  readonly crm: Crm;
  /** Where an agent's UWQ listens now; nothing when he is not registered on that desk. */
  readonly address: (desk: string, agent: string) => Registration | undefined;
  /** Steady ms. */
  readonly now: () => number;
  readonly random: () => number;
  readonly rules: DeliveryRules;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** How many POSTs are on the way at once, at most. */
const atOnce = 32;
/** When to look again for the address of an agent who is not registered, in ms. */
const withoutAddress = 5_000;
/** The longest time that a timer can be set to, in ms; a longer one would go off at once. */
const longestTimer = 2 ** 31 - 1;

/** The loop that posts. */
export class Courier {
  readonly #options: CourierOptions;
  readonly #waiting = new Map<number, OutboxEvent>();
  /** Calls whose ScreenPop was given up and cannot have arrived: nobody would know what the rest is about. */
  readonly #untold = new Set<string>();
  readonly #onTheWay = new Map<string, Promise<void>>();
  /** Events on the way; what has become of one meanwhile, which counts only if the CRM does not confirm it all the same. */
  readonly #sending = new Map<number, EventResult | undefined>();
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;

  /** Takes over what waited when the daemon last stopped; it is tried at once. */
  constructor(options: CourierOptions) {
    this.#options = options;
    for (const event of options.store.waiting()) this.#waiting.set(event.id, { ...event, next: 0 });
    for (const { desk, call } of options.store.untoldCalls()) this.#untold.add(`${desk}/${call}`);
  }

  /** All events that wait, the oldest first. */
  events(): readonly OutboxEvent[] {
    return [...this.#waiting.values()];
  }

  /** How many events wait, and since when the oldest does. */
  status(): { readonly waiting: number; readonly oldest?: number } {
    let oldest: number | undefined;
    // What was taken back stands behind what is younger.
    for (const { created } of this.#waiting.values()) if (oldest === undefined || created < oldest) oldest = created;
    return { waiting: this.#waiting.size, ...(oldest === undefined ? {} : { oldest }) };
  }

  /** Whether an event of this call would be sent at once: then its first attempt can be noted together with it. */
  isFree(event: Pick<OutboxEvent, "desk" | "agent" | "event">): boolean {
    const key = callKey(event);
    return !this.#stopping && !this.#untold.has(key) && this.#onTheWay.size < atOnce && !this.#onTheWay.has(key) &&
      this.#options.address(event.desk, event.agent) !== undefined &&
      ![...this.#waiting.values()].some((other) => callKey(other) === key);
  }

  /** Takes events that have been committed; those that count as attempted are sent without noting it again. */
  add(events: readonly OutboxEvent[]): void {
    for (const event of events) {
      this.#waiting.set(event.id, event);
      const to = event.attempts > 0 ? this.#options.address(event.desk, event.agent) : undefined;
      if (to) this.#begin(event, to);
    }
    this.#makeRoom();
    this.pump();
  }

  /** Forgets what waits for an agent; the store has retired it. What is on the way stays on the way. */
  retire(desk: string, agent: string): void {
    for (const event of this.#waiting.values()) {
      if (event.desk !== desk || event.agent !== agent) continue;
      this.#waiting.delete(event.id);
      this.#noteUntold(event);
      this.#count(event, "withdrawn");
    }
  }

  /** An event that could not be told: without its ScreenPop nobody would know what the rest of its call is about. */
  lose({ desk, event }: Pick<OutboxEvent, "desk" | "event">): void {
    this.#options.metrics?.events.add(event.name, "withdrawn");
    if (event.name === "ScreenPop") this.#untold.add(callKey({ desk, event }));
  }

  /** Gives up one event for the administrator; false when it does not wait. */
  drop(id: number): boolean {
    const event = this.#waiting.get(id);
    if (event) this.#retired(event, "dropped by the administrator", "dropped");
    return event !== undefined;
  }

  /** Takes an event back that the store lets wait again. */
  again(event: OutboxEvent): void {
    const key = callKey(event);
    this.#untold.delete(key);
    const later = [...this.#waiting.values()].filter((other) => callKey(other) === key && event.id > 0 && other.id > event.id);
    // Back in its place: what follows it in its call is put behind it.
    for (const { id } of later) this.#waiting.delete(id);
    for (const one of [event, ...later]) this.#waiting.set(one.id, one);
    this.pump();
  }

  /** An agent has registered: what waits for him is tried at once, at his new place. */
  hurry(desk: string, agent: string): void {
    for (const event of this.#waiting.values()) {
      if (event.desk === desk && event.agent === agent) this.#waiting.set(event.id, { ...event, next: 0 });
    }
    this.pump();
  }

  /** Sends what is due. */
  pump(): void {
    if (this.#stopping) return;
    clearTimeout(this.#timer);
    const { now, rules } = this.#options;
    const busy = new Set(this.#onTheWay.keys());
    for (const event of this.#waiting.values()) {
      if (event.event.name !== "ScreenPop" && this.#untold.has(callKey(event))) {
        this.#retired(event, "its ScreenPop was not told");
      }
    }
    const due = whatIsDue([...this.#waiting.values()], busy, now(), rules);
    for (const { event, why } of due.retire) this.#retired(event, why);
    let lookAt = due.lookAt ?? Infinity;
    for (const event of due.send) {
      if (this.#onTheWay.size >= atOnce) break;
      if (!this.#send(event)) lookAt = Math.min(lookAt, now() + withoutAddress);
    }
    if (lookAt < Infinity) this.#timer = setTimeout(() => this.pump(), Math.min(longestTimer, Math.max(0, lookAt - now())));
  }

  /** Starts nothing more and waits for what is on the way, at most `ms`. */
  async stop(ms: number): Promise<void> {
    clearTimeout(this.#timer);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const all = Promise.all(this.#onTheWay.values());
    this.#stopping = true;
    await Promise.race([all, late]);
    clearTimeout(timer);
    this.#stop.abort();
    await all;
  }

  /** False when the agent is not registered: there is nowhere to send it to. */
  #send(event: OutboxEvent): boolean {
    const { address, store, now } = this.#options;
    const to = address(event.desk, event.agent);
    if (!to) {
      this.#waiting.set(event.id, { ...event, next: now() + withoutAddress, why: `agent ${event.agent} is not registered` });
      return false;
    }
    const attempt = { ...event, attempts: event.attempts + 1 };
    store.update(attempt, true);
    this.#begin(attempt, to);
    return true;
  }

  /** Makes an attempt that has been noted. */
  #begin(event: OutboxEvent, to: Registration): void {
    const key = callKey(event);
    this.#sending.set(event.id, undefined);
    const done = this.#attempt(event, to).finally(() => {
      this.#onTheWay.delete(key);
      this.pump();
    });
    this.#onTheWay.set(key, done);
  }

  async #attempt(event: OutboxEvent, to: Registration): Promise<void> {
    const delivery = await this.#options.crm.deliver(event.event, to, this.#stop.signal, event.desk);
    const meanwhile = this.#sending.get(event.id);
    this.#sending.delete(event.id);
    this.#options.metrics?.attempted(delivery);
    const log = this.#options.log.with({ desk: event.desk, call: event.event.call, event: event.event.name });
    if (delivery.outcome === "done") {
      this.#waiting.delete(event.id);
      const now = this.#options.now();
      this.#options.store.end(event.id, "told", delivery.note ?? "", now);
      this.#options.metrics?.confirmed(event.event.name, (now - event.created) / 1000, delivery.note !== undefined);
      if (delivery.note === undefined) log.info("Told the CRM", { attempt: event.attempts });
      else log.warning("Told the CRM, which answered with an error", { attempt: event.attempts, answer: delivery.note });
    } else {
      if (meanwhile !== undefined) this.#count(event, meanwhile);
      this.#failed(event, delivery);
      // Every event meets the same trouble at every try: it is said once, and counted.
      log.rarely(`${to.address}:${to.port} ${delivery.why}`).warning("Cannot tell the CRM yet", {
        to: `${to.address}:${to.port}`,
        attempt: event.attempts,
        why: delivery.why,
      });
    }
  }

  #failed(event: OutboxEvent, delivery: Exclude<Delivery, { outcome: "done" }>): void {
    // Retired meanwhile (the agent has gone): it stays retired.
    if (!this.#waiting.has(event.id)) return;
    const { now, random, store } = this.#options;
    const later = {
      ...event,
      reached: event.reached || delivery.reached,
      refusals: event.refusals + (delivery.outcome === "refused" ? 1 : 0),
      next: now() + pauseAfter(event.attempts, now() - event.created, random()),
      why: delivery.why,
    };
    this.#waiting.set(event.id, later);
    store.update(later, false);
  }

  /** The outbox is bounded: when it is full, the oldest events are given up, whole calls first to last. */
  #makeRoom(): void {
    for (const event of this.#waiting.values()) {
      if (this.#waiting.size <= this.#options.rules.atMost) return;
      if (!this.#onTheWay.has(callKey(event))) {
        this.#retired(event, `the outbox is full: it holds at most ${this.#options.rules.atMost} events`);
      }
    }
  }

  #noteUntold(event: OutboxEvent): void {
    const mayArrive = event.reached || this.#onTheWay.has(callKey(event));
    if (event.event.name === "ScreenPop" && !mayArrive) this.#untold.add(callKey(event));
    if (event.event.name === "CallReleased") this.#untold.delete(callKey(event));
  }

  #count(event: OutboxEvent, result: EventResult): void {
    if (this.#sending.has(event.id)) this.#sending.set(event.id, result);
    else this.#options.metrics?.events.add(event.event.name, result);
  }

  #retired(event: OutboxEvent, why: string, result: EventResult = "given_up"): void {
    this.#count(event, result);
    this.#waiting.delete(event.id);
    this.#noteUntold(event);
    this.#options.store.end(event.id, "retired", why, this.#options.now());
    this.#options.log.warning("Gave up telling the CRM", {
      desk: event.desk,
      call: event.event.call,
      event: event.event.name,
      why,
    });
  }
}
