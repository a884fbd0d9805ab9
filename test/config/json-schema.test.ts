/** The JSON Schema of the configuration, which editors use. */
import { describe, expect, test } from "bun:test";
import { lineSchemas } from "../../drivers/registry.ts";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { parseConfig } from "../../src/config/schema.ts";

const minimal = '{"desks": [{"extension": "1001"}], "line": {"driver": "freeswitch", "password": "x", "domain": "pbx"}}';

describe("the JSON Schema", () => {
  interface Schema {
    readonly properties: Readonly<Record<string, Schema & Record<string, unknown>>>;
    readonly oneOf?: readonly Schema[];
    readonly anyOf?: readonly unknown[];
  }
  const schema = jsonSchema(lineSchemas) as Schema;
  const reference = (key: string) => ({ type: "object", properties: { [key]: { type: "string" } }, required: [key] });

  test("has every key of the configuration", () => {
    expect(Object.keys(schema.properties).toSorted()).toEqual(
      ["$schema", "fleet", "network", "ntp", "update", ...Object.keys(parseConfig(minimal, lineSchemas, {}))].toSorted(),
    );
  });
  test("allows text, a file or a credential for a secret", () => {
    const secrets = [
      schema.properties["line"]?.oneOf?.[0]?.properties["password"],
      schema.properties["http"]?.properties["prefix"],
    ];
    for (const secret of secrets) {
      expect(secret?.anyOf).toEqual([expect.objectContaining({ type: "string" }), reference("file"), reference("credential")]);
    }
  });
  test("allows a text instead of a list where the configuration does", () => {
    const text = { type: "string" };
    expect(schema.properties["numbers"]?.properties["deny"]).toMatchObject({ anyOf: [text, { type: "array", items: text }] });
  });
  test("has all patterns of a value, and no former names", () => {
    const patterns = schema.properties["http"]?.properties["prefix"]?.anyOf?.[0];
    expect(patterns).toEqual({ type: "string", pattern: expect.any(String), allOf: [{ pattern: expect.any(String) }] });
    expect(JSON.stringify(schema)).not.toContain("formerly");
  });
  test("has a description for every key", () => {
    const bare = (at: Schema, path: string): string[] =>
      Object.entries(at.properties ?? {}).flatMap(([key, value]) => [
        ...(value.properties || value["description"] ? [] : [`${path}${key}`]),
        ...bare(value, `${path}${key}.`),
      ]);
    expect(bare(schema, "")).toEqual([]);
  });
});
