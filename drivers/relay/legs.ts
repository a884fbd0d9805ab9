/** The legs of a desk as a box has heard of them: those that live, with all their facts, and those that have ended. */
import { added, news, type WireFacts } from "../../src/broker/facts.ts";

/** The maximum number of ended legs that are remembered. */
const maxEnded = 200;

/** The legs. */
export class DeskLegs {
  #live = new Map<string, WireFacts>();
  /** When each live leg was first heard of, in ms. */
  readonly #begun = new Map<string, number>();
  readonly #ended = new Set<string>();

  /** All live legs. */
  get live(): WireFacts[] {
    return [...this.#live.values()];
  }

  isLive(leg: string): boolean {
    return this.#live.has(leg);
  }

  hasEnded(leg: string): boolean {
    return this.#ended.has(leg);
  }

  /** When a leg was first heard of, in ms; 0 if never. */
  begun(leg: string): number {
    return this.#begun.get(leg) ?? 0;
  }

  /** Whether these facts say what is known already. */
  knows(facts: WireFacts): boolean {
    const known = this.#live.get(facts.leg);
    return this.#ended.has(facts.leg) || (known !== undefined && news(known, facts) === undefined);
  }

  /** Adds facts. */
  add(facts: WireFacts, now: number): void {
    const { leg } = facts;
    if (facts.ended) return this.#end(leg);
    this.#live.set(leg, added(this.#live.get(leg) ?? facts, facts));
    if (!this.#begun.has(leg)) this.#begun.set(leg, now);
  }

  /** The live legs are these: any other has ended, and one that has ended stays so. @returns them, with all their facts. */
  replace(legs: readonly WireFacts[], now: number): WireFacts[] {
    const lasting = new Set(legs.map(({ leg }) => leg));
    for (const leg of [...this.#live.keys()]) if (!lasting.has(leg)) this.#end(leg);
    for (const facts of legs) if (!this.#ended.has(facts.leg)) this.add(facts, now);
    return this.live;
  }

  /** A leg has another id. */
  rename(from: string, to: string, now: number): void {
    const known = this.#live.get(from);
    this.#end(from);
    this.#live.set(to, { ...known, leg: to });
    this.#begun.set(to, now);
  }

  #end(leg: string): void {
    this.#live.delete(leg);
    this.#begun.delete(leg);
    this.#ended.delete(leg);
    this.#ended.add(leg);
    const [oldest] = this.#ended;
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest);
  }
}
