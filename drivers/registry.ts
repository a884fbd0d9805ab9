/** The registry of drivers. To add one: copy `blueprint.ts`, and put its entry here. */
import { parse } from "valibot";
import type { DriverContext, DriverEntry, Hop, ProbeContext } from "./driver.ts";
import type { Line } from "../src/core/line.ts";
import { asterisk } from "./asterisk/entry.ts";
import { freeswitch } from "./freeswitch/entry.ts";
import { relay } from "./relay/entry.ts";
import { sip } from "./sip/entry.ts";

export type { DriverContext, Hop, ProbeContext, Question, QuestionGroup, Suspect } from "./driver.ts";

/** The parts of an entry that work without settings. */
export type Driver = Pick<DriverEntry, "name" | "schema" | "reference" | "setup">;

const entries: readonly DriverEntry[] = [freeswitch, asterisk, sip, relay];

/** All drivers; the first is the default of `telesetd setup`. */
export const drivers: readonly [Driver, ...Driver[]] = [freeswitch, asterisk, sip, relay];

/** The schemas of the drivers' settings by driver name, for the configuration. */
export const lineSchemas: Readonly<Record<string, DriverEntry["schema"]>> = Object.fromEntries(
  entries.map(({ name, schema }) => [name, schema]),
);

/** The validated `line` part of the configuration; only the driver knows its other keys. */
export interface Settings {
  readonly driver: string;
}

/** A driver with its settings: see `DriverEntry`. */
export interface ConfiguredDriver {
  /** Undefined: it may connect to any. */
  readonly hosts: readonly string[] | undefined;
  readonly drivesAgents: boolean;
  readonly namesAgents: boolean;
  readonly assumesRegistered: boolean;
  open(context: DriverContext): Promise<Line>;
  probe(context: ProbeContext, signal: AbortSignal): AsyncIterable<Hop>;
  simulated(peer: { readonly port: number; readonly password: string }): Settings & Record<string, unknown>;
}

/** The driver that the configuration names. @throws Error for an unknown one. */
export function driverOf(settings: Settings): ConfiguredDriver {
  const entry = entries.find(({ name }) => name === settings.driver);
  if (!entry) {
    throw new Error(`There is no driver ${settings.driver}: expected one of ${entries.map(({ name }) => name).join(", ")}`);
  }
  const config = parse(entry.schema, settings);
  return {
    hosts: entry.hosts?.(config),
    drivesAgents: entry.drivesAgents?.(config) ?? false,
    namesAgents: entry.namesAgents?.(config) ?? false,
    assumesRegistered: entry.assumesRegistered === true,
    open: async (context) => (await entry.load()).open(config, context),
    async *probe(context, signal) {
      yield* (await entry.load()).probe(config, context, signal);
    },
    simulated: (peer) => {
      if (!entry.simulated) throw new Error(`The driver ${entry.name} has no simulated switch.`);
      return { driver: entry.name, ...entry.simulated(config, peer) };
    },
  };
}
