/** The configuration while it is being made: the existing one, with the answers put in. */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type Driver, drivers, type QuestionGroup } from "../../../drivers/registry.ts";

/** A configuration as it is in its file; only the keys that setup asks for are read. */
export interface Draft {
  desks?: { extension?: unknown }[];
  line?: Record<string, unknown>;
  http?: Record<string, unknown>;
  numbers?: Record<string, unknown>;
  [key: string]: unknown;
}

/** The `line` part of a configuration, as it is in the file. */
export type Line = Readonly<Record<string, unknown>>;

/** The existing configuration; undefined if there is none, or it is not a JSON object. */
export function readDraft(file: string): Draft | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8").replace(/^\uFEFF/, ""));
    return typeof found === "object" && found !== null && !Array.isArray(found) ? found as Draft : undefined;
  } catch {
    return undefined;
  }
}

/** The desks with these extensions: existing desks keep their other keys. */
export function desksWith(extensions: readonly string[], { desks }: Draft): { extension: string }[] {
  const former = Array.isArray(desks) ? desks : [];
  return extensions.map((extension) => ({ ...former.find((desk) => desk?.extension === extension), extension }));
}

/** The extensions of the existing desks, with spaces between. */
export function extensionsOf({ desks }: Draft): string {
  const list = Array.isArray(desks) ? desks.map((desk) => desk?.extension) : [];
  return list.filter((extension) => typeof extension === "string").join(" ");
}

const letters = "abcdefghijkmnpqrstuvwxyz23456789";

/** A path that cannot be guessed (60 bits), without letters that look alike: it is copied by hand. */
export function randomPrefix(): string {
  return `/${Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join("")}`;
}

/** The rule that removes the digits for an outside line, as in the reference configuration. */
export function outsideRule(digits: string): { match: string; replace: string; direction: string } {
  return { match: `^${digits}(\\d{4,})$`, replace: "$1", direction: "outbound" };
}

/** The digits in such a rule; "" without rules, nothing with other rules. */
export function outsideDigits({ numbers }: Draft): string | undefined {
  const rules = numbers?.["toCrm"];
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0)) return "";
  const [only] = Array.isArray(rules) && rules.length === 1 ? rules as { match?: unknown }[] : [];
  return /^\^(\d{1,4})\(\\d\{4,\}\)\$$/.exec(String(only?.match))?.[1];
}

/** The draft as if all had been answered well: the errors that remain, no answer fixes. */
export function withAnswers(draft: Draft): Draft {
  const { desks, http = {}, numbers = {} } = draft;
  const former = Array.isArray(desks) ? desks : [];
  const driver = driverOf(draft);
  return {
    ...draft,
    desks: former.length === 0 ? desksWith(["1"], draft) : former.map((desk, index) => ({ ...desk, extension: `${index + 1}` })),
    line: { ...required(driver), ...without(lineFor(driver, draft), keysOf(driver.setup)) },
    http: typeof http["prefix"] === "object" ? http : { ...http, prefix: "/any" },
    numbers: outsideDigits(draft) === undefined ? numbers : { ...numbers, toCrm: [] },
  };
}

/** The driver that the draft names; the first when it names none. */
export function driverOf({ line }: Draft): Driver {
  return drivers.find(({ name }) => name === line?.["driver"]) ?? drivers[0];
}

/** The driver's settings in the draft; none when they are another driver's. */
export function lineFor({ name }: Driver, { line }: Draft): Line {
  const { driver = name, ...settings } = { ...line };
  return { driver: name, ...(driver === name ? settings : {}) };
}

/** The driver's required settings, with the values of the documentation's example. */
export function required({ schema, reference }: Driver): Line {
  return Object.fromEntries(Object.entries(reference).filter(([key]) => !schema.shape[key].safeParse(undefined).success));
}

/** The keys that these groups ask for. */
export function keysOf(groups: readonly QuestionGroup[]): string[] {
  return groups.flatMap(({ questions }) => questions.map(({ key }) => key));
}

/** The settings without these keys. */
export function without(line: Line, keys: readonly string[]): Line {
  return Object.fromEntries(Object.entries(line).filter(([key]) => !keys.includes(key)));
}
