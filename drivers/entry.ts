/** What a driver is to the rest: a name, the schema of its part of the configuration, and a way to open it. */
import type * as z from "zod";
import type { Line } from "../src/core/line.ts";
import type { Log } from "../src/log.ts";

/** What a driver is given beside its own settings. */
export interface DriverContext {
  readonly desks: readonly { readonly extension: string; readonly aliases: readonly string[] }[];
  /** The channel variables whose values the CRM is told of. */
  readonly variables: readonly string[];
  readonly log: Log;
}

/** An entry of the registry in `mod.ts`. The schema checks the settings without opening anything. */
export interface DriverEntry<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly schema: S;
  open(config: z.infer<S>, context: DriverContext): Line;
}
