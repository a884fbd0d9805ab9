/** What is known about the driver without loading it. */
import type { DriverEntry } from "../driver.ts";
import { freeswitchConfig } from "./config.ts";
import { setup } from "./setup.ts";

/** The registry's entry. */
export const freeswitch: DriverEntry<typeof freeswitchConfig> = {
  name: "freeswitch",
  schema: freeswitchConfig,
  reference: { driver: "freeswitch", host: "127.0.0.1", port: 8021, password: "ClueCon", domain: "127.0.0.1" },
  setup,
  hosts: ({ host }) => [host],
  drivesAgents: ({ acd }) => acd !== "none",
  namesAgents: ({ acd, acdAgent }) => acd !== "none" && acdAgent.includes("{agent}"),
  simulated: ({ user: _, ...config }, peer) => ({ ...config, host: "127.0.0.1", ...peer }),
  load: async () => (await import("./mod.ts")).freeswitch,
};
