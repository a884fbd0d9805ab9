/**
 * Access checks of the page before anything else, and the headers of all its answers. The page is for browsers, so it defends
 * itself against what other web pages make browsers do: DNS rebinding, forged requests, framing, injected code.
 */
import type { Context, MiddlewareHandler } from "hono";
import { isForThisBox } from "../cctsdk/guard.ts";
import type { Log } from "../log/log.ts";
import { authorityOf, normaliseAddress, parseRanges } from "../platform/address.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";

/** The path of the page. */
export const root = "/ui/";

/** Who may open the page. */
export interface GuardOptions {
  /** Addresses and ranges that may open the page. */
  readonly allow: readonly string[];
  /** Host names of the box, besides its addresses and `localhost`. */
  readonly hostNames: readonly string[];
  readonly from: (context: Context) => string;
  /** Steady ms. */
  readonly now: () => number;
  readonly log: Log;
  /** Counts a refused request by its status. */
  readonly refused?: (status: 403 | 405 | 429) => void;
}

/** How often one address may ask: more than ten open pages do. */
const maxRate: Rate = { perSecond: 40, burst: 400 };

/** How often per hour the refusal of one address is logged. */
const maxRepeats = 5;

/** The source address of a request. */
export function sourceOf(context: Context, { from }: Pick<GuardOptions, "from">): string {
  const sent = from(context);
  return normaliseAddress(sent) ?? sent;
}

/** Refuses what no browser on the page itself sends, and adds the security headers. @throws Error for an invalid range. */
export function pageGuard(options: GuardOptions): MiddlewareHandler {
  const allowed = parseRanges(options.allow);
  const granted = rateLimit(maxRate);
  const check = (context: Context, source: string): readonly [403 | 405 | 429, string] | undefined => {
    if (!allowed(source)) return [403, `Requests from ${source} may not open the page: list the address in http.page.allow.`];
    const foreign = foreignSign(context, options.hostNames);
    if (foreign !== undefined) return [403, foreign];
    const { method } = context.req;
    if (method !== "GET" && method !== "HEAD" && method !== "POST") return [405, `Method ${method} is not supported here.`];
    if (!granted(source, options.now())) return [429, `Too many requests from ${source}: try again in a few seconds.`];
    return undefined;
  };
  return async (context, next) => {
    const source = sourceOf(context, options);
    const refusal = check(context, source);
    if (refusal) {
      const [status, why] = refusal;
      options.refused?.(status);
      options.log.rarely(`page refused ${source}`, maxRepeats).warning("Request refused", {
        from: source,
        path: root,
        status,
        why,
      });
      context.res = context.text(`${why}\n`, status);
    } else await next();
    for (const [name, value] of headersFor(context.req.header("host") ?? "")) context.res.headers.set(name, value);
    return undefined;
  };
}

/** Why a request does not come from the page itself or from a person who opens it; undefined if it does. */
function foreignSign({ req }: Context, hostNames: readonly string[]): string | undefined {
  const header = (name: string): string | undefined => req.header(name);
  const host = header("host");
  if (host === undefined || !isForThisBox({ header, authority: authorityOf(req.url) }, hostNames)) {
    return "The Host of the request is not this box: use its IP address, or list the name in http.hostNames.";
  }
  const origin = header("origin");
  // A proxy that adds TLS changes the scheme, not the host.
  const own = origin === `http://${host}` || origin === `https://${host}`;
  if (!own && (origin !== undefined || req.method === "POST")) {
    return "The request comes from another web site (its Origin is not this box).";
  }
  const site = header("sec-fetch-site") ?? "none";
  const opens = req.method !== "POST" && header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document";
  if (site === "none" || site === "same-origin" || opens) return undefined;
  return "The request comes from another web site (Sec-Fetch-Site).";
}

/**
 * No code or style inside the page, nothing from another host, no frames, no copy in a cache. The sources contain the path, so
 * that not even injected markup could send a callout to `/`; a Referer, which the callouts refuse, goes only to this box.
 */
function headersFor(host: string): [string, string][] {
  // An IPv6 address cannot be a source (CSP level 3, section 2.3.1).
  const own = /^[\w.-]+(:\d+)?$/.test(host) ? `${host}${root}` : "'self'";
  const policy = [
    "default-src 'none'",
    `script-src ${own}`,
    `style-src ${own}`,
    `img-src ${own}`,
    `connect-src ${own}`,
    `form-action ${own}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return [
    ["Content-Security-Policy", policy.join("; ")],
    ["X-Frame-Options", "DENY"],
    ["X-Content-Type-Options", "nosniff"],
    ["Referrer-Policy", "same-origin"],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    ["Permissions-Policy", "camera=(), microphone=(), geolocation=()"],
  ];
}
