/** What is known about the driver without loading it. */
import type { DriverEntry } from "../driver.ts";
import { asteriskConfig } from "./config.ts";
import { setup } from "./setup.ts";

/** The registry's entry. */
export const asterisk: DriverEntry<typeof asteriskConfig> = {
  name: "asterisk",
  schema: asteriskConfig,
  reference: { driver: "asterisk", host: "127.0.0.1", port: 8088, user: "telesetd", password: "change-me" },
  setup,
  hosts: ({ host }) => [host],
  drivesAgents: ({ acd }) => acd !== "none",
  simulated: ({ ca: _, ...config }, peer) => ({
    ...config,
    host: "127.0.0.1",
    tls: false,
    application: "telesetd-replay",
    ...peer,
  }),
  load: async () => (await import("./mod.ts")).asterisk,
};
