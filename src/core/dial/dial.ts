/** A dial: a number that the CRM has requested. It is a part of its call (`Call.dial`) until its outcome is known. */
import type { Reply } from "../crm.ts";
import type { Failure } from "../line.ts";

/** A dial in progress. Times in ms. */
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
  /** The answer to the callouts; a repeated callout gets it again. */
  readonly answer?: Reply;
  /** The switch has reported the result of the command. */
  readonly settled: boolean;
  /** The handset was answered. */
  readonly lifted: boolean;
  /** Why the outcome may never be known: the link was cut, or telesetd was restarted, before the switch reported it. */
  readonly unsure?: string;
  /** How and when its last leg ended, before the switch reported the outcome: another phone may still ring. */
  readonly lastEnd?: { readonly failure: Failure; readonly at: number };
  /** A snapshot soon after the dial listed none of its legs: the list of the switch may lag. */
  readonly missed?: boolean;
}

/** The last number that the CRM requested, and its outcome, for `status`. */
export interface DialOutcome {
  readonly dialString: string;
  readonly number: string;
  readonly at: number;
  readonly outcome: string;
}

/** The number of dials of a desk. Times in ms. */
export interface DialCount {
  /** The start of the day that is being counted. */
  readonly day: number;
  readonly inDay: number;
  /** The times of the dials of the last minute. */
  readonly minute: readonly number[];
}
