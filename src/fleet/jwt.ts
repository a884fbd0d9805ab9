/** JWTs of NATS, version 2: claims signed with an nkey (github.com/nats-io/jwt). */
import { createHash } from "node:crypto";
import { base32, isSignedBy, type KeyPair } from "../broker/nkey.ts";

/** What a JWT states about the owner of a key. */
export interface Claims {
  /** The public key that it is about. */
  readonly sub: string;
  readonly name: string;
  /** When it ends, in seconds since 1970; absent: never. */
  readonly exp?: number;
  /** The claims of NATS: `type`, `version` 2, and those of the type. */
  readonly nats: Readonly<Record<string, unknown>>;
}

/** Claims with what the issuer adds. */
export interface IssuedClaims extends Claims {
  readonly iss: string;
  /** When it was issued, in seconds since 1970. */
  readonly iat: number;
}

const header = Buffer.from(JSON.stringify({ typ: "JWT", alg: "ed25519-nkey" })).toString("base64url");

/** Signs claims. `now`: the wall clock in ms. */
export function issue(claims: Claims, issuer: KeyPair, now: number): string {
  const issued = { ...claims, iss: issuer.public, iat: Math.floor(now / 1000) };
  const jti = base32(createHash("sha512-256").update(JSON.stringify({ ...issued, jti: "" })).digest());
  const body = Buffer.from(JSON.stringify({ ...issued, jti })).toString("base64url");
  const signed = `${header}.${body}`;
  return `${signed}.${issuer.sign(Buffer.from(signed)).toString("base64url")}`;
}

/** The claims of a JWT, if the key that it names as its issuer has signed it; otherwise undefined. */
export function claimsIn(jwt: string): IssuedClaims | undefined {
  const [head = "", body = "", signature = ""] = jwt.split(".");
  try {
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as IssuedClaims;
    const signed = Buffer.from(`${head}.${body}`);
    return isSignedBy(claims.iss, signed, Buffer.from(signature, "base64url")) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** The file of a user's credentials, in the form that every client of NATS reads. It is a secret. */
export function credentialsFile(jwt: string, seed: string): string {
  return [
    "-----BEGIN NATS USER JWT-----",
    jwt,
    "------END NATS USER JWT------",
    "",
    "The seed below is the secret of this user: keep it like a password.",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
}
