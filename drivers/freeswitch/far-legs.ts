/**
 * The far legs of our dials. If bridged with early media, the phone's leg never shows that the far end has answered, so the far
 * leg is watched from the answer of the handset until it has answered or the phone's leg has ended.
 */
import type { LegFacts } from "../../src/core/line.ts";
import { isAnsweredDial } from "./dial-legs.ts";
import { hasAnswered, isLegId } from "./snapshot.ts";
import type { Link } from "./wire/link.ts";

/** What watching far legs needs from the session. */
export interface FarLegsOptions {
  readonly link: Link;
  /**
   * The phones' legs that are watched, each with its desk: the translator reads it, and counts the far leg's answer as theirs.
   */
  readonly watched: Map<string, string>;
  /** Receives new facts about a leg. */
  readonly onLearned: (facts: LegFacts) => void;
}

/** The far legs of one connection. */
export class FarLegs {
  readonly #options: FarLegsOptions;
  /** The answered legs of our dials, each with the far leg that was last queried, or "". */
  readonly #answered = new Map<string, string>();

  constructor(options: FarLegsOptions) {
    this.#options = options;
  }

  /** Handles the facts of a leg from an event. */
  note(facts: LegFacts): void {
    const { leg, farLeg, farAnswered, ended } = facts;
    if (farAnswered || ended) this.#unwatch(leg);
    else if (isAnsweredDial(facts)) this.watch(facts);
    if (ended) this.#answered.delete(leg);
    if (farLeg === undefined || !this.#options.watched.has(leg) || this.#answered.get(leg) === farLeg) return;
    this.#answered.set(leg, farLeg);
    this.#readFarLeg(facts.desk, leg, farLeg).catch(() => {});
  }

  /** Watches the far leg of an answered leg. */
  watch({ leg, desk }: Pick<LegFacts, "leg" | "desk">): void {
    if (this.#answered.has(leg) || !isLegId(leg)) return;
    this.#answered.set(leg, "");
    this.#options.watched.set(leg, desk);
    this.#options.link.send(`filter variable_originating_leg_uuid ${leg}`);
  }

  /** A leg of a snapshot, with the far end's answer: only the far leg shows it, our leg's copy is as old as the bridge. */
  async seen(facts: LegFacts): Promise<LegFacts> {
    const { leg, farLeg, answered, farAnswered } = facts;
    if (!answered || farAnswered) return facts;
    if (isAnsweredDial(facts)) this.watch(facts);
    if (farLeg === undefined) return facts;
    if (this.#answered.has(leg)) this.#answered.set(leg, farLeg);
    return await hasAnswered(this.#options.link, farLeg) ? { ...facts, farCalled: true, farAnswered: true } : facts;
  }

  /** The far leg may have answered before the filter for its events was set. */
  async #readFarLeg(desk: string, leg: string, farLeg: string): Promise<void> {
    const { link, watched, onLearned } = this.#options;
    if (!await hasAnswered(link, farLeg) || !watched.has(leg)) return;
    onLearned({ desk, leg, farCalled: true, farAnswered: true });
  }

  #unwatch(leg: string): void {
    if (!this.#options.watched.delete(leg)) return;
    this.#options.link.send(`filter delete variable_originating_leg_uuid ${leg}`);
  }
}
