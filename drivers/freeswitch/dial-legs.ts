/**
 * The legs of our dials while the handset is being rung: one for each registered contact of the extension. The switch
 * reports one cause for all of them, that of the first contact, which may be a stale one.
 */
import type { LegFacts } from "../../src/core/line.ts";
import { present } from "../../src/core/present.ts";

interface DialLeg {
  readonly rang: boolean;
  readonly cause?: string;
}

/** The causes that a person, or the phone itself, gave as an answer. */
const answers = ["USER_BUSY", "CALL_REJECTED"];

/** The causes that the switch gives when the time is up, whether the phone rang or did not respond at all. */
const timeouts = ["NO_ANSWER", "ALLOTTED_TIMEOUT"];

/** The dials of one connection whose outcome is still to come. */
export class DialLegs {
  readonly #dials = new Map<string, Map<string, DialLeg>>();

  open(call: string): void {
    this.#dials.set(call, new Map());
  }

  close(call: string): void {
    this.#dials.delete(call);
  }

  /** Whether a leg that carries the dial's mark has been seen. */
  hasLeg(call: string): boolean {
    return (this.#dials.get(call)?.size ?? 0) > 0;
  }

  /** Takes the facts of a leg, if it belongs to one of these dials. */
  note({ call, leg, rings, ended }: LegFacts): void {
    const legs = this.#dials.get(call ?? "") ?? [...this.#dials.values()].find((legs) => legs.has(leg));
    if (!legs) return;
    const before = legs.get(leg);
    const cause = before?.cause ?? ended?.cause;
    legs.set(leg, { rang: rings === true || before?.rang === true, ...present({ cause }) });
  }

  /**
   * The cause that best explains why no phone was answered: that of a phone that rang, and an answer rather than a timeout.
   * @param reported what the switch gives as the cause of the whole dial.
   */
  cause(call: string, reported: string): string {
    const legs = [...this.#dials.get(call)?.values() ?? []];
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
