/** The registry of drivers. To add one: copy `blueprint.ts`, and put its entry here. */
import type { DriverContext, DriverEntry, Hop, ProbeContext } from "./driver.ts";
import type { Line } from "../src/core/line.ts";
import { freeswitch } from "./freeswitch/mod.ts";
import { sip } from "./sip/mod.ts";

export type { DriverContext, Hop, ProbeContext, Question, QuestionGroup } from "./driver.ts";

/** What of an entry works without settings. */
export type Driver = Pick<DriverEntry, "name" | "schema" | "reference" | "setup">;

const entries: readonly DriverEntry[] = [freeswitch, sip];

/** All drivers; the first is the default of `telesetd setup`. */
export const drivers: readonly [Driver, ...Driver[]] = [freeswitch, sip];

/** The schemas of the drivers' settings by driver name, for the configuration. */
export const lineSchemas: Readonly<Record<string, DriverEntry["schema"]>> = Object.fromEntries(
  entries.map(({ name, schema }) => [name, schema]),
);

/** The validated `line` part of the configuration; only the driver knows its other keys. Functions throw for an unknown driver. */
export interface Settings {
  readonly driver: string;
}

/** Opens the line that the configuration names. */
export function openLine(settings: Settings, context: DriverContext): Line {
  const { entry, config } = resolved(settings);
  return entry.open(config, context);
}

/** See `DriverEntry.hosts`. */
export function lineHosts(settings: Settings): readonly string[] | undefined {
  const { entry, config } = resolved(settings);
  return entry.hosts?.(config);
}

/** See `DriverEntry.drivesAgents`. */
export function drivesAgents(settings: Settings): boolean {
  const { entry, config } = resolved(settings);
  return entry.drivesAgents?.(config) ?? false;
}

/** See `DriverEntry.assumesRegistered`. */
export function assumesRegistered(settings: Settings): boolean {
  return resolved(settings).entry.assumesRegistered === true;
}

/** See `DriverEntry.probe`. */
export function probeLine(settings: Settings, context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop> {
  const { entry, config } = resolved(settings);
  return entry.probe(config, context, signal);
}

/** See `DriverEntry.simulated`. */
export function simulatedLine(
  settings: Settings,
  peer: { readonly port: number; readonly password: string },
): Settings & Record<string, unknown> {
  const { entry, config } = resolved(settings);
  if (!entry.simulated) throw new Error(`The driver ${settings.driver} has no simulated switch.`);
  return { driver: settings.driver, ...entry.simulated(config, peer) };
}

function resolved(settings: Settings): { readonly entry: DriverEntry; readonly config: Record<string, unknown> } {
  const entry = entries.find(({ name }) => name === settings.driver);
  if (entry) return { entry, config: entry.schema.parse(settings) };
  throw new Error(`There is no driver ${settings.driver}: expected one of ${entries.map(({ name }) => name).join(", ")}`);
}
