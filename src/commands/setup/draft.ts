/** A configuration in the making: what there was, with the answers put in. */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** A configuration as it stands in its file; only what setup asks for is looked at. */
export interface Draft {
  desks?: { extension?: unknown }[];
  line?: Record<string, unknown>;
  http?: Record<string, unknown>;
  numbers?: Record<string, unknown>;
  [key: string]: unknown;
}

/** The configuration that is there; nothing when there is none, or it is no JSON object. */
export function readDraft(file: string): Draft | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8").replace(/^\uFEFF/, ""));
    return typeof found === "object" && found !== null && !Array.isArray(found) ? found as Draft : undefined;
  } catch {
    return undefined;
  }
}

/** The desks with these extensions: a desk that was there keeps its other keys. */
export function desksWith(extensions: readonly string[], { desks }: Draft): { extension: string }[] {
  const former = Array.isArray(desks) ? desks : [];
  return extensions.map((extension) => ({ ...former.find((desk) => desk?.extension === extension), extension }));
}

/** The extensions that are there. */
export function extensionsOf({ desks }: Draft): string {
  const list = Array.isArray(desks) ? desks.map((desk) => desk?.extension) : [];
  return list.filter((each) => typeof each === "string").join(" ");
}

const letters = "abcdefghijkmnpqrstuvwxyz23456789";

/** A path that nobody guesses (60 bits), without letters that look alike: it is copied by hand. */
export function randomPrefix(): string {
  return `/${Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join("")}`;
}

/** The rule that takes the digits for an outside line off again, as the reference configuration has it. */
export function outsideRule(digits: string): { match: string; replace: string; direction: string } {
  return { match: `^${digits}(\\d{4,})$`, replace: "$1", direction: "outbound" };
}

/** The digits of such a rule; nothing when the rules are others. */
export function outsideDigits({ numbers }: Draft): string | undefined {
  const rules = numbers?.["toCrm"];
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0)) return "";
  const [only] = Array.isArray(rules) && rules.length === 1 ? rules as { match?: unknown }[] : [];
  return /^\^(\d{1,4})\(\\d\{4,\}\)\$$/.exec(String(only?.match))?.[1];
}

/** The draft as if all had been answered well: what is wrong with it then, no answer mends. */
export function withAnswers(draft: Draft): Draft {
  const { desks, line = {}, http = {}, numbers = {} } = draft;
  const former = Array.isArray(desks) ? desks : [];
  const { user: _, ...rest } = line;
  const { driver = "freeswitch" } = line;
  const answered = { ...rest, driver, host: "localhost", port: 8021, password: "any", domain: "any" };
  return {
    ...draft,
    desks: former.length === 0 ? desksWith(["1"], draft) : former.map((desk, index) => ({ ...desk, extension: `${index + 1}` })),
    line: driver === "freeswitch" ? answered : line,
    http: typeof http["prefix"] === "object" ? http : { ...http, prefix: "/any" },
    numbers: outsideDigits(draft) === undefined ? numbers : { ...numbers, toCrm: [] },
  };
}
