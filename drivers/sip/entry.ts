/** What is known about the driver without loading it. */
import type { DriverEntry } from "../driver.ts";
import { sipConfig } from "./config.ts";
import { setup } from "./setup.ts";

/** The registry's entry. */
export const sip: DriverEntry<typeof sipConfig> = {
  name: "sip",
  schema: sipConfig,
  reference: {
    driver: "sip",
    host: "127.0.0.1",
    port: 9022,
    drachtioSecret: "cymru",
    user: "1009",
    password: "secret",
    domain: "127.0.0.1",
  },
  setup,
  // drachtio-server handles the SIP itself.
  hosts: ({ host }) => [host],
  assumesRegistered: true,
  simulated: ({ proxy: _, ...config }, { port, password }) => ({ ...config, host: "127.0.0.1", port, drachtioSecret: password }),
  load: async () => (await import("./mod.ts")).sip,
};
