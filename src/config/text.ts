/**
 * Reads the text of a configuration file: JSON to values, and errors to sentences for its author. The keys are defined in
 * schema.ts.
 */
import { findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

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

/** The errors of a text in its order, each located by its value or by the nearest value around it. */
export function configError(text: string, problems: readonly Problem[]): ConfigError {
  const tree = parseTree(text);
  const found = problems.map((problem) => ({ text: problem.text, offset: nearest(tree, problem.path)?.offset ?? 0 }));
  found.sort((a, b) => a.offset - b.offset);
  return new ConfigError(
    found.map(({ text }) => text),
    found.map(({ text: what, offset }) => `${what} (${placeAt(text, offset)})`),
  );
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

/** `desks[0].extension`; `the configuration` for the empty path. */
export function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => {
    if (typeof part === "number") return `[${part}]`;
    return /^[\w$-]+$/.test(String(part)) ? `.${String(part)}` : `[${JSON.stringify(part)}]`;
  }).join("").replace(/^\./, "");
  return text === "" ? "the configuration" : text;
}
