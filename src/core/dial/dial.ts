/** A dial: a number that the CRM asked for. It is a part of its call (`Call.dial`) until it is known what it reached. */
import type { Reply } from "../crm.ts";
import type { Failure } from "../line.ts";

/** A dial whose far end has not answered yet. Times in ms. */
export interface Dial {
  readonly dialString: string;
  /** The number that is dialled, after the rules. */
  readonly number: string;
  readonly agent: string;
  /** The address that the callout came from. */
  readonly from: string;
  readonly since: number;
  /** The callouts that wait for the first fact. */
  readonly waiting: readonly string[];
  /** The answer that was given; a repeated callout gets it again. */
  readonly answer?: Reply;
  /** The switch has reported what became of the command. */
  readonly settled: boolean;
  /** The handset was answered. */
  readonly lifted: boolean;
  /** Why the outcome may never be known: the link was cut, or telesetd was restarted, before the switch reported it. */
  readonly unsure?: string;
  /** How and when its last leg ended, before the switch reported the outcome: another phone may still be about to ring. */
  readonly lastEnd?: { readonly failure: Failure; readonly at: number };
  /** A snapshot has listed no leg of it, so soon after the dial that the switch's list may lag. */
  readonly missed?: boolean;
}

/** The last number that the CRM asked for and what became of it, for `status`. */
export interface DialOutcome {
  readonly dialString: string;
  readonly number: string;
  readonly at: number;
  readonly outcome: string;
}

/** How often a desk has dialled. Times in ms. */
export interface DialCount {
  /** When the day began that is being counted. */
  readonly day: number;
  readonly inDay: number;
  /** The dials of the last minute. */
  readonly minute: readonly number[];
}
