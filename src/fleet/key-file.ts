/** The file with the keys of a fleet, which may be encrypted with a passphrase (scrypt, AES-256-GCM). */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { keyKinds, type KeyName, type Keys, type PublicKeys } from "./claims.ts";
import { keyFrom, newKey } from "../broker/nkey.ts";

/** scrypt with 64 MB takes 0.2 s (RFC 7914). */
const cost = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };

interface Sealed {
  readonly salt: string;
  readonly iv: string;
  readonly tag: string;
  readonly keys: string;
}

const names = Object.keys(keyKinds) as KeyName[];

/** Makes all keys of a fleet. */
export function newKeys(): Keys {
  return byName((name) => newKey(keyKinds[name]));
}

/** The public keys. */
export function publicKeys(keys: Keys): PublicKeys {
  return byName((name) => keys[name].public);
}

/** Everything in the file. */
export interface FleetSecrets {
  readonly keys: Keys;
  /** The key of the authority that signs the servers' certificates (PEM); absent if those are made elsewhere. */
  readonly authorityKey?: string;
}

/** The text of the file. `passphrase`: absent if the file's mode alone protects it. */
export function sealSecrets({ keys, authorityKey }: FleetSecrets, passphrase?: string): string {
  const seeds = JSON.stringify({ ...byName((name) => keys[name].seed), authorityKey });
  if (passphrase === undefined) return `${seeds}\n`;
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", scryptSync(passphrase, salt, 32, cost), iv);
  const sealed = Buffer.concat([cipher.update(seeds), cipher.final()]);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  return `${JSON.stringify({ salt: text(salt), iv: text(iv), tag: text(cipher.getAuthTag()), keys: text(sealed) })}\n`;
}

/** Whether the file needs a passphrase. */
export function isSealed(file: string): boolean {
  return "salt" in (JSON.parse(file) as object);
}

/** The secrets in the file. @throws Error with a sentence if the passphrase is wrong or the file is damaged. */
export function openSecrets(file: string, passphrase = ""): FleetSecrets {
  const text = isSealed(file) ? unseal(JSON.parse(file) as Sealed, passphrase) : file;
  const { authorityKey, ...seeds } = JSON.parse(text) as Record<KeyName, string> & { authorityKey?: string };
  const keys = byName((name) => keyFrom(seeds[name] ?? ""));
  return authorityKey === undefined ? { keys } : { keys, authorityKey };
}

function unseal({ salt, iv, tag, keys }: Sealed, passphrase: string): string {
  const bytes = (text: string): Buffer => Buffer.from(text, "base64");
  const cipher = createDecipheriv("aes-256-gcm", scryptSync(passphrase, bytes(salt), 32, cost), bytes(iv));
  cipher.setAuthTag(bytes(tag));
  try {
    return `${cipher.update(bytes(keys), undefined, "utf8")}${cipher.final("utf8")}`;
  } catch {
    throw new Error("The passphrase is wrong, or the file of the keys is damaged.");
  }
}

function byName<T>(value: (name: KeyName) => T): Readonly<Record<KeyName, T>> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<KeyName, T>;
}
