/**
 * What a request must pass before it counts as a callout. A callout is a plain GET that can make a phone dial, and any web
 * page that a colleague opens could send one: so the source, the Host and the marks of a browser are looked at first. Pure.
 */
import { hostAllowed, parseRanges } from "../platform/address.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";

/** Who may send callouts, where to, and how often. */
export interface GuardOptions extends Rate {
  /** The secret path before the callouts, such as `/k3y`; absent: callouts come to `/`. */
  readonly prefix?: string | undefined;
  /** Addresses and ranges that may send callouts. */
  readonly allow: readonly string[];
  /** Host names of the box, besides its addresses and `localhost`. */
  readonly names: readonly string[];
  /** Whether requests with a browser's marks are accepted. */
  readonly browsers: boolean;
}

/** What the guard looks at. `from` is the source address; `path` and `query` are as sent; `header` takes lower-case names. */
export interface Asked {
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** The host in the request's URL: a proxy's request names it there too (RFC 9112, section 3.2.2). */
  readonly authority?: string | undefined;
  header(name: string): string | undefined;
}

/** A request turned away: the HTTP status and a sentence for a person. */
export interface Refusal {
  readonly status: 403 | 404 | 405 | 414 | 429;
  readonly why: string;
}

/** The longest query string, in characters: a callout has some hundred. */
export const longestQuery = 4096;

/**
 * Returns what says why a request is refused, or nothing. `now` is in milliseconds. The order is part of the contract: who
 * may not ask learns nothing about paths, and what is not a callout takes no token.
 * @throws Error when `allow` holds what is no range.
 */
export function guard(options: GuardOptions): (asked: Asked, now: number) => Refusal | undefined {
  const allowed = parseRanges(options.allow);
  const granted = rateLimit(options);
  const paths = options.prefix === undefined ? ["/", ""] : [options.prefix, `${options.prefix}/`];
  return (asked, now) => {
    if (!allowed(asked.from)) return refuse(403, `Requests from ${asked.from} are not allowed: list it in http.allow.`);
    const stranger = wrongHost(asked, options.names) ?? (options.browsers ? undefined : browser(asked));
    if (stranger !== undefined) return refuse(403, stranger);
    if (!paths.includes(asked.path)) {
      return refuse(404, "Nothing is served at this path: check the URL configured in UWQ.");
    }
    if (asked.method !== "GET") return refuse(405, `Method ${asked.method} is not supported: use GET.`);
    if (!granted(asked.from, now)) return refuse(429, `Too many callouts from ${asked.from}: try again in a second.`);
    if (asked.query.length > longestQuery) {
      return refuse(414, `The callout has ${asked.query.length} characters: expected at most ${longestQuery}.`);
    }
    return undefined;
  };
}

function refuse(status: Refusal["status"], why: string): Refusal {
  return { status, why };
}

function wrongHost(asked: Asked, names: readonly string[]): string | undefined {
  if ([asked.header("host"), asked.authority].every((host) => hostAllowed(host, names))) return undefined;
  return "The request names a host that this box does not have: call it by its IP address, or list the name in http.names.";
}

/**
 * The marks of a browser. Browsers send no Sec-Fetch headers to plain-HTTP addresses of a LAN, hence the others. UWQ is a
 * Java client, whose plug-in calls itself `Mozilla/4.0 (...) Java/1.8.0`.
 */
function browser(asked: Asked): string | undefined {
  const site = asked.header("sec-fetch-site");
  const agent = asked.header("user-agent") ?? "";
  const marks = [
    asked.header("origin") === undefined ? [] : ["an Origin"],
    site === undefined || site === "none" || site === "same-origin" ? [] : ["a Sec-Fetch-Site of another site"],
    asked.header("referer") === undefined ? [] : ["a Referer"],
    /mozilla/i.test(agent) && !/\bjava\/?\d/i.test(agent) ? ["a browser's User-Agent"] : [],
  ].flat();
  if (marks.length === 0) return undefined;
  return `The request comes from a web browser (it has ${marks.join(", ")}): to try callouts by hand, set http.browsers to true.`;
}
