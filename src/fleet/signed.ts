/** Configurations that the administrator signs for a box: nobody else can make one, and the box refuses an older one. */
import * as v from "valibot";
import { isSignedBy, type KeyPair } from "../broker/nkey.ts";

/** The maximum number of characters of the settings in one. */
export const maxSettings = 200_000;

const document = v.object({
  v: v.literal(1),
  /** The box: its first desk. */
  desk: v.pipe(v.string(), v.regex(/^\d{1,20}$/)),
  /** Grows with each push: ms since 1970. */
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Settings as JSON, which are laid over the box's own file (RFC 7386). */
  settings: v.pipe(v.string(), v.maxLength(maxSettings)),
  /** Of the administrator, in base64url. */
  signature: v.pipe(v.string(), v.maxLength(100)),
});

/** A signed configuration. */
export type SignedConfig = v.InferOutput<typeof document>;

/** Signs settings for a box. */
export function signConfig({ desk, version, settings }: Omit<SignedConfig, "v" | "signature">, key: KeyPair): SignedConfig {
  const signature = key.sign(signedBytes({ desk, version, settings })).toString("base64url");
  return { v: 1, desk, version, settings, signature };
}

/** Reads one; undefined if it is malformed. It is not checked yet. */
export function readSigned(given: unknown): SignedConfig | undefined {
  const result = v.safeParse(document, given);
  return result.success ? result.output : undefined;
}

/** Why a configuration is not for this box, as a clause; undefined if it is. `after`: the version in force, or 0. */
export function refusalOf(
  config: SignedConfig,
  { key, desk, after }: { readonly key: string; readonly desk: string; readonly after: number },
): string | undefined {
  if (!isSigned(config, key)) return "its signature is not the administrator's (fleet.configKey)";
  if (config.desk !== desk) return `it is for desk ${config.desk}, and this is the box of desk ${desk}`;
  if (config.version <= after) return `its version ${config.version} is not newer than ${after}, which is in force`;
  return undefined;
}

/** Whether the owner of a public key has signed it. */
export function isSigned(config: SignedConfig, key: string): boolean {
  return isSignedBy(key, signedBytes(config), Buffer.from(config.signature, "base64url"));
}

/** The first line keeps a signature from being mistaken for one of another kind. */
function signedBytes({ desk, version, settings }: Pick<SignedConfig, "desk" | "version" | "settings">): Buffer {
  return Buffer.from(`telesetd configuration 1\n${desk}\n${version}\n${settings}`);
}

/** The sections that can be pushed: with the others a push could cut the box off from the broker, and no push could correct it. */
export const pushable = ["http", "crm", "screenPop", "numbers", "agent", "dial", "outbox", "log"] as const;

/** Why settings cannot be pushed, as a sentence; undefined if they can. */
export function unpushable(settings: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(settings);
  } catch (error) {
    return `The settings are not JSON: ${(error as Error).message}.`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "The settings are not a JSON object.";
  const wrong = Object.keys(value).filter((key) => !(pushable as readonly string[]).includes(key) && key !== "$schema");
  if (wrong.length === 0) return undefined;
  return `${wrong.join(", ")} cannot be pushed: expected only ${
    pushable.join(", ")
  }. The others stay as they are in the box's file.`;
}
