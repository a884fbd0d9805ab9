/** The keys for a UWQ that expects other bodies, headers or statuses (docs/cctsdk.md). */
import * as v from "valibot";
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
import { converted, obeying, ruled, setting } from "./setting.ts";
import { meant } from "./problems.ts";
import { calloutNames } from "../core/crm.ts";

const contentType = v.pipe(v.string(), obeying(contentTypeProblem));

const headers = v.pipe(
  v.record(v.string(), v.pipe(v.string(), v.metadata({ secret: true }))),
  // Their values may be secrets: none is shown.
  ruled((given, report) => headerProblems(given).forEach(({ name, why }) => report(why, { at: name }))),
);

const expectedStatus = "expected a status such as 200, or a range such as 200-299";
const delivered = v.pipe(
  v.array(
    v.pipe(
      v.union([v.number(), v.string()], expectedStatus),
      obeying((given) => typeof given === "string" || Number.isInteger(given) ? undefined : expectedStatus),
      converted((given, report) => statusRange(given) ?? report("expected a status from 200 to 599, or a range such as 200-299")),
    ),
  ),
  v.nonEmpty(),
);

/** The keys of `crm` that shape the event POSTs. */
export const eventForm = {
  path: setting(
    "path of the event POSTs",
    v.pipe(
      v.string(),
      v.startsWith("/", "expected a path that begins with /"),
      v.regex(/^[\x21\x22\x24-\x7e]*$/, "expected no space, no # and only ASCII: percent-encode them, such as %20 for a space"),
    ),
    defaultEvents.path,
  ),
  contentType: setting("Content-Type of the event POSTs", contentType, defaultEvents.contentType),
  declaration: setting("whether the body of an event begins with an XML declaration", v.boolean(), defaultEvents.declaration),
  headers: setting(
    "additional headers of the event POSTs, by name; each value may be a credential",
    headers,
    defaultEvents.headers,
  ),
  delivered: setting("the statuses of UWQ's answer that confirm an event: codes (200) and ranges (200-299)", delivered, [
    statusText(defaultEvents.delivered),
  ]),
};

const alias = /^[A-Za-z0-9_.-]{1,50}$/;

/** `http.parameters`: the further names of each of Oracle's names, in any case; the output maps each further name to Oracle's. */
export const parameterAliases = v.pipe(
  v.record(v.string(), v.union([v.string(), v.array(v.string())], "expected a parameter name, or a list of them")),
  converted((given, report): ParameterAliases => {
    const aliases = new Map<string, ParameterName>();
    const known = (name: string) => parameterNames.find((parameter) => parameter.toLowerCase() === name.toLowerCase());
    for (const [key, names] of Object.entries(given)) {
      const parameter = known(key);
      if (parameter === undefined) {
        report(unlike(key, "a parameter of UWQ", parameterNames), { at: key });
        continue;
      }
      for (const name of [names].flat()) {
        const meaning = known(name) ?? aliases.get(name.toLowerCase());
        const shown = JSON.stringify(name).slice(0, 60);
        if (!alias.test(name)) report(`${shown} is not a name: expected letters, digits and _ . -`, { at: key });
        else if (meaning !== undefined) report(`${name} already means ${meaning}`, { at: key });
        else aliases.set(name.toLowerCase(), parameter);
      }
    }
    return Object.fromEntries(aliases);
  }),
);

/** The body of a success, one for all functions or one for each. */
const success = v.pipe(
  v.union(
    [v.string(), v.record(v.string(), v.string())],
    "expected element, none, the text to answer, or an object of these by function",
  ),
  converted((given, report) => {
    const body = (text: string, part?: { readonly at: string }): string => {
      const problem = successProblem(text);
      if (problem !== undefined) report(problem, part);
      return text === "" ? "none" : text;
    };
    if (typeof given === "string") return successOfAll(body(given));
    const byName = new Map<string, string>();
    for (const [key, text] of Object.entries(given)) {
      const name = key.toLowerCase();
      if (name !== "others" && !calloutNames.some((known) => known.toLowerCase() === name)) {
        report(unlike(key, "a function", [...calloutNames, "others"]), { at: key });
      } else if (byName.has(name)) report("the same function as another key: expected each once", { at: key });
      byName.set(name, body(text, { at: key }));
    }
    const bodies = successOfAll(byName.get("others") ?? "element");
    for (const name of calloutNames) bodies[name] = byName.get(name.toLowerCase()) ?? bodies[name];
    return bodies;
  }),
);

/** The error for a key that is not one of these names. */
function unlike(key: string, what: string, names: readonly string[]): string {
  const near = meant(key.toLowerCase(), names.map((name) => name.toLowerCase()));
  const name = names.find((known) => known.toLowerCase() === near);
  return name === undefined ? `not ${what}: expected ${names.join(", ")}` : `not ${what}: did you mean ${name}?`;
}

/** `http.answer`: the form of answers to callouts. */
export const answerForm = v.pipe(
  v.strictObject({
    success: setting(
      "body of a successful answer: element (an empty CCTSDK element), none (no body), or any other text unchanged; " +
        'or an object of these by function, such as {"CheckStatus": "OK", "others": "element"}',
      success,
      "element",
    ),
    contentType: setting("Content-Type of every answer", contentType, defaultAnswers.contentType),
    errorStatus: setting(
      "HTTP status of an Error; requests refused before they count as callouts keep theirs (403, 404, ...)",
      v.pipe(v.number(), v.integer(), obeying(errorStatusProblem)),
      defaultAnswers.errorStatus,
    ),
    declaration: setting(
      "whether the body of an answer begins with an XML declaration; never before a text of success",
      v.boolean(),
      defaultAnswers.declaration,
    ),
  }),
  ruled(({ success, contentType }, report) => {
    const text = Object.values(success).find((body) => /[^\0-\x7f]/.test(body));
    if (text === undefined || charsetOf(contentType) === "UTF-8") return;
    const message = `its text is not ASCII, but http.answer.contentType says ${
      charsetOf(contentType)
    }: expected ASCII, or utf-8 there`;
    report(message, { at: "success" });
  }),
);
