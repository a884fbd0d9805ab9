/**
 * The feed of one desk, as a relay keeps it: the items that it has published in the last minutes, and the state that they add up
 * to. An event that adds nothing is not an item. Pure: time is an input.
 */
import { added, news, type WireFacts } from "../broker/facts.ts";
import { gone } from "../core/line.ts";
import {
  type Beat,
  type DeskState,
  encode,
  encodeItem,
  type FeedEvent,
  itemsAnswer,
  type SwitchState,
  type SyncAnswer,
  type SyncRequest,
} from "../broker/messages.ts";

/** How long items are kept, in ms. */
export const memoryMs = 15 * 60_000;

/** The maximum number of items of one desk that are kept: a busy agent has 200 in that time. */
const maxItems = 1000;

/** The maximum number of characters of an answer that lists items; if they are more, the answer is the state. */
const maxAnswer = 400_000;

/** The maximum number of ended legs that a state lists. */
const maxEnded = 20;

/** What is known about a live leg. */
interface LiveLeg {
  readonly began: number;
  readonly facts: WireFacts;
}

/** The feed of a desk. */
export class Feed {
  #n = 0;
  /** The texts of the last items, with their times; the last one has the number `#n`. */
  #items: { readonly at: number; readonly text: string }[] = [];
  #characters = 0;
  #link: SwitchState = { up: false, why: "the relay has not reached the switch yet" };
  #phone: DeskState["phone"];
  readonly #legs = new Map<string, LiveLeg>();
  #ended: DeskState["ended"][number][] = [];

  /** The number of the last item. */
  get last(): number {
    return this.#n;
  }

  /** The number of items that are kept. */
  get size(): number {
    return this.#items.length;
  }

  /** The number of characters of the items that are kept. */
  get characters(): number {
    return this.#characters;
  }

  /** The live legs. */
  get legs(): IterableIterator<string> {
    return this.#legs.keys();
  }

  /** Whether a leg is alive, or is known to have ended. */
  knows(leg: string): boolean {
    return this.#legs.has(leg) || this.#hasEnded(leg);
  }

  /** The legs of a dial, those that have ended in the last minutes included. */
  legsOf(call: string): readonly WireFacts[] {
    const legs = [...this.#legs.values(), ...this.#ended].map(({ facts }) => facts);
    return legs.filter((facts) => facts.call === call);
  }

  get link(): SwitchState {
    return this.#link;
  }

  get phone(): DeskState["phone"] {
    return this.#phone;
  }

  /** Adds what has happened. @returns the text of the new item to publish; undefined if the event adds nothing. */
  add(event: FeedEvent, now: number): string | undefined {
    const e = this.#take(event, now);
    if (e === undefined) return undefined;
    this.#n++;
    const text = encodeItem({ n: this.#n, at: now, e });
    this.#items.push({ at: now, text });
    this.#characters += text.length;
    if (this.#items.length > maxItems) this.#forget(1);
    return text;
  }

  /** Forgets what is too old. @param keep how old an item may be, in ms. */
  prune(now: number, keep = memoryMs): void {
    const since = now - keep;
    const first = this.#items.findIndex(({ at }) => at >= since);
    this.#forget(first < 0 ? this.#items.length : first);
    if (this.#ended.some(({ at }) => at < since)) this.#ended = this.#ended.filter(({ at }) => at >= since);
  }

  #forget(count: number): void {
    for (const { text } of this.#items.splice(0, count)) this.#characters -= text.length;
  }

  /** The answer to a box: what has happened since the item that it has, if that is known, or the state. */
  answer({ r, n }: SyncRequest, beat: Beat): string {
    const common = { ...beat, n: this.#n };
    const missed = r === beat.r && n !== undefined ? this.#after(n) : undefined;
    return missed ? itemsAnswer(common, missed) : encode({ ...common, state: this.#state() } satisfies SyncAnswer);
  }

  /** The texts of the items after this number; undefined if one of them is forgotten, or they are too many. */
  #after(n: number): string[] | undefined {
    const count = this.#n - n;
    if (count < 0 || count > this.#items.length) return undefined;
    const texts = count === 0 ? [] : this.#items.slice(-count).map(({ text }) => text);
    return texts.reduce((sum, text) => sum + text.length, 0) <= maxAnswer ? texts : undefined;
  }

  #state(): DeskState {
    const legs = [...this.#legs.values()].map(({ facts }) => facts);
    return { link: this.#link, legs, ended: this.#ended, ...(this.#phone ? { phone: this.#phone } : {}) };
  }

  /** Takes an event into the state. @returns the part of it that is new. */
  #take(event: FeedEvent, now: number): FeedEvent | undefined {
    switch (event.type) {
      case "link-up":
        this.#link = { up: true, to: event.to };
        this.#phone = undefined;
        return { type: "link-up", to: event.to, ...this.#replaceLegs(event.legs, now) };
      case "link-down":
        if (!this.#link.up && this.#link.why === event.why) return undefined;
        this.#link = { up: false, why: event.why };
        return event;
      case "snapshot":
        return this.#addSnapshot(event.legs, now);
      case "leg":
        return this.#hasEnded(event.facts.leg) ? undefined : this.#takeFacts(event.facts, now);
      case "leg-renamed":
        this.#rename(event.from, event.to, now);
        return event;
      case "phone": {
        const { type: _, ...phone } = event;
        if (JSON.stringify(this.#phone) === JSON.stringify(phone)) return undefined;
        this.#phone = phone;
        return event;
      }
      default:
        return event;
    }
  }

  /** Late facts do not revive a leg. */
  #hasEnded(leg: string): boolean {
    return this.#ended.some(({ facts }) => facts.leg === leg);
  }

  #takeFacts(facts: WireFacts, now: number): FeedEvent | undefined {
    const known = this.#legs.get(facts.leg);
    const changed = known ? news(known.facts, facts) : facts;
    if (changed === undefined) return undefined;
    if (facts.ended) {
      this.#legs.delete(facts.leg);
      this.#end({ began: known?.began ?? now, at: now, facts: known ? added(known.facts, facts) : facts });
    } else this.#legs.set(facts.leg, { began: known?.began ?? now, facts: known ? added(known.facts, facts) : facts });
    return { type: "leg", facts: changed };
  }

  #end(ended: DeskState["ended"][number]): void {
    this.#ended = [...this.#ended, ended].slice(-maxEnded);
  }

  #addSnapshot(legs: readonly WireFacts[], now: number): FeedEvent | undefined {
    const isNew = (facts: WireFacts) => {
      const known = this.#legs.get(facts.leg);
      return !this.#hasEnded(facts.leg) && (!known || news(known.facts, facts) !== undefined);
    };
    const isChanged = legs.some(isNew) || [...this.#legs.keys()].some((leg) => legs.every((facts) => facts.leg !== leg));
    return isChanged ? { type: "snapshot", ...this.#replaceLegs(legs, now) } : undefined;
  }

  /**
   * The live legs are these. One that was known before has ended, for the driver has asked the switch for it by its id.
   * @returns the live legs, and those.
   */
  #replaceLegs(legs: readonly WireFacts[], now: number): { legs: readonly WireFacts[]; gone?: readonly string[] } {
    const alive = new Map(legs.filter(({ leg }) => !this.#hasEnded(leg)).map((facts) => [facts.leg, facts]));
    const lost = [...this.#legs].filter(([leg]) => !alive.has(leg));
    for (const [leg, { began, facts }] of lost) {
      this.#legs.delete(leg);
      this.#end({ began, at: now, facts: { ...facts, ended: gone } });
    }
    for (const [leg, facts] of alive) {
      const known = this.#legs.get(leg);
      this.#legs.set(leg, { began: known?.began ?? now, facts: known ? added(known.facts, facts) : facts });
    }
    const listed = [...this.#legs.values()].map(({ facts }) => facts);
    return { legs: listed, ...(lost.length > 0 ? { gone: lost.map(([leg]) => leg) } : {}) };
  }

  #rename(from: string, to: string, now: number): void {
    const known = this.#legs.get(from);
    this.#legs.delete(from);
    this.#legs.set(to, { began: known?.began ?? now, facts: { ...known?.facts, leg: to } });
  }
}
