/** Where ARI is, and under which name we ask for events. */
import { hostname } from "node:os";
import { textOrFile } from "../../src/broker/credentials.ts";
import type { AsteriskConfig } from "./config.ts";
import type { AriAddress } from "./wire/rest.ts";

/** The address in the settings. @throws Error for people if the file of the certificate cannot be read. */
export function addressOf({ host, port, prefix, tls, ca, user, password }: AsteriskConfig): AriAddress {
  return { host, port, prefix, tls, ca: textOrFile(ca, "line.ca"), user, password };
}

/** The name of the application; not all characters of a hostname are valid in it. */
export function applicationOf({ application }: AsteriskConfig): string {
  return application ?? `telesetd-${hostname().replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, 60)}`;
}
