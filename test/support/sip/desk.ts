/** A desk for tests of the SIP driver: documents go through the reader, the tracker and the core, and result in CRM events. */
import { newDesk } from "../../../src/core/desk.ts";
import type { CallRecord } from "../../../src/core/history.ts";
import type { Input } from "../../../src/core/input.ts";
import type { LegFacts, LineEvent } from "../../../src/core/line.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { step } from "../../../src/core/step.ts";
import { reasonText } from "../../../src/history/sentences.ts";
import { afterRestart, written } from "../../../src/store/desks.ts";
import type { FarSign, NewDial } from "../../../drivers/sip/dialogs/own-dials.ts";
import { type DialogInfo, readDialogInfo } from "../../../drivers/sip/dialogs/dialog-info.ts";
import type { Envelope, TrackerInput, TrackerOutput, Watched } from "../../../drivers/sip/dialogs/step.ts";
import { DialogTracker } from "../../../drivers/sip/dialogs/tracker.ts";
import { policyWith } from "../core/site.ts";

/** The dialogs of a desk, with a clock that only `noAnswer` moves. */
export class TestTracker {
  readonly #tracker: DialogTracker;
  #now = 0;
  #wakeAt: number | undefined;

  constructor(watched: Watched) {
    this.#tracker = new DialogTracker(watched);
  }

  take(input: TrackerInput): TrackerOutput {
    const { output, wakeAt } = this.#tracker.take(input, this.#now);
    this.#wakeAt = wakeAt;
    return output;
  }

  connected(known: readonly string[] = []): void {
    this.take({ type: "connected", known });
  }

  subscribed(): void {
    this.take({ type: "unsubscribed" });
  }

  notify(info: DialogInfo, envelope: Envelope = {}): TrackerOutput {
    return this.take({ type: "document", info, envelope });
  }

  none(): TrackerOutput {
    return this.take({ type: "no-dialogs" });
  }

  /** The requested full state does not arrive in time. */
  noAnswer(): TrackerOutput {
    this.#now = this.#wakeAt ?? this.#now;
    return this.take({ type: "time" });
  }

  dial(dial: NewDial): void {
    this.take({ type: "dial", dial });
  }

  /** The box sends an INVITE of this Call-ID for a dial. */
  invite(call: string, callId: string): void {
    this.take({ type: "invite", call, callId });
  }

  far(call: string, sign: FarSign): readonly LineEvent[] {
    return this.take({ type: "far", call, sign }).events;
  }

  dialOver(call: string): void {
    this.take({ type: "dial-over", call });
  }

  legsOf(call: string): readonly string[] {
    return this.#tracker.legsOf(call);
  }

  occupied(): ReturnType<DialogTracker["occupied"]> {
    return this.#tracker.occupied();
  }
}

/** The dialogs of desk 1001, where made names are fresh-1, fresh-2 and so on. */
export function tracker(part: Partial<Watched> = {}): TestTracker {
  return new TestTracker({ desk: "1001", users: ["1001"], self: "1009", seed: "fresh", ...part });
}

/** The same, after a connect: the next full document is the snapshot. */
export function connectedTracker(part: Partial<Watched> = {}): TestTracker {
  const made = tracker(part);
  made.connected();
  return made;
}

/** The facts of legs among events, those of a snapshot too. */
export function factsOf(events: readonly LineEvent[]): LegFacts[] {
  return events.flatMap((event) => event.type === "snapshot" ? event.legs : event.type === "leg" ? [event.facts] : []);
}

function rowOf({ kind, origin, party, popped, reason, end }: CallRecord): string {
  const who = party === undefined ? "unknown" : party.identity || "withheld";
  const text = reason && reasonText(reason, end?.cause);
  return [`${kind}, ${origin}`, who, popped ? "sent" : "nothing sent", ...(text === undefined ? [] : [text])].join(" | ");
}

/** Desk 1001 with agent A7. */
export class TestDesk {
  /** The calls that have ended: how each started, its party, what the CRM got, and the reason for less than usual. */
  readonly ended: string[] = [];
  /** The events sent to the CRM, as `ScreenPop 1 14155550123`: calls are numbered by their first event. */
  readonly sent: string[] = [];
  tracker: TestTracker;
  /** The questions that the tracker has asked. */
  readonly asked: string[] = [];
  readonly #calls: string[] = [];
  #desk = newDesk("1001");
  #now = 0;

  readonly #policy: Policy;
  readonly #watched: Partial<Watched>;
  #lives = 1;

  /** @param policy the differences from the reference configuration. */
  constructor(watched: Partial<Watched> = {}, policy: Partial<Policy> = {}) {
    this.#policy = policyWith(policy);
    this.#watched = watched;
    this.tracker = tracker(watched);
    this.tracker.connected();
    this.step({
      type: "callout",
      id: "r1",
      callout: { name: "Register", desk: "1001", agent: "A7", address: "10.0.0.7", port: 80 },
    });
    this.step({ type: "line", event: { type: "link-up", to: "the switch" } });
  }

  /** telesetd is started again: the driver knows nothing, the core only what it has stored. */
  restart(): void {
    this.#desk = afterRestart(JSON.parse(written(this.#desk)));
    this.tracker = tracker({ ...this.#watched, seed: `life-${++this.#lives}` });
    this.tracker.connected(this.#desk.calls.flatMap(({ legs }) => legs));
    this.step({ type: "line", event: { type: "link-up", to: "the switch" } });
  }

  /** The live calls' ids. */
  get calls(): readonly string[] {
    return this.#desk.calls.map(({ id }) => id);
  }

  /** A NOTIFY with this body. Returns the events that it caused. */
  notify(body: string, envelope?: Envelope): string[] {
    return this.hear(this.tracker.notify(readDialogInfo(body), envelope));
  }

  hear({ events, asks }: TrackerOutput): string[] {
    if (asks !== undefined) this.asked.push(asks);
    return events.flatMap((event) => this.step({ type: "line", event }));
  }

  step(input: Input): string[] {
    const made = step(this.#desk, input, this.#now += 10, this.#policy);
    this.#desk = made.desk;
    for (const effect of made.effects) if (effect.type === "record") this.ended.push(rowOf(effect.call));
    const sent = made.effects.flatMap((effect) => {
      if (effect.type !== "send") return [];
      const { event } = effect;
      if (!this.#calls.includes(event.call)) this.#calls.push(event.call);
      const words = [event.name, this.#calls.indexOf(event.call) + 1, ...(event.name === "ScreenPop" ? [event.ani] : [])];
      return [words.join(" ").trim()];
    });
    this.sent.push(...sent);
    return sent;
  }
}
