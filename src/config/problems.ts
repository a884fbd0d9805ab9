/** What a schema says about a value: errors as sentences for the author of the file, its meaning, whether it is a secret. */
import { closest, distance } from "fastest-levenshtein";
import * as v from "valibot";
import { pathText, type Problem } from "./text.ts";

/** How a value is checked: of several errors of one value, the first is enough. */
export const checking: v.Config<v.BaseIssue<unknown>> = { abortPipeEarly: true, message: wanted };

/** The errors of a value, as sentences that never contain a secret. @param issues those that the schema found. */
export function problemsOf(issues: readonly v.BaseIssue<unknown>[], value: unknown, schema: v.GenericSchema): Problem[] {
  const misshapen = shapeProblems(value, schema, []);
  const covered = new Set(misshapen.map(({ path }) => pathText(path)));
  const isCovered = (path: readonly PropertyKey[]) => path.some((_, index) => covered.has(pathText(path.slice(0, index + 1))));
  const others = issues.flatMap((issue) => sentences(issue, schema, []));
  return covered.has(pathText([])) ? misshapen : [...others.filter(({ path }) => !isCovered(path)), ...misshapen];
}

/** What the schema's library does not report, or not completely: lists instead of objects, and unknown keys. */
function shapeProblems(value: unknown, schema: v.GenericSchema, path: readonly PropertyKey[]): Problem[] {
  if (typeof value !== "object" || value === null) return [];
  const at = unwrap(schema, value);
  const below = (part: v.GenericSchema | undefined, key: PropertyKey, item: unknown) =>
    part === undefined ? [] : shapeProblems(item, part, [...path, key]);
  if (Array.isArray(value)) {
    if (at.entries ?? at.value) return [{ path, text: `${pathText(path)}: expected an object` }];
    return value.flatMap((item, index) => below(at.item, index, item));
  }
  return Object.entries(value).flatMap(([key, item]) => {
    const place = [...path, key];
    if (at.value) {
      if (!unusable.has(key)) return below(at.value, key, item);
      return [{ path: place, text: `${pathText(place)}: ${key} cannot be a name here: expected another one` }];
    }
    const { entries } = at;
    if (at.type !== "strict_object" || entries === undefined || Object.hasOwn(entries, key)) {
      return below(entries?.[key], key, item);
    }
    return [{ path: place, text: `${pathText(place)} ${notAKey(place, entries)}` }];
  });
}

/** Names that every object inherits. */
const unusable = new Set(["__proto__", "prototype", "constructor"]);

function sentences(issue: v.BaseIssue<unknown>, schema: v.GenericSchema, above: readonly PropertyKey[]): Problem[] {
  const path = [...above, ...issue.path?.map(({ key }) => key as PropertyKey) ?? []];
  const { input } = issue;
  // None of several forms fits: the errors within the one that was probably meant are more useful.
  const within =
    issue.issues?.filter(({ path: [first] = [] as never }) =>
      first !== undefined && (typeof first.key === "number") === Array.isArray(input)
    ) ?? [];
  if (within.length > 0) return within.flatMap((part) => sentences(part, schema, path));
  const name = pathText(path);
  if (input === undefined) {
    return [{ path, text: `${name} is missing: ${expected(schemaAt(schema, path)?.expects ?? issue.expected)}` }];
  }
  const shown = isSecret(schema, path) || typeof input === "object" ? "" : ` is ${String(JSON.stringify(input)).slice(0, 80)}`;
  return [{ path, text: `${name}${shown}: ${issue.message}` }];
}

/** Why a key is refused, and which one to use instead: the new name of a renamed key, or the one that is spelt most like it. */
function notAKey(path: readonly PropertyKey[], entries: v.ObjectEntries): string {
  const key = String(path.at(-1));
  const known = Object.keys(entries);
  const renamed = known.find((name) => aboutOf(entries[name])["formerly"] === key);
  if (renamed !== undefined) return `has been renamed: use ${pathText([...path.slice(0, -1), renamed])}`;
  const near = meant(key, known);
  return `is not a key: ${near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`}`;
}

/** The name that a mistyped one probably means; undefined if none is similar. */
export function meant(given: string, names: readonly string[]): string | undefined {
  const near = names.length > 0 ? closest(given, names) : undefined;
  return near !== undefined && distance(given, near) <= Math.min(3, near.length / 2) ? near : undefined;
}

/** What was expected, where the schema does not say it. */
function wanted(issue: v.BaseIssue<unknown>): string {
  const { requirement, type } = issue;
  switch (type) {
    case "integer":
      return "expected a whole number";
    case "min_value":
      return `expected at least ${requirement}`;
    case "gt_value":
      return `expected more than ${requirement}`;
    case "max_value":
    case "max_length":
      return `expected at most ${requirement}`;
    case "non_empty":
      return `expected at least 1 ${Array.isArray(issue.input) ? "entry" : "character"}`;
    default:
      return expected(issue.expected);
  }
}

/** What a schema expects: a type, or several forms such as `("none" | Object)`. */
function expected(what: string | null): string {
  const forms = String(what).replace(/^\(|\)$/g, "").split(" | ");
  return `expected ${forms.map((form) => typeWords[form] ?? form.replaceAll('"', "")).join(" or ")}`;
}

/** The words for the types of the schema. */
const typeWords: Readonly<Record<string, string>> = {
  Object: "an object",
  Array: "a list",
  string: "text",
  number: "a number",
  boolean: "true or false",
};

/** A schema, and what it has if it is that of an object, a list, or of one of several forms. */
type Form = v.GenericSchema & {
  readonly entries?: v.ObjectEntries;
  readonly item?: v.GenericSchema;
  readonly value?: v.GenericSchema;
  readonly wrapped?: v.GenericSchema;
  readonly options?: readonly v.GenericSchema[];
  getter?(given: unknown): v.GenericSchema;
};

/** The schema at a path, without defaults. */
function schemaAt(schema: v.GenericSchema, path: readonly PropertyKey[]): Form | undefined {
  let at: Form | undefined = schema;
  for (const part of path) {
    at = unwrap(at, typeof part === "number" ? [] : {});
    const next: v.GenericSchema | undefined = at.item ?? partOf(at, part) ?? at.value;
    if (next === undefined) return undefined;
    at = next;
  }
  return unwrap(at);
}

/** The schema of a key; undefined for `constructor` and other inherited names. */
function partOf({ entries }: Pick<Form, "entries">, key: PropertyKey | undefined): v.GenericSchema | undefined {
  return entries !== undefined && key !== undefined && Object.hasOwn(entries, key) ? entries[String(key)] : undefined;
}

/** Without its default, in the form that a value has. */
function unwrap(schema: v.GenericSchema, value?: unknown): Form {
  let at: Form = schema;
  for (;;) {
    const form: v.GenericSchema | undefined = at.wrapped ?? at.getter?.(value) ??
      at.options?.find((option: Form) =>
        Array.isArray(value) ? option.item : typeof value === "object" && (option.entries ?? option.value)
      );
    if (form === undefined) return at;
    at = form;
  }
}

/** What a schema says about its value. */
function aboutOf(schema: Form | undefined): Readonly<Record<string, unknown>> {
  return schema === undefined ? {} : v.getMetadata(schema.wrapped ?? schema);
}

/** Reads the value of one key; undefined: it is absent. */
export function readKey(
  { entries }: { readonly entries: v.ObjectEntries },
  key: string,
  value: unknown,
): { readonly valid: boolean; readonly value: unknown } {
  const schema = partOf({ entries }, key);
  const result = schema && v.safeParse(schema, value);
  return { valid: result?.success === true, value: result?.output };
}

/** The meaning of the value at this path; undefined if the schema has none. */
export function meaningOf(schema: v.GenericSchema, path: readonly PropertyKey[]): string | undefined {
  const parent = schemaAt(schema, path.slice(0, -1));
  const meaning = parent && aboutOf(partOf(parent, path.at(-1)))["description"];
  return meaning === undefined ? undefined : String(meaning);
}

/** Whether the value at this path is a secret, or within one: a password beside the hashes is not shown either. */
export function isSecret(schema: v.GenericSchema, path: readonly PropertyKey[]): boolean {
  return path.some((_, index) => isSecretItself(schema, path.slice(0, index + 1)));
}

function isSecretItself(schema: v.GenericSchema, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  // Values under names that the site chooses: each may be a secret.
  return parent !== undefined && aboutOf(partOf(parent, path.at(-1)) ?? parent.value)["secret"] === true;
}

/** Whether the schema has the last key of a path, as far as it prescribes keys there. */
export function isKey(schema: v.GenericSchema, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  return parent?.entries === undefined || path.length === 0 || partOf(parent, path.at(-1)) !== undefined;
}
