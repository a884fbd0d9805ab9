/** What a driver is to the rest: a name, the schema of its part of the configuration, and a way to open it. */
import type * as z from "zod";
import type { Line } from "../src/core/line.ts";
import type { Log } from "../src/log/log.ts";
import type { Timers } from "../src/platform/timers.ts";

/** What a driver is given beside its own settings. */
export interface DriverContext {
  readonly desks: readonly { readonly extension: string; readonly aliases: readonly string[] }[];
  /** The channel variables whose values the CRM is told of. */
  readonly variables: readonly string[];
  readonly log: Log;
  /** The only clock, and the only chance, that a driver uses. */
  readonly timers: Timers;
}

/** What a driver is given to try the way to its phones. */
export interface ProbeContext extends DriverContext {
  /** Whether agents' passwords are compared with the switch's own users (`agent.verify`). */
  readonly directory: boolean;
}

/** One hop on the way to the phone, tried for `telesetd doctor` and `telesetd setup`. */
export interface Hop {
  /** What was tried, in two or three words: `switch login`. */
  readonly name: string;
  /** `skipped`: could not be tried because an earlier hop failed, or does not apply. */
  readonly verdict: "good" | "warning" | "failed" | "skipped";
  /** How long it took, in ms. */
  readonly ms: number;
  /** What was found, with the value, in a sentence for the administrator. */
  readonly message: string;
  /** What to do about it; present when the verdict is not good. */
  readonly advice?: string;
  /** What else is worth reading, a line each. */
  readonly details?: readonly string[];
}

/** An entry of the registry in `mod.ts`. The schema checks the settings without opening anything. */
export interface DriverEntry<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly schema: S;
  open(config: z.infer<S>, context: DriverContext): Line;
  /**
   * The addresses and names of all that it connects to, for the service's address rules; a driver that leaves it out may
   * speak with anybody.
   */
  hosts?(config: z.infer<S>): readonly string[];
  /** The switch does not tell this driver which phones are registered: one that is watched counts as registered. */
  readonly assumesRegistered?: true;
  /**
   * Tries each hop from the box to the phones of these desks, on connections of its own: it changes nothing at the switch and works
   * beside a running daemon. Never throws for expected trouble; what cannot be tried is `skipped`.
   */
  probe(config: z.infer<S>, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop>;
  /** The domains that the switch says it serves, the likeliest first; none when it does not tell. For `telesetd setup`; never throws. */
  domains?(config: z.infer<S>, context: DriverContext, signal: AbortSignal): Promise<readonly string[]>;
}
