/**
 * What schemas of settings are made of, besides the parts of valibot. The meaning of a setting becomes its description in the JSON
 * Schema, on the reference page and on the page of the box.
 */
import * as v from "valibot";

/** What else a schema says about a setting. */
export interface About {
  /** Its value is never shown, and may be `{"file": ...}` or `{"credential": ...}` instead. */
  readonly secret?: true;
  /** The name that the key had before. */
  readonly formerly?: string;
}

/** A setting that has to be given. */
export function required<S extends v.GenericSchema>(meaning: string, schema: S, about: About = {}): S {
  return v.pipe(schema, v.metadata({ description: meaning, ...about })) as unknown as S;
}

/** A setting that may be absent. */
export function optional<S extends v.GenericSchema>(
  meaning: string,
  schema: S,
  about: About = {},
): v.OptionalSchema<S, undefined> {
  return v.optional(required(meaning, schema, about));
}

/** A setting with a default, which is written as in the file. */
export function setting<S extends v.GenericSchema>(
  meaning: string,
  schema: S,
  fallback: v.InferInput<S>,
  about: About = {},
): v.OptionalSchema<S, v.InferInput<S>> {
  return v.optional(required(meaning, schema, about), fallback);
}

/** A whole number in a range. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): v.GenericSchema<number> {
  return v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
}

/** A number above 0. */
export function positive(most?: number): v.GenericSchema<number> {
  const above = v.pipe(v.number(), v.gtValue(0));
  return most === undefined ? above : v.pipe(above, v.maxValue(most));
}

/** Text that matches a pattern. @param expected the rest of the sentence if it does not: `expected digits`. */
export function matching(pattern: RegExp, expected: string): v.GenericSchema<string> {
  return v.pipe(v.string(), v.regex(pattern, expected));
}

/**
 * Adds an error about the value, which it shows, or about its part `at`, of which it shows `input` if that is given. A conversion
 * returns it instead of a result.
 */
export type Report = (message: string, part?: { readonly at: string; readonly input?: unknown }) => never;

/** A check that reports its errors itself. */
export function ruled<T>(rule: (value: T, report: Report) => void): v.RawCheckAction<T> {
  return v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.typed) rule(dataset.value, reporting(addIssue));
  });
}

/** A check by a function that gives the rest of the error's sentence. */
export function obeying<T>(problem: (value: T) => string | undefined): v.RawCheckAction<T> {
  return ruled((value, report) => {
    const message = problem(value);
    if (message !== undefined) report(message);
  });
}

/** A conversion, which fails if it reports an error. */
export function converted<T, U>(convert: (value: T, report: Report) => U): v.RawTransformAction<T, U> {
  return v.rawTransform(({ dataset, addIssue, NEVER }) => {
    let failed = false;
    const report = reporting(addIssue);
    const result = convert(dataset.value, (...error) => {
      failed = true;
      return report(...error);
    });
    return failed ? NEVER : result;
  });
}

function reporting(addIssue: (info: { message: string; input?: unknown; path?: [v.UnknownPathItem] }) => void): Report {
  return (message, part) => {
    if (part === undefined) addIssue({ message });
    else {
      const input = part.input ?? {};
      addIssue({ message, input, path: [{ type: "unknown", origin: "value", input, key: part.at, value: input }] });
    }
    return undefined as never;
  };
}

/** A list, or a text that stands for it. @param read makes the list of the text. */
export function listOr<S extends v.GenericSchema>(
  list: S,
  read: (text: string) => v.InferInput<S>,
): v.GenericSchema<string | v.InferInput<S>, v.InferOutput<S>> {
  const written = v.pipe(v.string(), v.transform(read), list);
  return v.lazy((given) => typeof given === "string" ? written : list) as v.GenericSchema<
    string | v.InferInput<S>,
    v.InferOutput<S>
  >;
}

/** A list, or its items in one text, with commas or spaces between them. */
export function words<S extends v.GenericSchema<readonly string[]>>(
  list: S,
): v.GenericSchema<string | v.InferInput<S>, v.InferOutput<S>> {
  return listOr(list, (text) => text.split(/[\s,]+/).filter((part) => part !== ""));
}
