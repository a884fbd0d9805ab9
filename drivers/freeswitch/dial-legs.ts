/**
 * The legs of a dial while the handset is being rung: one for each registered contact of the extension. The switch
 * reports one cause for all of them, that of the first contact, which may be a stale one.
 */
import type { LegFacts } from "../../src/core/line.ts";

/** The causes that a person, or the phone itself, gave as an answer. */
const answers = ["USER_BUSY", "CALL_REJECTED"];

/** The causes that the switch gives when the time is up, whether the phone rang or did not respond at all. */
const timeouts = ["NO_ANSWER", "ALLOTTED_TIMEOUT"];

/** For each leg of one dial, whether its phone rang, and the cause of its end. */
export class DialLegs {
  readonly #legs = new Map<string, { readonly rang: boolean; readonly cause: string | undefined }>();

  /** Whether no leg has been seen that carries the dial's mark. */
  get areUnseen(): boolean {
    return this.#legs.size === 0;
  }

  has(leg: string): boolean {
    return this.#legs.has(leg);
  }

  /** Notes the facts of one of these legs; its first end counts. */
  note({ leg, rings, ended }: LegFacts): void {
    const before = this.#legs.get(leg);
    this.#legs.set(leg, { rang: rings === true || before?.rang === true, cause: before?.cause ?? ended?.cause });
  }

  /**
   * The cause that best explains why no phone was answered: that of a phone that rang, and an answer rather than a timeout.
   * @param reported what the switch gives as the cause of the whole dial.
   */
  cause(reported: string): string {
    const legs = [...this.#legs.values()];
    const rang = legs.filter((leg) => leg.rang);
    const causes = (rang.length > 0 ? rang : legs).flatMap(({ cause }) => cause ?? []);
    const answer = causes.find((cause) => answers.includes(cause));
    if (answer !== undefined) return answer;
    if (rang.length > 0) return causes.find((cause) => timeouts.includes(cause)) ?? causes[0] ?? reported;
    // The time was up, and no phone had even reported that it rings.
    return legs.length > 0 && timeouts.includes(reported) ? "RECOVERY_ON_TIMER_EXPIRE" : reported;
  }
}

/** Whether this is an answered leg of our dial: from then on the number is called. */
export function isAnsweredDial({ call, answered }: LegFacts): boolean {
  return call !== undefined && answered === true;
}
