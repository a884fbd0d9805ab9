/** The `line` part of the configuration of a box whose relay watches the switch. */
import * as z from "zod";
import { readServer } from "../../src/broker/broker.ts";
import { prefixPattern, usualPrefix } from "../../src/broker/subjects.ts";

const server = z.string().refine((url) => readServer(url) !== undefined, "expected a server such as tls://10.1.0.5:4222");

/** Settings of the driver. */
export const relayConfig = z.strictObject({
  driver: z.literal("relay").meta({ description: "a relay (telesetd relay) near the switch, through a NATS server" }),
  servers: z.preprocess(
    (value) => typeof value === "string" ? value.split(/[\s,]+/).filter((part) => part !== "") : value,
    z.array(server).min(1),
  ).meta({ description: "the NATS servers: tls://HOST:PORT, or nats://HOST:PORT without encryption" }),
  ca: z.string().min(1).optional().meta({
    description:
      "the certificate, as PEM text or the path of a file, that must have signed that of the server; absent: the authorities of the system",
    secret: true,
  }),
  credentials: z.string().min(1).optional().meta({
    description: "the credentials of the desk: the text of a .creds file or its path, a seed, or user:password",
    secret: true,
  }),
  prefix: z.string().regex(prefixPattern, "expected letters, digits and - _ . such as tele").default(usualPrefix).meta({
    description: "the first part of all subjects, one for each PBX",
  }),
  agents: z.boolean().default(false).meta({
    description: "whether Login, Ready, NotReady and Logout go to the ACD of the switch (line.acd of the relay)",
  }),
  connectSeconds: z.number().positive().max(60).default(10).meta({
    description: "deadline for connecting to a server, up to the login, in seconds",
  }),
  answerSeconds: z.number().positive().max(60).default(5).meta({
    description: "deadline for the relay's answer to a command, in seconds",
  }),
});

/** The checked settings with all defaults. */
export type RelayConfig = z.infer<typeof relayConfig>;
