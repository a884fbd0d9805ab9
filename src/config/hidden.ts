/** A configuration for others to read: without its secrets. */
import { schemaFor } from "./schema.ts";
import type { LineSchemas } from "./schema.ts";
import { Secrets } from "./secrets.ts";
import { isKey, isSecret } from "./problems.ts";
import { looseJson } from "./text.ts";

/** What is shown instead of a secret. */
export const hiddenSecret = "[secret]";

/** A configuration without secrets. */
export interface Hidden {
  /** The JSON with each secret replaced; undefined if there is no JSON in the text. */
  readonly config: unknown;
  /** The secrets, also those in files and credentials. */
  readonly secrets: readonly string[];
}

/**
 * Hides the secrets of a configuration, which may have errors. A value under an unknown key is hidden too, because the key may be
 * a misspelt `password`. Comments are omitted.
 */
export function withoutSecrets(text: string, lines: LineSchemas, environment: Record<string, string | undefined>): Hidden {
  const raw = looseJson(text);
  const schema = schemaFor(raw, lines);
  const found = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string") found.add(value);
    else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
  };
  const shown = (value: unknown, filled: unknown, path: readonly PropertyKey[]): unknown => {
    const secret = isSecret(schema, path);
    if (secret || !isKey(schema, path)) {
      collect(filled);
      return secret && refers(value) ? value : hiddenSecret;
    }
    if (Array.isArray(value)) return value.map((item, index) => shown(item, part(filled, index), [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item, part(filled, key), [...path, key])]));
  };
  const config = raw === undefined ? undefined : shown(raw, new Secrets(schema, environment).filledIn(raw), []);
  return { config, secrets: [...found].filter((secret) => secret !== "") };
}

function part(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

/** Whether the secret is elsewhere: `{"credential": "esl"}`. */
function refers(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).every((key) => key === "file" || key === "credential");
}
