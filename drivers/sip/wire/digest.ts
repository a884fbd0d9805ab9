/** Digest authentication (RFC 7616, RFC 8760): a challenge in, the header that answers it out. */
import { createHash } from "node:crypto";
import { omitUndefined } from "../../../src/core/omit-undefined.ts";

/** Our account at the switch. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The challenge of a 401 or 407. */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: Algorithm;
  readonly opaque?: string;
  /** Whether a `qop` was offered; `auth` is what we take. */
  readonly qop: boolean;
  /** The nonce was too old: the same password with a new nonce will do. */
  readonly stale: boolean;
}

/** The algorithms, the better first. */
const algorithms = { "SHA-512-256": "sha512-256", "SHA-256": "sha256", MD5: "md5" } as const;
type Algorithm = `${keyof typeof algorithms}${"" | "-sess"}`;

/**
 * The best challenge of a WWW-Authenticate or Proxy-Authenticate header; several are separated by commas, as their
 * own parts are. Undefined if we cannot answer any of them (no Digest, unknown algorithm, only auth-int).
 */
export function challengeOf(header: string): Challenge | undefined {
  const known: Challenge[] = challenges(header).flatMap((part) => {
    const algorithm = nameOf(part["algorithm"] ?? "MD5");
    const { realm, nonce, opaque, qop } = part;
    if (algorithm === undefined || realm === undefined || nonce === undefined) return [];
    const offered = qop?.split(",").map((option) => option.trim().toLowerCase()) ?? [];
    if (offered.length > 0 && !offered.includes("auth")) return [];
    return [{
      realm,
      nonce,
      algorithm,
      ...omitUndefined({ opaque }),
      qop: offered.length > 0,
      stale: part["stale"]?.toLowerCase() === "true",
    }];
  });
  const order = Object.keys(algorithms);
  const rank = ({ algorithm }: Challenge) => order.indexOf(algorithm.replace("-sess", ""));
  return known.toSorted((a, b) => rank(a) - rank(b))[0];
}

function nameOf(text: string): Algorithm | undefined {
  const [name, sess] = /^(.*?)(-sess)?$/i.exec(text.trim())?.slice(1) ?? [];
  const known = Object.keys(algorithms).find((algorithm) => algorithm === name?.toUpperCase());
  return known === undefined ? undefined : `${known as keyof typeof algorithms}${sess === undefined ? "" : "-sess"}`;
}

/** The parts of each Digest challenge, by name in lower case. */
function challenges(header: string): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  // `Digest` begins a challenge; `name=value` parts follow, quoted or not.
  const token = /(?:^|[\s,])([A-Za-z]+)\s+(?=[A-Za-z0-9_-]+\s*=)|([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
  let current: Record<string, string> | undefined;
  for (const [, scheme, name, quoted, plain] of header.slice(0, maxHeaderLength).matchAll(token)) {
    if (scheme !== undefined) {
      current = scheme.toLowerCase() === "digest" ? Object.create(null) as Record<string, string> : undefined;
      if (current) found.push(current);
    } else if (current && name !== undefined) current[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  }
  return found;
}

/** The longest part of a header that is read. */
const maxHeaderLength = 8192;

/** The request to authorize. */
export interface Authorized {
  readonly method: string;
  readonly uri: string;
  /** The number of times that this nonce has been used, including this one. */
  readonly count: number;
  /** A client nonce: a random word. */
  readonly cnonce: string;
}

/** The value of the Authorization or Proxy-Authorization header that answers the challenge. */
export function authorization(
  { realm, nonce, algorithm, opaque, qop }: Challenge,
  { user, password }: Credentials,
  { method, uri, count, cnonce }: Authorized,
): string {
  const hash = (...parts: string[]) => {
    const name = algorithms[algorithm.replace("-sess", "") as keyof typeof algorithms];
    return createHash(name).update(parts.join(":")).digest("hex");
  };
  const nc = count.toString(16).padStart(8, "0");
  const session = algorithm.endsWith("-sess");
  const secret = hash(user, realm, password);
  const ha1 = session ? hash(secret, nonce, cnonce) : secret;
  const ha2 = hash(method, uri);
  const response = qop ? hash(ha1, nonce, nc, cnonce, "auth", ha2) : hash(ha1, nonce, ha2);
  const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
  const parts = [
    `username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(qop ? [`qop=auth`, `nc=${nc}`] : []),
    ...(qop || session ? [`cnonce="${cnonce}"`] : []),
  ];
  return `Digest ${parts.join(",")}`;
}
