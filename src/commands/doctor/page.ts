/** The hop of the page of the box: where it is, and whether its password crosses the network in the clear. */
import { type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import type { Config } from "../../config/schema.ts";
import { isLoopback } from "../../platform/address.ts";

/** @param urls the URLs of UWQ, at the addresses of the box; undefined if they are not known. */
export function checkPage({ http: { host, port } }: Pick<Config, "http">, urls: readonly string[] | undefined): Finding {
  const [first = ""] = urls ?? [];
  const place = /^http:\/\/[^/]+/.exec(first)?.[0] ?? `http://BOX:${port}`;
  if (isLoopback(host) || host === "localhost") return good(`The page is at http://${host}:${port}/ui/, for this box alone.`);
  return warning(
    `The page is at ${place}/ui/, without TLS: others in the network can read its password.`,
    "Fine in a network that you trust. Otherwise put a proxy with TLS in front, or set http.host to 127.0.0.1 and use ssh -L.",
  );
}
