/** Writes docs/configuration.md from the schema, so that the page cannot say other things than the parser does. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../drivers/mod.ts";
import { jsonSchema } from "../src/config.ts";

interface Schema {
  readonly type?: string;
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

/** The rows of one level and of those below it. */
function rows(schema: Schema, path: string): string[] {
  const variants = schema.oneOf ?? (schema.properties ? [schema] : []);
  return variants.flatMap((variant) =>
    Object.entries(variant.properties ?? {}).flatMap(([name, field]) => {
      const key = path === "" ? name : `${path}.${name}`;
      const below = field.items?.properties ? rows(field.items, `${key}[]`) : rows(field, key);
      if (name === "$schema") return [];
      return [row(key, field, variant.required?.includes(name) === true), ...below];
    })
  );
}

function row(key: string, field: Schema, required: boolean): string {
  const secret = field.anyOf?.some(({ properties }) => properties?.["credential"]) === true;
  const fallback = field.default === undefined || typeof field.default === "object" && Object.keys(field.default ?? {}).length > 3
    ? (required ? "**required**" : "")
    : `\`${JSON.stringify(field.default)}\``;
  const choices = field.enum ? ` (${field.enum.map(String).join(", ")})` : "";
  return `| \`${key}\` | ${fallback} | ${(field.description ?? "").replaceAll("|", "\\|")}${choices}${
    secret ? " · secret" : ""
  } |`;
}

const page = `# The configuration, key by key

Made from the schema by \`./scripts/docs\`: change it there. Unknown keys are an error, with a did-you-mean. What is marked *secret* may be
\`{"file": "path"}\` or \`{"credential": "name"}\` (systemd LoadCredential) instead of text. Regular expressions are JavaScript's.

| key | default | meaning |
| --- | --- | --- |
${rows(jsonSchema(lineSchemas) as Schema, "").join("\n")}
`;

const file = join(import.meta.dir, "../docs/configuration.md");
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== page) {
    process.stderr.write("docs/configuration.md is not what the schema says: run ./scripts/docs\n");
    process.exit(1);
  }
} else writeFileSync(file, page);
