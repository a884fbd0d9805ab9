/** What is known about the driver without loading it. */
import { readServer } from "../../src/broker/broker.ts";
import type { DriverEntry } from "../driver.ts";
import { relayConfig } from "./config.ts";
import { setup } from "./setup.ts";

/** The registry's entry. */
export const relay: DriverEntry<typeof relayConfig> = {
  name: "relay",
  schema: relayConfig,
  reference: { driver: "relay", servers: ["tls://10.1.0.5:4222"], credentials: "1001:change-me" },
  setup,
  hosts: ({ servers }) => servers.flatMap((url) => readServer(url)?.host ?? []),
  drivesAgents: ({ agents }) => agents,
  load: async () => (await import("./mod.ts")).relay,
};
