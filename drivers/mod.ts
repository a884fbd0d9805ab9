/** The registry of drivers. To add one: copy `blueprint.ts`, and put its entry here. */
import type { DriverContext, DriverEntry } from "./entry.ts";
import type { Line } from "../src/core/line.ts";
import { freeswitch } from "./freeswitch/mod.ts";

export type { DriverContext } from "./entry.ts";

const entries = [freeswitch] as const;

/** The schemas of the drivers' settings by driver name, for the configuration. */
export const lineSchemas: Readonly<Record<string, DriverEntry["schema"]>> = Object.fromEntries(
  entries.map(({ name, schema }) => [name, schema]),
);

/**
 * Opens the line that the configuration names.
 * @param settings the checked `line` part of the configuration.
 * @throws Error if there is no such driver.
 */
export function openLine(settings: { readonly driver: string }, context: DriverContext): Line {
  const entry = entries.find(({ name }) => name === settings.driver);
  if (!entry) throw new Error(`There is no driver ${settings.driver}: want one of ${entries.map(({ name }) => name).join(", ")}`);
  return entry.open(entry.schema.parse(settings), context);
}
