/** A courier between a store that notes everything and a CRM that answers on command of the test. Time is fake. */
import { jest } from "bun:test";
import type { Address, Crm, Delivery } from "../../../src/core/crm.ts";
import { openLog } from "../../../src/log/log.ts";
import { Metrics } from "../../../src/metrics/metrics.ts";
import { Courier } from "../../../src/outbox/courier.ts";
import { type DeliveryRules, deliveryRules } from "../../../src/outbox/schedule.ts";
import { counted } from "../metrics.ts";
import type { OutboxEvent } from "../../../src/outbox/record.ts";

/** One POST that the CRM has not answered yet. */
export interface Post {
  readonly id: string;
  readonly to: Address;
  readonly signal: AbortSignal;
  answer(delivery: Delivery): void;
}

export const done: Delivery = { outcome: "done" };
export const timeout: Delivery = { outcome: "retry", why: "no answer", reached: true };
export const unreachable: Delivery = { outcome: "retry", why: "connection refused", reached: false };
export const refused: Delivery = { outcome: "refused", why: "status 404", reached: true };

/** What a rig starts with. */
export interface RigOptions {
  readonly stored?: readonly OutboxEvent[];
  readonly suppressed?: readonly { readonly desk: string; readonly call: string }[];
  readonly rules?: Partial<DeliveryRules>;
  readonly random?: number;
}

/** The parts, and `record`: what they did, in order, one line each. */
export class Rig {
  now = 0;
  readonly record: string[] = [];
  readonly posts: Post[] = [];
  readonly metrics = new Metrics();
  readonly courier: Courier;

  constructor({ stored = [], suppressed = [], rules = {}, random = 1 }: RigOptions = {}) {
    const store = {
      waiting: () => [...stored],
      suppressedCalls: () => [...suppressed],
      update: ({ id, attempts, refusals, reached, next }: OutboxEvent, onTheWay: boolean) => {
        const result = onTheWay ? "on the way" : `next ${next}, reached ${reached}, refusals ${refusals}`;
        this.record.push(`note ${id}: attempt ${attempts}, ${result}`);
      },
      settle: (id: number, settlement: string, why: string) => {
        this.record.push(`${settlement} ${id}${why === "" ? "" : `: ${why}`}`);
      },
      withdraw: (ids: readonly number[], why: string) => {
        this.record.push(`withdrawn ${ids.join(" ")}: ${why}`);
      },
    };
    const crm: Crm = {
      deliver: (event, to, signal) => {
        this.record.push(`post ${event.name} ${event.call}`);
        const { promise, resolve } = Promise.withResolvers<Delivery>();
        signal.addEventListener("abort", () => resolve({ outcome: "retry", why: String(signal.reason), reached: true }));
        this.posts.push({ id: `${event.name} ${event.call}`, to, signal, answer: resolve });
        return promise;
      },
    };
    this.courier = new Courier({
      store,
      crm,
      now: () => this.now,
      random: () => random,
      rules: { ...deliveryRules, ...rules },
      log: openLog(() => {}, "error", false),
      metrics: this.metrics,
    });
  }

  /** The counters of events, by name and result. */
  counted(): Record<string, number> {
    return counted(this.metrics.events.series(), "telesetd_events_total");
  }

  /** An agent registers at desk 1001. */
  register(agent: string, to: Address): void {
    this.courier.arrived("1001", { registration: { agent, ...to }, atDesk: { agent, ...to } });
    this.courier.sendDue();
  }

  /** The POSTs on the way. */
  waiting(): string[] {
    return this.posts.map(({ id }) => id);
  }

  /** The CRM answers the oldest POST. */
  async answer(delivery: Delivery): Promise<void> {
    const post = this.posts.shift();
    if (!post) throw new Error("nothing is on the way");
    post.answer(delivery);
    await settle();
  }

  /** Time passes. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    jest.advanceTimersByTime(ms);
    await settle();
  }
}

/** Runs everything that waits for no time: some turns of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
}
