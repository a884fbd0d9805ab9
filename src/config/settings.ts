/** The configuration in force for people: every value with its meaning, without secrets. */
import type * as v from "valibot";
import { isSecret, meaningOf } from "./problems.ts";
import { pathText } from "./text.ts";

/** A key of the configuration with its value. */
export interface Setting {
  /** `numbers.toCrm[0].match` */
  readonly path: string;
  /** Its value as text; absent if it is a secret. */
  readonly value?: string;
  readonly description?: string;
}

/** The settings of a configuration, in its order. */
export function settingsBy(schema: v.GenericSchema, config: unknown): readonly Setting[] {
  return below(schema, config, []);
}

function below(schema: v.GenericSchema, value: unknown, path: readonly PropertyKey[]): Setting[] {
  const name = pathText(path);
  const meaning = meaningOf(schema, path);
  const description = meaning === undefined ? {} : { description: meaning };
  if (path.length > 0 && isSecret(schema, path)) return [{ path: name, ...description }];
  if (value instanceof RegExp) return [{ path: name, value: value.source, ...description }];
  const isList = Array.isArray(value);
  if (isList && value.every((item) => typeof item !== "object" || item instanceof RegExp)) {
    const items = value.map((item) => item instanceof RegExp ? item.source : String(item));
    return [{ path: name, value: items.length === 0 ? "none" : items.join(", "), ...description }];
  }
  if (typeof value !== "object" || value === null) return [{ path: name, value: String(value), ...description }];
  const entries: [PropertyKey, unknown][] = isList ? [...value.entries()] : Object.entries(value);
  return entries.filter(([key]) => key !== "$schema").flatMap(([key, item]) => below(schema, item, [...path, key]));
}
