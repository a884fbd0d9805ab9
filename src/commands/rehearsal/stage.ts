/** The real daemon between a peer that plays the switch and a small CRM, all on loopback: for replay, demo and their tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, startApp } from "../../app.ts";
import { driverOf, drivers, lineSchemas } from "../../../drivers/registry.ts";
import { type Config, parseConfig } from "../../config/schema.ts";
import type { Log } from "../../log/log.ts";
import type { Timers } from "../../platform/timers.ts";
import { type ReceivedEvent, sendCallout, SmallCrm } from "../../../simulator/crm/mod.ts";
import { omitUndefined } from "../../core/omit-undefined.ts";

/** A running daemon between two peers. */
export interface Rig {
  readonly app: App;
  readonly crm: SmallCrm;
  /** Sends a callout; resolves with the body of the answer. */
  callout(name: string, parameters?: Readonly<Record<string, string>>): Promise<string>;
  stop(): Promise<void>;
}

/** The drivers of switches that are played by a peer. */
export type SwitchDriver = "freeswitch" | "asterisk" | "sip";

/** Options of a rig. */
export interface RigOptions {
  /** The configuration; default the reference one with desk 1001. The rig replaces addresses, ports and the store. */
  readonly config?: Config;
  /** The port and password of the peer that plays the switch, and its driver (default freeswitch). */
  readonly switch: { readonly port: number; readonly password: string; readonly driver?: SwitchDriver };
  readonly log: Log;
  /** The driver's time; default the machine's. */
  readonly timers?: Timers;
  readonly onEvent?: (event: ReceivedEvent) => void;
}

/** Starts the daemon with its own store and registers an agent for every desk. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-"));
  const crm = await SmallCrm.open(options.onEvent);
  const { driver = "freeswitch", port, password } = options.switch;
  const given = options.config ?? referenceConfig(driver);
  // A configuration for another driver is used without its line.
  const base = given.line.driver === driver ? given : { ...given, line: referenceConfig(driver).line };
  const { prefix: _prefix, ...http } = base.http;
  const app = await startApp(
    {
      ...base,
      line: driverOf(base.line).simulated({ port, password }),
      http: { ...http, host: "127.0.0.1", port: 0 },
      store: { ...base.store, path: join(folder, "telesetd.db") },
    },
    options.log,
    omitUndefined({ timers: options.timers }),
  ).catch((error: unknown) => {
    crm.close();
    throw error;
  });
  const callout = (name: string, parameters: Readonly<Record<string, string>> = {}) =>
    sendCallout(app.port, "/", { FunctionName: name, ...parameters });
  for (const { extension } of base.desks) {
    await callout("Register", {
      telesetNumber: extension,
      agentID: `agent-${extension}`,
      ipAddress: "127.0.0.1",
      port: String(crm.port),
    });
  }
  const stop = async () => {
    await app.stop();
    crm.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { app, crm, callout, stop };
}

/** The configuration of the documentation: desk 1001, 9 for an outside line. */
export function referenceConfig(driver: SwitchDriver = "freeswitch"): Config {
  const text = JSON.stringify({
    desks: [{ extension: "1001" }],
    line: drivers.find(({ name }) => name === driver)?.reference,
    numbers: { toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }] },
  });
  return parseConfig(text, lineSchemas, {});
}
