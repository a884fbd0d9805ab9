/** The keys for a UWQ that expects other bodies, headers or statuses (docs/cctsdk.md). */
import * as z from "zod";
import {
  charsetOf,
  contentTypeProblem,
  defaultAnswers,
  defaultEvents,
  errorStatusProblem,
  headerProblems,
  type ParameterAliases,
  type ParameterName,
  parameterNames,
  statusRange,
  statusText,
  successOfAll,
  successProblem,
} from "../cctsdk/profile.ts";
import { meant } from "./text.ts";
import { calloutNames } from "../core/crm.ts";

/** Makes a rule a check of the schema. */
function ruled<T>(problem: (value: T) => string | undefined): (value: T, context: z.RefinementCtx) => void {
  return (value, context) => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  };
}

const contentType = z.string().superRefine(ruled(contentTypeProblem));

const headers = z.record(z.string(), z.string().meta({ secret: true })).superRefine((given, context) => {
  for (const { name, why } of headerProblems(given)) {
    // With an object as input, no value is shown: it may be a secret.
    context.addIssue({ code: "custom", path: [name], message: why, input: given });
  }
});

const delivered = z.array(
  z.union([z.int(), z.string()], { error: "expected a status such as 200, or a range such as 200-299" })
    .transform((given, context) => {
      const range = statusRange(given);
      if (range !== undefined) return range;
      context.addIssue({
        code: "custom",
        message: "expected a status from 200 to 599, or a range such as 200-299",
        input: given,
      });
      return z.NEVER;
    }),
).min(1);

/** The keys of `crm` that shape the event POSTs. */
export const eventForm = {
  path: z.string().startsWith("/", "expected a path that begins with /").regex(
    /^[\x21\x22\x24-\x7e]*$/,
    "expected no space, no # and only ASCII: percent-encode them, such as %20 for a space",
  ).default(defaultEvents.path).meta({ description: "path of the event POSTs" }),
  contentType: contentType.default(defaultEvents.contentType).meta({ description: "Content-Type of the event POSTs" }),
  declaration: z.boolean().default(defaultEvents.declaration).meta({
    description: "whether the body of an event begins with an XML declaration",
  }),
  headers: headers.default(defaultEvents.headers).meta({
    description: "additional headers of the event POSTs, by name; each value may be a credential",
  }),
  delivered: delivered.prefault([statusText(defaultEvents.delivered)]).meta({
    description: "the statuses of UWQ's answer that confirm an event: codes (200) and ranges (200-299)",
  }),
};

const alias = /^[A-Za-z0-9_.-]{1,50}$/;

/** `http.parameters`: the further names of each of Oracle's names, in any case; the output maps each further name to Oracle's. */
export const parameterAliases = z.record(
  z.string(),
  z.union([z.string(), z.array(z.string())], { error: "expected a parameter name, or a list of them" }),
).transform((given, context): ParameterAliases => {
  const aliases = new Map<string, ParameterName>();
  const known = (name: string) => parameterNames.find((parameter) => parameter.toLowerCase() === name.toLowerCase());
  for (const [key, names] of Object.entries(given)) {
    const add = (message: string) => context.addIssue({ code: "custom", path: [key], message, input: {} });
    const parameter = known(key);
    if (parameter === undefined) {
      add(unlike(key, "a parameter of UWQ", parameterNames));
      continue;
    }
    for (const name of [names].flat()) {
      const meaning = known(name) ?? aliases.get(name.toLowerCase());
      if (!alias.test(name)) add(`${JSON.stringify(name).slice(0, 60)} is not a name: expected letters, digits and _ . -`);
      else if (meaning !== undefined) add(`${name} already means ${meaning}`);
      else aliases.set(name.toLowerCase(), parameter);
    }
  }
  return Object.fromEntries(aliases);
});

/** The body of a success, one for all functions or one for each. */
const success = z.union([z.string(), z.record(z.string(), z.string())], {
  error: "expected element, none, the text to answer, or an object of these by function",
}).transform((given, context) => {
  const add = (message: string, ...path: string[]) => {
    context.addIssue({ code: "custom", path, message, input: path.length === 0 ? given : {} });
  };
  const body = (text: string, ...path: string[]): string => {
    const problem = successProblem(text);
    if (problem !== undefined) add(problem, ...path);
    return text === "" ? "none" : text;
  };
  if (typeof given === "string") return successOfAll(body(given));
  const byName = new Map<string, string>();
  for (const [key, text] of Object.entries(given)) {
    const name = key.toLowerCase();
    if (name !== "others" && !calloutNames.some((known) => known.toLowerCase() === name)) {
      add(unlike(key, "a function", [...calloutNames, "others"]), key);
    } else if (byName.has(name)) add("the same function as another key: expected each once", key);
    byName.set(name, body(text, key));
  }
  const bodies = successOfAll(byName.get("others") ?? "element");
  for (const name of calloutNames) bodies[name] = byName.get(name.toLowerCase()) ?? bodies[name];
  return bodies;
});

/** The error for a key that is not one of these names. */
function unlike(key: string, what: string, names: readonly string[]): string {
  const near = meant(key.toLowerCase(), names.map((name) => name.toLowerCase()));
  const name = names.find((known) => known.toLowerCase() === near);
  return name === undefined ? `not ${what}: expected ${names.join(", ")}` : `not ${what}: did you mean ${name}?`;
}

/** `http.answer`: the form of answers to callouts. */
export const answerForm = z.strictObject({
  success: success.prefault("element").meta({
    description: "body of a successful answer: element (an empty CCTSDK element), none (no body), or any other text unchanged; " +
      'or an object of these by function, such as {"CheckStatus": "OK", "others": "element"}',
  }),
  contentType: contentType.default(defaultAnswers.contentType).meta({ description: "Content-Type of every answer" }),
  errorStatus: z.int().superRefine(ruled(errorStatusProblem)).default(defaultAnswers.errorStatus).meta({
    description: "HTTP status of an Error; requests refused before they count as callouts keep theirs (403, 404, ...)",
  }),
  declaration: z.boolean().default(defaultAnswers.declaration).meta({
    description: "whether the body of an answer begins with an XML declaration; never before a text of success",
  }),
}).superRefine(({ success, contentType }, context) => {
  const text = Object.values(success).find((body) => /[^\0-\x7f]/.test(body));
  if (text === undefined || charsetOf(contentType) === "UTF-8") return;
  const message = `its text is not ASCII, but http.answer.contentType says ${
    charsetOf(contentType)
  }: expected ASCII, or utf-8 there`;
  context.addIssue({ code: "custom", path: ["success"], message, input: {} });
});
