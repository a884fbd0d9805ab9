/**
 * Access checks before a request counts as a callout. A callout is a plain GET that can make a phone dial, and any web page
 * open on the LAN could send one: the source address, the Host and the signs of a browser are checked first. Pure.
 */
import { hostAllowed, parseRanges } from "../platform/address.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import { remembered } from "../platform/remembered.ts";

/** Who may send callouts, to which path, and how often. */
export interface GuardOptions extends Rate {
  /** The secret path of the callouts, such as `/k3y`; absent: `/`. */
  readonly prefix?: string | undefined;
  /** Addresses and ranges that may send callouts. */
  readonly allow: readonly string[];
  /** Host names of the box, besides its addresses and `localhost`. */
  readonly hostNames: readonly string[];
  /** Whether requests from browsers are accepted. */
  readonly allowBrowsers: boolean;
}

/** A request before decoding. `from` is the source address; `path` and `query` are as sent; `header` takes lower-case names. */
export interface CalloutRequest {
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** The host in the request's URL, which a request to a proxy contains (RFC 9112, section 3.2.2). */
  readonly authority?: string | undefined;
  header(name: string): string | undefined;
}

/** A refusal: the HTTP status and a sentence for a person. */
export interface Refusal {
  readonly status: 403 | 404 | 405 | 414 | 429;
  readonly why: string;
}

/** The maximum number of characters of a query string; a callout has about a hundred. */
const maxQueryLength = 4096;

/**
 * Returns a function that checks a request, at `now` in milliseconds. The order of the checks is part of the contract: an
 * address that is not allowed learns nothing about paths, and only callouts take tokens.
 * @throws Error if an entry of `allow` is not a range.
 */
export function guard(options: GuardOptions): (request: CalloutRequest, now: number) => Refusal | undefined {
  const allowed = remembered(parseRanges(options.allow));
  const granted = rateLimit(options);
  const paths = options.prefix === undefined ? ["/", ""] : [options.prefix, `${options.prefix}/`];
  return (request, now) => {
    if (!allowed(request.from)) return refuse(403, `Requests from ${request.from} are not allowed: list it in http.allow.`);
    const stranger = wrongHost(request, options.hostNames) ?? (options.allowBrowsers ? undefined : browser(request));
    if (stranger !== undefined) return refuse(403, stranger);
    if (!paths.includes(request.path)) {
      return refuse(404, "Nothing is served at this path: check the URL configured in UWQ.");
    }
    if (request.method !== "GET") return refuse(405, `Method ${request.method} is not supported: use GET.`);
    if (!granted(request.from, now)) return refuse(429, `Too many callouts from ${request.from}: try again in a second.`);
    if (request.query.length > maxQueryLength) {
      return refuse(414, `The callout has ${request.query.length} characters: expected at most ${maxQueryLength}.`);
    }
    return undefined;
  };
}

function refuse(status: Refusal["status"], why: string): Refusal {
  return { status, why };
}

/** Whether the Host header, and the host in the URL if it has one, are an address or a known name of this box. */
export function isForThisBox(request: Pick<CalloutRequest, "header" | "authority">, hostNames: readonly string[]): boolean {
  return [request.header("host"), request.authority].every((host) => hostAllowed(host, hostNames));
}

function wrongHost(request: CalloutRequest, hostNames: readonly string[]): string | undefined {
  if (isForThisBox(request, hostNames)) return undefined;
  return "The Host of the request is not this box: use its IP address, or list the name in http.hostNames.";
}

/** Programs that call themselves Mozilla: the Java plug-in, and the `curl` and `Invoke-WebRequest` of PowerShell. */
const program = /\b(?:java\/?|(?:windows)?powershell\/)\d/i;

/**
 * Detects a browser. Browsers send no Sec-Fetch headers to plain-HTTP addresses of a LAN, so other headers are checked too.
 * UWQ is a Java client, whose plug-in calls itself `Mozilla/4.0 (...) Java/1.8.0`.
 */
function browser(request: CalloutRequest): string | undefined {
  const site = request.header("sec-fetch-site");
  const agent = request.header("user-agent") ?? "";
  const signs: string[] = [];
  if (request.header("origin") !== undefined) signs.push("an Origin");
  if (site !== undefined && site !== "none" && site !== "same-origin") signs.push("a Sec-Fetch-Site of another site");
  if (request.header("referer") !== undefined) signs.push("a Referer");
  if (/mozilla/i.test(agent) && !program.test(agent)) signs.push("a browser's User-Agent");
  if (signs.length === 0) return undefined;
  return `The request comes from a web browser (it has ${signs.join(", ")}): to test by hand, set http.allowBrowsers to true.`;
}
