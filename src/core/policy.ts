/** The settings of a site that the core needs. */
import type { AcdPolicy } from "./agent/acd.ts";
import type { PopPolicy } from "./call.ts";
import type { DialPolicy } from "./dial/limits.ts";

/** The settings. Absent parts are not configured. */
export interface Policy extends PopPolicy {
  readonly acd?: AcdPolicy;
  readonly dial?: DialPolicy;
  /** Which of the events are sent that Oracle names but does not describe. */
  readonly events?: { readonly errors: boolean; readonly telephony: boolean };
}
