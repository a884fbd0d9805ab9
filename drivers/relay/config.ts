/** The `line` part of the configuration of a box whose relay watches the switch. */
import * as v from "valibot";
import { matching, optional, positive, required, setting, words } from "../../src/config/setting.ts";
import { readServer } from "../../src/broker/broker.ts";
import { prefixPattern, usualPrefix } from "../../src/broker/subjects.ts";

const server = v.pipe(
  v.string(),
  v.check((url) => readServer(url) !== undefined, "expected a server such as tls://10.1.0.5:4222"),
);

/** Settings of the driver. */
export const relayConfig = v.strictObject({
  driver: required("a relay (telesetd relay) near the switch, through a NATS server", v.literal("relay")),
  servers: required(
    "the NATS servers: tls://HOST:PORT, or nats://HOST:PORT without encryption",
    words(v.pipe(v.array(server), v.nonEmpty())),
  ),
  ca: optional(
    "the certificate, as PEM text or the path of a file, that must have signed that of the server; absent: the authorities of the system",
    v.pipe(v.string(), v.nonEmpty()),
    { secret: true },
  ),
  credentials: optional(
    "the credentials of the desk: the text of a .creds file or its path, a seed, or user:password",
    v.pipe(v.string(), v.nonEmpty()),
    { secret: true },
  ),
  prefix: setting(
    "the first part of all subjects, one for each PBX",
    matching(prefixPattern, "expected letters, digits and - _ . such as tele"),
    usualPrefix,
  ),
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
