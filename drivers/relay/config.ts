/** The `line` part of the configuration of a box whose relay watches the switch. */
import * as v from "valibot";
import { positive, required, setting } from "../../src/config/setting.ts";
import { brokerSettings } from "../../src/config/broker.ts";

/** Settings of the driver. */
export const relayConfig = v.strictObject({
  driver: required("a relay (telesetd relay) near the switch, through a NATS server", v.literal("relay")),
  ...brokerSettings,
  agents: setting(
    "whether Login, Ready, NotReady and Logout go to the ACD of the switch (line.acd of the relay)",
    v.boolean(),
    false,
  ),
  connectSeconds: setting("deadline for connecting to a server, up to the login, in seconds", positive(60), 10),
  answerSeconds: setting("deadline for the relay's answer to a command, in seconds", positive(60), 5),
});

/** The checked settings with all defaults. */
export type RelayConfig = v.InferOutput<typeof relayConfig>;
