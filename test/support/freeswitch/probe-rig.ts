/** Runs the probe against the simulated switch. */
import { afterEach } from "bun:test";
import { parse } from "valibot";
import { eventNames } from "../../../drivers/freeswitch/commands.ts";
import { freeswitchConfig } from "../../../drivers/freeswitch/config.ts";
import { freeswitch } from "../../../drivers/freeswitch/mod.ts";
import { Simulator, type SimulatorOptions } from "../../../simulator/freeswitch/mod.ts";
import type { Hop } from "../../../drivers/driver.ts";
import { openLog } from "../../../src/log/log.ts";
import { systemTimers } from "../../../src/platform/timers.ts";

export const sims: Simulator[] = [];
afterEach(() => {
  sims.splice(0).forEach((sim) => sim.stop());
});

export const acd = { queues: { "7000": "support@default" } };
export const lines: string[] = [];

export interface Case {
  readonly sim?: SimulatorOptions;
  readonly line?: Readonly<Record<string, unknown>>;
  readonly desks?: readonly string[];
  readonly directory?: boolean;
  /** The last hop that is read. */
  readonly upTo?: string;
  readonly before?: (sim: Simulator) => unknown;
}

export async function simulated(
  { sim: options = {}, line = {}, before, ...rest }: Case = {},
): Promise<{ hops: Hop[]; sim: Simulator }> {
  const sim = new Simulator(options);
  sims.push(sim);
  await sim.start();
  await before?.(sim);
  return { hops: await probed(sim.port, line, rest), sim };
}

export async function probed(
  port: number,
  line: object = {},
  { desks = ["1001"], directory = false, upTo }: Case = {},
): Promise<Hop[]> {
  const config = parse(freeswitchConfig, { driver: "freeswitch", port, password: "ClueCon", domain: "127.0.0.1", ...line });
  const log = openLog((text) => lines.push(text), "trace", false);
  const context = {
    desks: desks.map((extension) => ({ extension, aliases: [] })),
    variables: [],
    directory,
    log,
    timers: systemTimers,
  };
  const hops: Hop[] = [];
  for await (const hop of freeswitch.probe(config, context, new AbortController().signal)) {
    hops.push(hop);
    if (hop.name === upTo) break;
  }
  return hops;
}

export const brief = (hops: readonly Hop[]): string[] => hops.map(({ name, verdict }) => `${name}: ${verdict}`);
export const named = (hops: readonly Hop[], name: string): Hop | undefined => hops.find((hop) => hop.name === name);
export const narrow = (api: readonly string[], events: readonly string[] = eventNames): Case => ({
  sim: { logins: [{ user: "box@pbx", password: "s3cret", api, events }] },
  line: { user: "box@pbx", password: "s3cret" },
});
