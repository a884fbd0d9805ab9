/** Detection of requests from web pages. */
import type { Context } from "hono";
import { isForThisBox } from "../cctsdk/guard.ts";
import { authorityOf } from "../platform/address.ts";

/** Whether a web page sent the request, or it names another host (a web page can make its own name point at this box). */
export function isForeign({ req }: Context, hostNames: readonly string[]): boolean {
  const header = (name: string): string | undefined => req.header(name);
  const site = header("sec-fetch-site");
  return header("origin") !== undefined || header("referer") !== undefined || (site !== undefined && site !== "none") ||
    !isForThisBox({ header, authority: authorityOf(req.url) }, hostNames);
}
