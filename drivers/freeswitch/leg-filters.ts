/**
 * Filters that pass all events of the desks' live legs, even if their presence ids change: a dialplan may set another, and a
 * `[presence_id=...]` of follow-me before `user/...` takes effect only when the phone answers.
 */
import type { LegFacts } from "../../src/core/line.ts";
import { isLegId } from "./snapshot.ts";
import type { Translated } from "./translate.ts";
import type { Link } from "./wire/link.ts";

/** The filters of one connection. */
export class LegFilters {
  /** The live legs, each with its desk. */
  readonly #legs = new Map<string, string>();
  readonly #link: Pick<Link, "send">;

  constructor(link: Pick<Link, "send">) {
    this.#link = link;
  }

  /** Follows a leg from its first event to its end. */
  note(event: Translated): void {
    if (event.type === "leg-renamed") {
      this.#remove(event.from);
      this.#add(event.to, event.desk);
    } else if (event.type === "leg") {
      if (event.facts.ended) this.#remove(event.facts.leg);
      else this.#add(event.facts.leg, event.facts.desk);
    }
  }

  /** The desk of a live leg. */
  deskOf(leg: string): string | undefined {
    return this.#legs.get(leg);
  }

  /** Follows the legs that live, and no others. */
  keep(alive: readonly Pick<LegFacts, "leg" | "desk">[]): void {
    const ids = new Map(alive.map(({ leg, desk }) => [leg, desk]));
    for (const leg of this.#legs.keys()) if (!ids.has(leg)) this.#remove(leg);
    for (const [leg, desk] of ids) this.#add(leg, desk);
  }

  #add(leg: string, desk: string): void {
    if (this.#legs.has(leg) || !isLegId(leg)) return;
    this.#legs.set(leg, desk);
    this.#link.send(`filter Unique-ID ${leg}`);
  }

  #remove(leg: string): void {
    if (this.#legs.delete(leg)) this.#link.send(`filter delete Unique-ID ${leg}`);
  }
}
