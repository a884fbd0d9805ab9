/** Settings of the connection to NATS: those of a box behind a relay, and of the relay. */
import * as v from "valibot";
import { readServer } from "../broker/broker.ts";
import { prefixPattern, usualPrefix } from "../broker/subjects.ts";
import { matching, optional, required, setting, words } from "./setting.ts";

const server = v.pipe(
  v.string(),
  v.check((url) => readServer(url) !== undefined, "expected a server such as tls://10.1.0.5:4222"),
);

/** Keys of a section. */
export const brokerSettings = {
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
    "the credentials for the server: the text of a .creds file or its path, a seed, or user:password",
    v.pipe(v.string(), v.nonEmpty()),
    { secret: true },
  ),
  prefix: setting(
    "the first part of all subjects, one for each PBX",
    matching(prefixPattern, "expected letters, digits and - _ . such as tele"),
    usualPrefix,
  ),
};
