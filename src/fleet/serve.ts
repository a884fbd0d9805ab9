/** Starts the fleet's part of a relay: reports, configurations, the page and the metrics. */
import type { Context } from "hono";
import { omitUndefined } from "../core/omit-undefined.ts";
import { openSite } from "../http/site.ts";
import type { Log } from "../log/log.ts";
import { expositionInTurns, type Family } from "../metrics/exposition.ts";
import { Sessions } from "../page/sessions.ts";
import { systemTimers, type Timers } from "../platform/timers.ts";
import type { Readiness } from "../status/readiness.ts";
import { Configs } from "./configs.ts";
import { fleetFamilies } from "./metrics.ts";
import { Office, type OfficeBroker } from "./office.ts";
import { createFleetPage } from "./page/page.tsx";

/** Where the relay serves the page and the metrics. */
export interface FleetListen {
  readonly host: string;
  readonly port: number;
  /** Absent: there is no page, only the monitors. */
  readonly page?: { readonly password: string; readonly allow: readonly string[] } | undefined;
  readonly hostNames: readonly string[];
  readonly monitorAllow: readonly string[];
}

/** What it needs. */
export interface FleetOptions {
  readonly broker: OfficeBroker;
  readonly prefix: string;
  /** The name of the relay. */
  readonly name: string;
  /** The extensions that are expected, if they are known. */
  readonly desks: readonly string[];
  /** The public key that signs pushed configurations. */
  readonly configKey?: string | undefined;
  /** The folder for pushed configurations. */
  readonly stateFolder: string;
  /** Absent: no page and no metrics. */
  readonly http?: FleetListen | undefined;
  /** Further metrics of the relay itself. */
  readonly families?: readonly Family[];
  /** For /readyz: what is wrong with the relay itself, a sentence each. */
  readonly troubles?: () => readonly string[];
  readonly log: Log;
  readonly timers?: Timers;
}

/** The fleet's part of a relay. */
export interface Fleet {
  readonly office: Office;
  /** The port of the page, if there is one. */
  readonly port?: number;
  stop(): Promise<void>;
}

/** Starts it. @throws Error with a sentence if it cannot listen. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { stateFolder, configKey, log, http, timers = systemTimers } = options;
  const office = new Office({ ...options, timers, configs: new Configs(stateFolder, configKey, log) });
  if (!http) return { office, stop: () => Promise.resolve(office.stop()) };
  const families = [...fleetFamilies(() => office.roster), ...options.families ?? []];
  const ready = (): Readiness => {
    const troubles = options.troubles?.() ?? [];
    const { desks, agents, waiting } = office.roster.summary();
    return { ready: troubles.length === 0, troubles, uwq: { desks, registered: agents }, waiting };
  };
  const shared = (from: (context: Context) => string) => ({ from, now: () => timers.now(), log, hostNames: http.hostNames });
  const site = await openSite({
    host: http.host,
    port: http.port,
    connections: 64,
    monitoring: { ready, metrics: (format) => expositionInTurns(families, format), monitorAllow: http.monitorAllow },
    hostNames: http.hostNames,
    now: () => timers.now(),
    log,
    ...omitUndefined({
      page: http.page && ((from: (context: Context) => string) =>
        createFleetPage({
          ...http.page as NonNullable<typeof http.page>,
          ...shared(from),
          office,
          relay: options.name,
          sessions: new Sessions(() => timers.now()),
          maxStreams: 16,
        })),
    }),
  });
  return {
    office,
    port: site.port,
    stop: async () => {
      office.stop();
      await site.stop();
    },
  };
}
