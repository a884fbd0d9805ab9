/** Parses a configuration file by its schema: every error at once, with its path. */
import type * as z from "zod";
import type { Secrets } from "./secrets.ts";
import { configError, givenTwice, parseJson, pathText, type Problem, sentences } from "./text.ts";

/**
 * Parses the text of a file by a schema. @param further problems found otherwise.
 * @throws ConfigError with all errors.
 */
export function parseBy(schema: z.ZodType, text: string, secrets: Secrets, further: readonly Problem[]): unknown {
  const result = schema.safeParse(secrets.filledIn(parseJson(text)), { reportInput: true });
  const problems = [...secrets.problems.values(), ...givenTwice(text), ...further];
  if (!result.success) {
    const others = result.error.issues.filter(({ path }) => !secrets.problems.has(pathText(path)));
    problems.push(...others.flatMap((issue) => sentences(issue, schema)));
  }
  if (!result.success || problems.length > 0) throw configError(text, problems);
  return result.data;
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
