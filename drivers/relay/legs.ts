/** The legs of a desk as a box has heard of them: those that live, with all their facts, and those that have ended. */
import { added, news, type WireFacts } from "../../src/broker/facts.ts";
import type { FeedItem } from "../../src/broker/messages.ts";

/** The maximum number of ended legs that are remembered. */
const maxEnded = 200;

/** The legs. */
export class DeskLegs {
  #live = new Map<string, WireFacts>();
  readonly #ended = new Set<string>();
  /** Live legs that the followed relay has neither listed nor ended: it may have started after they were last reported. */
  #unsure = new Set<string>();

  /** All live legs. */
  get live(): WireFacts[] {
    return [...this.#live.values()];
  }

  /** Whether the followed relay must be asked for legs. */
  get areUnsure(): boolean {
    return this.#unsure.size > 0;
  }

  isLive(leg: string): boolean {
    return this.#live.has(leg);
  }

  hasEnded(leg: string): boolean {
    return this.#ended.has(leg);
  }

  /** Whether these facts say what is known already. */
  knows(facts: WireFacts): boolean {
    const known = this.#live.get(facts.leg);
    return this.#ended.has(facts.leg) || (known !== undefined && news(known, facts) === undefined);
  }

  /** Adds facts. */
  add(facts: WireFacts): void {
    const { leg } = facts;
    this.#unsure.delete(leg);
    if (facts.ended) return this.#end(leg);
    this.#live.set(leg, added(this.#live.get(leg) ?? facts, facts));
  }

  /**
   * The legs that the relay lists live, those of `gone` have ended, and one that has ended stays so. No other leg ends because it
   * is not listed.
   */
  list({ legs, gone = [] }: { readonly legs: readonly WireFacts[]; readonly gone?: readonly string[] }): void {
    for (const leg of gone) this.#end(leg);
    this.#unsure = new Set(this.#live.keys());
    for (const facts of legs) if (!this.#ended.has(facts.leg)) this.add(facts);
  }

  /** The legs that have begun and ended in these items, and began before this time. */
  overIn(items: readonly FeedItem[], before: number): ReadonlySet<string> {
    const begun = new Map<string, number>();
    const over = new Set<string>();
    for (const { e, at } of items) {
      if (e.type !== "leg" || this.isLive(e.facts.leg)) continue;
      if (!begun.has(e.facts.leg)) begun.set(e.facts.leg, at);
      if (e.facts.ended && (begun.get(e.facts.leg) ?? at) < before) over.add(e.facts.leg);
    }
    return over;
  }

  /** A leg has another id. */
  rename(from: string, to: string): void {
    const known = this.#live.get(from);
    this.#end(from);
    this.#live.set(to, { ...known, leg: to });
  }

  #end(leg: string): void {
    this.#live.delete(leg);
    this.#unsure.delete(leg);
    this.#ended.delete(leg);
    this.#ended.add(leg);
    const [oldest] = this.#ended;
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest);
  }
}
