/** Server side of digest authentication (RFC 7616): challenges, and verification of responses. */
import { createHash } from "node:crypto";

export interface DigestOptions {
  readonly realm: string;
  readonly password: string;
  readonly algorithm: "MD5" | "SHA-256";
}

/** Writes a challenge with this nonce. */
export function challenge({ realm, algorithm }: DigestOptions, nonce: string, stale = false): string {
  return `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${stale ? ", stale=true" : ""}`;
}

/** Parses an Authorization header; undefined if it is missing or not Digest. */
export function parts(header: string | undefined): Readonly<Record<string, string>> | undefined {
  if (header === undefined || !/^Digest /i.test(header)) return undefined;
  const found = [...header.slice(7).matchAll(/([a-z]+)=(?:"([^"]*)"|([^,\s]+))/gi)];
  return Object.fromEntries(found.map(([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""]));
}

/** Whether the response is right for this request. */
export function proves(given: Readonly<Record<string, string>>, method: string, uri: string, options: DigestOptions): boolean {
  const { username = "", realm = "", nonce = "", nc = "", cnonce = "", qop = "", response } = given;
  const hash = (text: string) => createHash(options.algorithm === "MD5" ? "md5" : "sha256").update(text).digest("hex");
  const first = hash(`${username}:${realm}:${options.password}`);
  const second = hash(`${method}:${uri}`);
  return realm === options.realm && given["uri"] === uri && given["algorithm"] === options.algorithm &&
    response === hash(`${first}:${nonce}:${nc}:${cnonce}:${qop}:${second}`);
}
