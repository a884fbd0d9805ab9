/** The keys of the configuration, from its JSON Schema, for the page and the manual. */
import { lineSchemas } from "../drivers/registry.ts";
import { jsonSchema, relayJsonSchema } from "../src/config/json-schema.ts";

/** A configuration key. */
export interface Key {
  /** With its parents: `desks[].extension`. */
  readonly path: string;
  readonly meaning: string;
  readonly required: boolean;
  /** The default as JSON; absent if there is none or it is too long. */
  readonly fallback?: string;
  readonly choices: readonly string[];
  /** The driver of a driver's key. */
  readonly driver?: string;
  /** Whether it may be a file or a credential. */
  readonly secret: boolean;
}

interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

/** All keys, each before those below it. */
export function keys(): Key[] {
  return level(jsonSchema(lineSchemas) as Schema, "");
}

/** The keys of the section `relay` of a relay's configuration. */
export function relayKeys(): Key[] {
  return level(relayJsonSchema() as Schema, "");
}

function level(schema: Schema, path: string, driver?: string): Key[] {
  // For a word or an object (anyOf), list the object's keys; not for secrets, whose forms are described once.
  const either = isSecret(schema) ? [] : (schema.anyOf ?? []).filter(({ properties }) => properties);
  const variants = schema.oneOf ?? (schema.properties ? [schema] : either);
  return variants.flatMap((variant) => {
    const named = variant.properties?.["driver"]?.const;
    const whose = named === undefined ? driver : String(named);
    return Object.entries(variant.properties ?? {}).flatMap(([name, field]) => {
      if (name === "$schema") return [];
      const own = path === "" ? name : `${path}.${name}`;
      const below = field.items?.properties ? level(field.items, `${own}[]`, whose) : level(field, own, whose);
      return [key(own, field, variant.required?.includes(name) === true, whose), ...below];
    });
  });
}

function key(path: string, field: Schema, required: boolean, driver: string | undefined): Key {
  const { default: value, description = "", enum: choices = [] } = field;
  const long = typeof value === "object" && !Array.isArray(value) && Object.keys(value ?? {}).length > 3;
  const shown = value !== undefined && !long;
  return {
    path,
    meaning: description,
    required: required && !shown,
    ...(shown ? { fallback: JSON.stringify(value).replaceAll('","', '", "') } : {}),
    choices: choices.map(String),
    ...(driver === undefined ? {} : { driver }),
    secret: isSecret(field),
  };
}

function isSecret({ anyOf }: Schema): boolean {
  return anyOf?.some(({ properties }) => properties?.["credential"]) === true;
}
