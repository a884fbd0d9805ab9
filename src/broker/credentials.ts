/**
 * The credentials of a client of NATS: a user JWT with its seed (the text of a .creds file), a seed alone, or `user:password`.
 * The seed signs the server's nonce (nkey.ts).
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../platform/text.ts";
import { NoBroker } from "./broker.ts";
import { keyFrom, type KeyPair } from "./nkey.ts";

/** Credentials that were read. */
export type Credentials =
  | { readonly type: "jwt"; readonly jwt: string; readonly key: KeyPair }
  | { readonly type: "nkey"; readonly key: KeyPair }
  | { readonly type: "password"; readonly user: string; readonly password: string };

/** Reads credentials; undefined if the text is not one of these. */
export function readCredentials(text: string): Credentials | undefined {
  const jwt = /-----BEGIN NATS USER JWT-----\s+([A-Za-z0-9_.-]+)\s+-+END NATS USER JWT-+/.exec(text)?.[1];
  const seed = /-----BEGIN USER NKEY SEED-----\s+([A-Z2-7]+)\s+-+END USER NKEY SEED-+/.exec(text)?.[1];
  if (jwt !== undefined) {
    const key = seed === undefined ? undefined : userKey(seed);
    return key && { type: "jwt", jwt, key };
  }
  const key = /^SU[A-Z2-7]+$/.test(text.trim()) ? userKey(text.trim()) : undefined;
  if (key) return { type: "nkey", key };
  const [, user, password] = /^([^:\s]+):(\S+)$/.exec(text.trim()) ?? [];
  return user === undefined || password === undefined ? undefined : { type: "password", user, password };
}

/**
 * A setting that is a text or the path of a file with it, which begins with `/`. @param key its name, for people.
 * @throws NoBroker if the file cannot be read.
 */
export function textOrFile(value: string | undefined, key: string): string | undefined {
  if (value === undefined || !value.startsWith("/")) return value;
  try {
    return readFileSync(value, "utf8");
  } catch (error) {
    throw new NoBroker(`cannot read the file of ${key}: ${messageOf(error)}`, "other");
  }
}

/** The name of the user: that in the JWT, or before the password; undefined if there is none. */
export function userName(text: string): string | undefined {
  const found = readCredentials(text);
  if (found?.type === "password") return found.user;
  if (found?.type !== "jwt") return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(found.jwt.split(".")[1] ?? "", "base64url").toString());
    const name = (claims as { name?: unknown } | null)?.name;
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

/** What a client answers to the server's nonce, as the protocol names it (CONNECT). */
export function answerTo(credentials: Credentials, nonce: string): Record<string, string> {
  if (credentials.type === "password") return { user: credentials.user, pass: credentials.password };
  const { public: nkey, sign } = credentials.key;
  const sig = sign(Buffer.from(nonce)).toString("base64url");
  return credentials.type === "jwt" ? { jwt: credentials.jwt, nkey, sig } : { nkey, sig };
}

/** The key pair of a user's seed; undefined if it is not one. */
function userKey(seed: string): KeyPair | undefined {
  try {
    const key = keyFrom(seed);
    return key.public.startsWith("U") ? key : undefined;
  } catch {
    return undefined;
  }
}
