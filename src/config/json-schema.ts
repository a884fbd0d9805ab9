/** The JSON Schema of the configuration, for editors, for `telesetd schema` and for the reference page. */
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { section } from "./relay.ts";
import { type LineSchemas, schemaOf } from "./schema.ts";

/** That of a box. @param lines the drivers' schemas. */
export function jsonSchema(lines: LineSchemas): unknown {
  const $schema = "https://json-schema.org/draft/2020-12/schema";
  return {
    $schema,
    ...converted(schemaOf(v.variant("driver", Object.values(lines) as unknown as v.VariantOptions<"driver">))),
  };
}

/** That of the section `relay`. */
export function relayJsonSchema(): unknown {
  return converted(v.strictObject({ relay: section }));
}

function converted(schema: v.GenericSchema): JsonSchema {
  const { $defs: _, $schema: __, ...whole } = toJsonSchema(schema, {
    target: "draft-2020-12",
    // Checks and conversions by functions have no equivalent.
    errorMode: "ignore",
    overrideAction: ({ valibotAction, jsonSchema }) => {
      // Of several patterns, the library takes the first.
      if (valibotAction.type !== "regex") return undefined;
      const { source } = (valibotAction as v.RegexAction<string, undefined>).requirement;
      return source === jsonSchema.pattern
        ? undefined
        : { ...jsonSchema, allOf: [...jsonSchema.allOf ?? [], { pattern: source }] };
    },
    overrideSchema: ({ valibotSchema }) => {
      if (valibotSchema.type !== "lazy") return undefined;
      // A text that stands for a list (`listOr`).
      const { getter } = valibotSchema as v.LazySchema<v.GenericSchema>;
      return { anyOf: [{ type: "string" }, converted(getter([]))] };
    },
  });
  return finished(whole);
}

/** Without former names; a secret may be a reference instead of text. */
function finished({ secret, formerly: _, ...plain }: JsonSchema & { secret?: boolean; formerly?: string }): JsonSchema {
  const { description, ...schema } = withParts(plain);
  if (schema.required?.length === 0) delete schema.required;
  if (secret !== true) return { ...(description === undefined ? {} : { description }), ...schema };
  const reference = (key: string): JsonSchema => ({ type: "object", properties: { [key]: { type: "string" } }, required: [key] });
  return { ...(description === undefined ? {} : { description }), anyOf: [schema, reference("file"), reference("credential")] };
}

function withParts(schema: JsonSchema): JsonSchema {
  const part = (item: unknown) => typeof item === "object" ? finished(item as JsonSchema) : item;
  const { properties, items, additionalProperties, anyOf, oneOf } = schema;
  return {
    ...schema,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([key, item]) => [key, part(item)])) }),
    ...(items && { items: part(items) }),
    ...(additionalProperties && { additionalProperties: part(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map(part) }),
    ...(oneOf && { oneOf: oneOf.map(part) }),
  } as JsonSchema;
}
