/** A desk for tests of the sip driver: documents go through the reader, the tracker and the core, and come out as what the CRM is told. */
import { newDesk } from "../../../src/core/desk.ts";
import type { Input } from "../../../src/core/input.ts";
import type { LegFacts, LineEvent } from "../../../src/core/line.ts";
import type { Policy } from "../../../src/core/policy.ts";
import { step } from "../../../src/core/step.ts";
import { readDialogInfo } from "../../../drivers/sip/dialogs/dialog-info.ts";
import { DialogTracker, type Envelope, type Told, type Watched } from "../../../drivers/sip/dialogs/tracker.ts";
import { policyWith } from "../core/site.ts";

/** A tracker for desk 1001, whose fresh ids are fresh-1, fresh-2 and so on. */
export function tracker(part: Partial<Watched> = {}): DialogTracker {
  let ids = 0;
  return new DialogTracker({ desk: "1001", users: ["1001"], self: "1009", freshId: () => `fresh-${++ids}`, ...part });
}

/** The facts of legs among events, those of a snapshot too. */
export function factsOf(events: readonly LineEvent[]): LegFacts[] {
  return events.flatMap((event) => event.type === "snapshot" ? event.legs : event.type === "leg" ? [event.facts] : []);
}

/** Desk 1001 with agent A7. */
export class TestDesk {
  /** What the CRM was told, as `ScreenPop 1 14155550123`: calls are numbered by their first event. */
  readonly told: string[] = [];
  tracker: DialogTracker;
  /** The questions that the tracker has asked. */
  readonly asked: string[] = [];
  readonly #calls: string[] = [];
  #desk = newDesk("1001");
  #now = 0;

  readonly #policy: Policy;
  readonly #watched: Partial<Watched>;
  #lives = 1;

  /** @param policy what a test wants otherwise than the reference configuration. */
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

  /** telesetd is started again: the driver knows nothing any more, the core what it has stored. */
  restart(): void {
    this.#desk = JSON.parse(JSON.stringify(this.#desk));
    let ids = 0;
    const life = ++this.#lives;
    this.tracker = tracker({ ...this.#watched, freshId: () => `fresh-${++ids}-of-life-${life}` });
    this.tracker.connected(this.#desk.calls.flatMap(({ legs }) => legs));
    this.step({ type: "line", event: { type: "link-up", to: "the switch" } });
  }

  /** The live calls' ids. */
  get calls(): readonly string[] {
    return this.#desk.calls.map(({ id }) => id);
  }

  /** A NOTIFY with this body. Gives what was told because of it. */
  notify(body: string, envelope?: Envelope): string[] {
    return this.hear(this.tracker.notify(readDialogInfo(body), envelope));
  }

  hear({ events, wants, why }: Told): string[] {
    if (wants !== undefined) this.asked.push(why ?? "");
    return events.flatMap((event) => this.step({ type: "line", event }));
  }

  step(input: Input): string[] {
    const made = step(this.#desk, input, this.#now += 10, this.#policy);
    this.#desk = made.desk;
    const told = made.effects.flatMap((effect) => {
      if (effect.type !== "tell") return [];
      const { event } = effect;
      if (!this.#calls.includes(event.call)) this.#calls.push(event.call);
      const words = [event.name, this.#calls.indexOf(event.call) + 1, ...(event.name === "ScreenPop" ? [event.ani] : [])];
      return [words.join(" ").trim()];
    });
    this.told.push(...told);
    return told;
  }
}
