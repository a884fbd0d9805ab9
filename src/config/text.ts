/**
 * Reads the text of a configuration file: JSON to values, and errors to sentences for its author. The keys are defined in
 * schema.ts.
 */
import { closest, distance } from "fastest-levenshtein";
import { findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import * as z from "zod";

/** All errors of a configuration, each a sentence with its path. */
export class ConfigError extends Error {
  /** The same sentences, each with its line and column if known. */
  readonly placed: readonly string[];

  constructor(readonly problems: readonly string[], placed: readonly string[] = problems) {
    super(problems.join("\n"));
    this.placed = placed;
  }
}

/** One error: a sentence that begins with its path. */
export interface Problem {
  /** The path of the value, or of the missing value. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** The errors of a text, each located by its value or by the nearest value around it. */
export function configError(text: string, problems: readonly Problem[]): ConfigError {
  const tree = parseTree(text);
  const placed = problems.map((problem) => `${problem.text} (${placeAt(text, nearest(tree, problem.path)?.offset ?? 0)})`);
  return new ConfigError(problems.map((problem) => problem.text), placed);
}

function nearest(tree: Node | undefined, path: readonly PropertyKey[]): Node | undefined {
  const found = tree && findNodeAtLocation(tree, path.map((part) => typeof part === "number" ? part : String(part)));
  return found ?? (tree && path.length > 0 ? nearest(tree, path.slice(0, -1)) : tree);
}

function placeAt(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** The text at a path such as `["store", "path"]`, even if the JSON around it has errors; undefined if there is none. */
export function textAt(json: string, path: readonly string[]): string | undefined {
  const tree = parseTree(json.replace(/^\uFEFF/, ""));
  const value: unknown = tree && findNodeAtLocation(tree, [...path])?.value;
  return typeof value === "string" ? value : undefined;
}

/** What can be read of a text that should be JSON; undefined if that is nothing. */
export function looseJson(text: string): unknown {
  try {
    const tree = parseTree(text.replace(/^\uFEFF/, ""));
    return tree && getNodeValue(tree);
  } catch (error) {
    // Ten thousand nested brackets exhaust the stack of the parser.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads JSON. @throws ConfigError with line and column. */
export function parseJson(text: string): unknown {
  const errors: ParseError[] = [];
  const tree = treeOf(text, errors);
  if (errors.length > 0 || tree === undefined) {
    // The first error is the cause; the others mostly follow from it.
    const { error, offset, length } = errors[0] ?? { error: 4, offset: 0, length: 0 };
    throw new ConfigError([
      `${placeAt(text, offset)}: not JSON: ${words(printParseErrorCode(error))}${curly(text, offset, length)}`,
    ]);
  }
  return JSON.parse(text);
}

function treeOf(text: string, errors: ParseError[]): unknown {
  try {
    return parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (error) {
    // Ten thousand nested brackets exhaust the stack of the parser.
    if (error instanceof RangeError) throw new ConfigError(["not JSON: nested too deeply"]);
    throw error;
  }
}

/** Finds keys that one object has twice: JSON.parse silently takes the second. */
export function givenTwice(text: string): Problem[] {
  const of = (node: Node | undefined, path: readonly PropertyKey[]): Problem[] => {
    const children = node?.children ?? [];
    if (node?.type !== "object") return children.flatMap((child, index) => of(child, [...path, index]));
    const keys = children.map(({ children: [key] = [] }) => String(key?.value));
    return children.flatMap(({ offset, children: [, value] = [] }, index) => {
      const place = [...path, keys[index] ?? ""];
      if (keys.indexOf(keys[index] ?? "") === index) return of(value, place);
      return [{ path: place, text: `${pathText(place)} is given twice, the second time in ${placeAt(text, offset)}: keep one` }];
    });
  };
  return of(parseTree(text), []);
}

/** Points out typographic quotation marks, which word processors and phones insert and people overlook. */
function curly(text: string, offset: number, length: number): string {
  const [mark] = /[\u2018-\u201f\u00ab\u00bb]/.exec(text.slice(offset, offset + length)) ?? [];
  return mark === undefined ? "" : ` ${mark}: expected "`;
}

/** `CommaExpected` as words. */
function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** The sentences for an issue of the schema, never with the value of a secret. */
export function sentences(issue: z.core.$ZodIssue, schema: z.ZodType): Problem[] {
  const path = pathText(issue.path);
  const problem = (text: string): Problem => ({ path: issue.path, text });
  if (issue.code === "unrecognized_keys") {
    const shape = shapeAt(schema, issue.path);
    return issue.keys.map((key) => {
      const place = [...issue.path, key];
      return { path: place, text: `${pathText(place)} ${notAKey(place, shape)}` };
    });
  }
  const secret = isSecret(schema, issue.path);
  const input = issue.input;
  if (input === undefined) return [problem(`${path} is missing: ${wanted(issue)}`)];
  const shown = secret || typeof input === "object" ? "" : ` is ${String(JSON.stringify(input)).slice(0, 80)}`;
  return [problem(`${path}${shown}: ${wanted(issue)}`)];
}

/** Why a key is refused, and which one to use instead: the new name of a renamed key, or the one that is spelt most like it. */
function notAKey(path: readonly PropertyKey[], shape: z.ZodObject["shape"]): string {
  const key = String(path.at(-1));
  const known = Object.keys(shape);
  const renamed = known.find((name) => (shape[name] as z.ZodType).meta()?.["formerly"] === key);
  if (renamed !== undefined) return `has been renamed: use ${pathText([...path.slice(0, -1), renamed])}`;
  const near = meant(key, known);
  return `is not a key: ${near === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${near}?`}`;
}

/** The name that a mistyped one probably means; undefined if none is similar. */
export function meant(given: string, names: readonly string[]): string | undefined {
  const near = names.length > 0 ? closest(given, names) : undefined;
  return near !== undefined && distance(given, near) <= Math.min(3, near.length / 2) ? near : undefined;
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${typeWords[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return `expected ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${
        unit(issue.origin, issue.minimum)
      }`;
    case "too_big":
      return `expected at most ${issue.maximum}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? issue.message;
    default:
      return issue.message;
  }
}

/** The words for the types of the schema. */
const typeWords: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** The unit of a minimum. */
function unit(origin: string, n: number | bigint): string {
  const word = origin === "array" ? " entry" : origin === "string" ? " character" : "";
  return word === "" || Number(n) === 1 ? word : `${word.replace("entry", "entrie")}s`;
}

/** `desks[0].extension`; `the configuration` for the empty path. */
export function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[\w$-]+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`;
  }).join("").replace(/^\./, "");
  return text === "" ? "the configuration" : text;
}

/** The schema at a path, without defaults. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = unwrap(schema);
  for (const part of path) {
    if (at instanceof z.ZodArray) at = unwrap(at.element as z.ZodType);
    else if (at instanceof z.ZodObject) {
      const next = partOf(at, part);
      at = next && unwrap(next);
    } else return undefined;
  }
  return at;
}

/** The schema of a key; undefined for `constructor` and other inherited names. */
function partOf({ shape }: z.ZodObject, key: PropertyKey | undefined): z.ZodType | undefined {
  return key !== undefined && Object.hasOwn(shape, key) ? shape[String(key)] as z.ZodType : undefined;
}

function unwrap(schema: z.ZodType): z.ZodType {
  let at: z.ZodType = schema;
  while (at instanceof z.ZodDefault || at instanceof z.ZodPrefault || at instanceof z.ZodOptional) at = at.unwrap() as z.ZodType;
  return at;
}

function shapeAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodObject["shape"] {
  const at = schemaAt(schema, path);
  return at instanceof z.ZodObject ? at.shape : {};
}

/** The meaning of the value at this path; undefined if the schema has none. */
export function meaningOf(schema: z.ZodType, path: readonly PropertyKey[]): string | undefined {
  const parent = schemaAt(schema, path.slice(0, -1));
  const own = parent instanceof z.ZodObject ? partOf(parent, path.at(-1)) : undefined;
  const meta = own && (own.meta() ?? unwrap(own).meta());
  return meta?.description;
}

/** Whether the value at this path is a secret. */
export function isSecret(schema: z.ZodType, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  // Values under names that the site chooses: each may be a secret.
  if (parent instanceof z.ZodRecord) return (parent.valueType as z.ZodType).meta()?.["secret"] === true;
  if (!(parent instanceof z.ZodObject)) return false;
  const own = partOf(parent, path.at(-1));
  return own?.meta()?.["secret"] === true || (own !== undefined && unwrap(own).meta()?.["secret"] === true);
}

/** Whether the schema has the last key of a path, as far as it prescribes keys there. */
export function isKey(schema: z.ZodType, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  return !(parent instanceof z.ZodObject) || path.length === 0 || partOf(parent, path.at(-1)) !== undefined;
}
