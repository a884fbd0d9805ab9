/** Parses a configuration file by its schema: every error at once, with its path. */
import * as v from "valibot";
import type { Secrets } from "./secrets.ts";
import { checking, problemsOf } from "./problems.ts";
import { configError, givenTwice, parseJson, pathText, type Problem } from "./text.ts";

/**
 * Parses the text of a file by a schema. @param further problems found otherwise.
 * @throws ConfigError with all errors.
 */
export function parseBy(schema: v.GenericSchema, text: string, secrets: Secrets, further: readonly Problem[]): unknown {
  const value = secrets.filledIn(parseJson(text));
  const result = v.safeParse(schema, value, checking);
  const problems = [
    ...secrets.problems.values(),
    ...givenTwice(text),
    ...further,
    ...problemsOf(result.issues ?? [], value, schema).filter(({ path }) => !secrets.problems.has(pathText(path))),
  ];
  if (!result.success || problems.length > 0) throw configError(text, problems);
  return result.output;
}

/** Finds extensions that are listed twice, whatever other errors there are. @param path that of the object with the desks. */
export function listedTwice(raw: unknown, path: readonly string[]): Problem[] {
  const desks = (raw as { desks?: unknown } | null)?.desks;
  const extensions: unknown[] = Array.isArray(desks) ? desks.map((desk) => desk?.extension) : [];
  const first = new Map<unknown, number>();
  return extensions.flatMap((extension, index) => {
    if (typeof extension !== "string" || !first.has(extension)) {
      first.set(extension, index);
      return [];
    }
    const at = [...path, "desks", index, "extension"];
    return [{ path: at, text: `${pathText(at)}: ${extension.slice(0, 40)} is listed twice` }];
  });
}
