/** What a site has decided, all of it that the core needs. */
import type { AcdPolicy } from "./agent/acd.ts";
import type { PopPolicy } from "./call.ts";
import type { DialPolicy } from "./dial/limits.ts";

/** The site's decisions. What is absent is as if it were not configured. */
export interface Policy extends PopPolicy {
  readonly acd?: AcdPolicy;
  readonly dial?: DialPolicy;
  /** Which of the events that Oracle names without describing are sent. */
  readonly events?: { readonly errors: boolean; readonly telephony: boolean };
}
