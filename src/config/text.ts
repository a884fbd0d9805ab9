/**
 * The text of a configuration file: JSON into values, secrets into their places, and what is wrong with them into sentences
 * for the one who wrote the file. What the keys are and mean is `config.ts`.
 */
import { closest, distance } from "fastest-levenshtein";
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { readBootFile } from "./boot-file.ts";

/** What is wrong with a configuration: every error at once, each a sentence with its path. */
export class ConfigError extends Error {
  /** The same sentences, each with its line and column where they are known. */
  readonly placed: readonly string[];

  constructor(readonly problems: readonly string[], placed: readonly string[] = problems) {
    super(problems.join("\n"));
    this.placed = placed;
  }
}

/** One thing that is wrong: a sentence that begins with its path. */
export interface Problem {
  /** Where it is; of what is missing, where it is missing. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** All that is wrong with a text. Each is placed by its value, or by the nearest one around it. */
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

/** Reads JSON. @throws ConfigError with line and column. */
export function parseJson(text: string): unknown {
  const errors: ParseError[] = [];
  const tree = treeOf(text, errors);
  if (errors.length > 0 || tree === undefined) {
    // The first is the cause, what follows mostly its echo.
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
    // Brackets in brackets by the ten thousand: the parser's own stack is at its end.
    if (error instanceof RangeError) throw new ConfigError(["not JSON: nested too deeply"]);
    throw error;
  }
}

/** Of which JSON.parse would take the second, without a word: keys that one object has twice. */
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

/** Quotation marks that a word processor or a phone has made round are what people do not see. */
function curly(text: string, offset: number, length: number): string {
  const [mark] = /[\u2018-\u201f\u00ab\u00bb]/.exec(text.slice(offset, offset + length)) ?? [];
  return mark === undefined ? "" : ` ${mark}: expected "`;
}

/** "CommaExpected" as people write it. */
function words(code: string): string {
  return code.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** Secrets in files that lie beside the configuration, on a boot partition. */
export interface Beside {
  /** Where they lie: a path without a folder is one there. */
  readonly folder: string;
  /** Only these are filled in; other references stay as they are. */
  readonly only: boolean;
  /** Those that were asked for are added. */
  readonly files: Set<string>;
}

function insideOf(folder: string, target: string): string | undefined {
  const file = resolve(folder, target);
  return file.startsWith(join(resolve(folder), "/")) ? file : undefined;
}

/** Puts the text of `{"file": ...}` and `{"credential": ...}` in the places of secrets, and nowhere else. */
export class Secrets {
  /** What went wrong, by path. */
  readonly problems = new Map<string, Problem>();
  readonly #schema: z.ZodType;
  readonly #environment: Record<string, string | undefined>;
  readonly #beside: Beside | undefined;

  constructor(schema: z.ZodType, environment: Record<string, string | undefined>, beside?: Beside) {
    this.#schema = schema;
    this.#environment = environment;
    this.#beside = beside;
  }

  filledIn(value: unknown, path: readonly PropertyKey[] = []): unknown {
    if (Array.isArray(value)) return value.map((item, index) => this.filledIn(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value);
    const [key, target] = entries[0] ?? [];
    const refers = entries.length === 1 && (key === "file" || key === "credential") && typeof target === "string";
    if (refers && isSecret(this.#schema, path)) {
      const near = key === "file" ? this.#beside && insideOf(this.#beside.folder, target) : undefined;
      if (near !== undefined) return this.#readBeside(near, path);
      return this.#beside?.only ? value : this.#read(key, target, path);
    }
    return Object.fromEntries(entries.map(([name, item]) => [name, this.filledIn(item, [...path, name])]));
  }

  #read(key: "file" | "credential", target: string, at: readonly PropertyKey[]): string {
    const directory = this.#environment["CREDENTIALS_DIRECTORY"];
    if (key === "credential" && directory === undefined) {
      const place = `/etc/telesetd/secrets/${target}`;
      return this.#problem(at, `asks for the credential ${target}: expected the file ${place}, and there is no such folder`);
    }
    // LoadCredential=secrets:FOLDER (systemd.exec(5)) gives the file X in that folder the name secrets_X.
    const folded = join(directory ?? "", `secrets_${target}`);
    const file = key === "file" ? target : existsSync(folded) ? folded : join(directory ?? "", target);
    try {
      return secretIn(readFileSync(file, "utf8"));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
      // The service's user is nobody else: what only root may read is given to it as a credential.
      const hint = code === "EACCES" && key === "file"
        ? ': put it into /etc/telesetd/secrets and write {"credential": "its name"}'
        : "";
      const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : code;
      return this.#problem(at, `names ${file}: cannot read it: ${why}${hint}`);
    }
  }

  /** On a boot partition a secret's file is as little to be trusted as the configuration itself. */
  #readBeside(file: string, at: readonly PropertyKey[]): string {
    this.#beside?.files.add(file);
    const found = readBootFile(file)?.content ?? { trouble: "there is no such file: put it beside the configuration" };
    return "trouble" in found ? this.#problem(at, `names ${file}: ${found.trouble}`) : secretIn(found.text);
  }

  #problem(at: readonly PropertyKey[], text: string): "" {
    const path = pathText(at);
    this.problems.set(path, { path: at, text: `${path} ${text}` });
    return "";
  }
}

/** A secret's file ends with a line's end, and begins with a byte order mark where it was written on Windows. */
function secretIn(text: string): string {
  return text.replace(/^\uFEFF/, "").replace(/\r?\n$/, "");
}

/** What an issue of the schema says to the one who wrote the file; never the value of a secret. */
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

/** The name that a mistyped one seems to mean; nothing when none is near. */
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

/** The schema's types in words. */
const typeWords: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** What a minimum counts. */
function unit(origin: string, n: number | bigint): string {
  const word = origin === "array" ? " entry" : origin === "string" ? " character" : "";
  return word === "" || Number(n) === 1 ? word : `${word.replace("entry", "entrie")}s`;
}

/** `desks[0].extension`, or `the configuration` for the whole. */
export function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[\w$-]+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`;
  }).join("").replace(/^\./, "");
  return text === "" ? "the configuration" : text;
}

/** Walks the schema along a path, through defaults and lists. */
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

/** A key of an object's schema; `constructor` and the like are none. */
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

function isSecret(schema: z.ZodType, path: readonly PropertyKey[]): boolean {
  const parent = schemaAt(schema, path.slice(0, -1));
  // Values by names of the site's own, of which each may be a secret.
  if (parent instanceof z.ZodRecord) return (parent.valueType as z.ZodType).meta()?.["secret"] === true;
  if (!(parent instanceof z.ZodObject)) return false;
  const own = partOf(parent, path.at(-1));
  return own?.meta()?.["secret"] === true || (own !== undefined && unwrap(own).meta()?.["secret"] === true);
}
