/** The outbox with a real store and its own clock, so that an hour passes in no time. */
import { newCall } from "../../../src/core/call.ts";
import { newDesk } from "../../../src/core/desk.ts";
import type { Address, Crm, CrmEvent, Delivery } from "../../../src/core/crm.ts";
import { openLog } from "../../../src/log/log.ts";
import { Courier } from "../../../src/outbox/courier.ts";
import { OutboxDesk } from "../../../src/outbox/admin.ts";
import { deliveryRules } from "../../../src/outbox/schedule.ts";
import { openStore } from "../../../src/store/sqlite.ts";
import type { Recorded, Store } from "../../../src/outbox/record.ts";

export const minute = 60_000, hour = 60 * minute;

/** The answers of a CRM that is scripted. */
export const done: Delivery = { outcome: "done" };
export const unreachable: Delivery = { outcome: "retry", why: "Cannot reach the CRM: connection refused", reached: false };
export const timeout: Delivery = { outcome: "retry", why: "No answer from the CRM: no answer within 5 s", reached: true };

/** The events of a call. */
export type CallEventName = "ScreenPop" | "CallEstablished" | "CallReleased";

export function crmEvent(call: string, name: CallEventName): CrmEvent {
  return name === "ScreenPop" ? { name, call, ani: "14155550123", dnis: "1001", data: {} } : { name, call };
}

export interface OfficeOptions {
  readonly path: string;
  /** The real way to a CRM, in place of the scripted one. */
  readonly crm?: Crm;
  /** The daemon's clock, in place of the office's own. */
  readonly now?: () => number;
  readonly to?: Address;
}

/** Store and courier of desk 1001. */
export class Office {
  /** By the daemon's steady clock, in ms. */
  now = 1_800_000_000_000;
  /** What the scripted CRM answers. */
  answer: Delivery = done;
  /** `ScreenPop c1`, ... as they were posted, and whether they were taken. */
  readonly posts: { readonly event: string; readonly at: number; readonly taken: boolean }[] = [];
  readonly #options: OfficeOptions;
  readonly #calls = new Set<string>();
  store: Store;
  courier: Courier;

  constructor(options: OfficeOptions) {
    this.#options = options;
    [this.store, this.courier] = this.#open();
  }

  #open(): [Store, Courier] {
    const { path, crm, now } = this.#options;
    const store = openStore(path);
    const scripted: Crm = {
      deliver: (event) => {
        this.posts.push({ event: `${event.name} ${event.call}`, at: this.now, taken: this.answer.outcome === "done" });
        return Promise.resolve(this.answer);
      },
    };
    const log = openLog(() => {}, "error", false);
    const rules = deliveryRules;
    return [
      store,
      new Courier({ store, crm: crm ?? scripted, now: now ?? (() => this.now), random: Math.random, rules, log }),
    ];
  }

  /** Commits an event, then passes it on, as the loop does. */
  send(call: string, name: CallEventName): void {
    const event = {
      desk: "1001",
      agent: "A",
      to: this.#options.to ?? { address: "10.0.0.7", port: 8080 },
      event: crmEvent(call, name),
    };
    const send = [{ ...event, startNow: this.courier.canSendNow(event) }];
    // The desk has the calls that go on: the store reads from it whose later events are suppressed.
    if (name === "ScreenPop") this.#calls.add(call);
    if (name === "CallReleased") this.#calls.delete(call);
    const calls = [...this.#calls].map((id) => newCall(id, "called", null, this.#now()));
    this.courier.add(this.store.commit({ desk: { ...newDesk("1001"), calls }, send, discard: [] }, this.#now()));
  }

  #now(): number {
    return this.#options.now?.() ?? this.now;
  }

  /** Lets time pass, a second at a time, as the courier's timer would wake it. */
  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end;) {
      await settled();
      this.now = Math.min(end, this.now + 1000);
      this.courier.sendDue();
    }
    await settled();
  }

  /** The daemon ends, in order or not, and starts again on the same store. */
  async restart(): Promise<void> {
    await this.close();
    this.reopen();
    this.courier.sendDue();
    await settled();
  }

  /** Restarts, except for the first check of what is due. */
  reopen(): void {
    [this.store, this.courier] = this.#open();
  }

  async close(): Promise<void> {
    await this.courier.stop(0);
    this.store.close();
  }

  /** What is on record of a call, oldest first. */
  record(call: string): readonly Recorded[] {
    return this.store.list(true, 1000).filter(({ event }) => event.call === call).reverse();
  }

  /** `ScreenPop delivered`, `CallReleased discarded`, ... */
  fates(call: string): string[] {
    return this.record(call).map(({ event, settlement }) => `${event.name} ${settlement ?? "waits"}`);
  }

  /** What has arrived, in order. */
  arrived(): string[] {
    return this.posts.filter(({ taken }) => taken).map(({ event }) => event);
  }

  /** The administrator's view of it. */
  desk(): OutboxDesk {
    return new OutboxDesk({
      store: this.store,
      courier: this.courier,
      now: () => this.#now(),
      registrations: { addressFor: ({ to }) => to },
    });
  }
}

/** Everything in progress has settled: scripted answers take some turns of promises, never time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
