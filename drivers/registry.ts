/** The registry of drivers. To add one: copy `blueprint.ts`, and put its entry here. */
import type { DriverContext, DriverEntry, Hop, ProbeContext } from "./driver.ts";
import type { Line } from "../src/core/line.ts";
import { freeswitch } from "./freeswitch/mod.ts";
import { sip } from "./sip/mod.ts";

export type { DriverContext, Hop, ProbeContext } from "./driver.ts";

const entries: readonly DriverEntry[] = [freeswitch, sip];

/** The schemas of the drivers' settings by driver name, for the configuration. */
export const lineSchemas: Readonly<Record<string, DriverEntry["schema"]>> = Object.fromEntries(
  entries.map(({ name, schema }) => [name, schema]),
);

/** The part of the configuration that names a driver. */
interface Settings {
  readonly driver: string;
}

/**
 * Opens the line that the configuration names.
 * @param settings the checked `line` part of the configuration.
 * @throws Error if there is no such driver.
 */
export function openLine(settings: Settings, context: DriverContext): Line {
  const entry = entryOf(settings);
  return entry.open(entry.schema.parse(settings), context);
}

/** The addresses and names of all that the line connects to; nothing when the driver does not tell. @throws Error if there is none. */
export function lineHosts(settings: Settings): readonly string[] | undefined {
  const entry = entryOf(settings);
  return entry.hosts?.(entry.schema.parse(settings));
}

/** Whether a phone only counts as registered, because the driver cannot know. @throws Error if there is no such driver. */
export function assumesRegistered(settings: Settings): boolean {
  return entryOf(settings).assumesRegistered === true;
}

/** Tries each hop to the phones, one after the other. @throws Error if there is no such driver. */
export function probeLine(settings: Settings, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  const entry = entryOf(settings);
  return entry.probe(entry.schema.parse(settings), context, signal);
}

/** The domains that the switch says it serves; none when it does not tell. @throws Error if there is no such driver. */
export async function domainsOf(settings: Settings, context: DriverContext, signal: AbortSignal): Promise<readonly string[]> {
  const entry = entryOf(settings);
  return await entry.domains?.(entry.schema.parse(settings), context, signal) ?? [];
}

function entryOf({ driver }: Settings): DriverEntry {
  const entry = entries.find(({ name }) => name === driver);
  if (!entry) throw new Error(`There is no driver ${driver}: expected one of ${entries.map(({ name }) => name).join(", ")}`);
  return entry;
}
