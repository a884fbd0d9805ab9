/** The configuration under construction: the existing one, with the answers inserted. */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type Driver, drivers, type QuestionGroup } from "../../../drivers/registry.ts";
import { readKey } from "../../config/problems.ts";

/** A part of a configuration, as it is in the file. */
export type Section = Readonly<Record<string, unknown>>;

/** A configuration as it is in its file; a section that setup asks about is empty if the file has anything else in its place. */
export interface Draft extends Section {
  readonly desks: readonly Section[];
  readonly line: Section;
  readonly http: Section;
  readonly numbers: Section;
}

/** A configuration without anything. */
export const emptyDraft: Draft = { desks: [], line: {}, http: {}, numbers: {} };

/** The existing configuration; undefined if there is none, or it is not a JSON object. */
export function readDraft(file: string): Draft | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8").replace(/^\uFEFF/, ""));
    if (!isSection(found)) return undefined;
    const section = (key: string): Section => isSection(found[key]) ? found[key] : {};
    const desks = Array.isArray(found["desks"]) ? found["desks"].filter(isSection) : [];
    return { ...found, desks, line: section("line"), http: section("http"), numbers: section("numbers") };
  } catch {
    return undefined;
  }
}

function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a reference to a file or credential that has the secret. */
export function isReference(value: unknown): boolean {
  return isSection(value) && ("file" in value || "credential" in value);
}

/** The desks with these extensions: existing desks keep their other keys. */
export function desksWith(extensions: readonly string[], { desks }: Draft): Section[] {
  return extensions.map((extension) => ({ ...desks.find((desk) => desk["extension"] === extension), extension }));
}

/** The extensions of the desks. */
export function extensionsOf({ desks }: Pick<Draft, "desks">): string[] {
  return desks.flatMap(({ extension }) => typeof extension === "string" ? [extension] : []);
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
  const { toCrm: rules = [] } = numbers;
  if (!Array.isArray(rules) || rules.length > 1) return undefined;
  return rules.length === 0 ? "" : /^\^(\d{1,4})\(\\d\{4,\}\)\$$/.exec(String(rules[0]?.match))?.[1];
}

/** The draft as if every question had a valid answer: errors that remain cannot be fixed by answers. */
export function withAnswers(draft: Draft): Draft {
  const { desks, http, numbers } = draft;
  const driver = driverNamedIn(draft);
  return {
    ...draft,
    desks: (desks.length === 0 ? [{}] : desks).map((desk, index) => ({ ...desk, extension: `${index + 1}` })),
    line: { ...required(driver), ...without(lineFor(driver, draft), keysOf(driver.setup)) },
    http: isReference(http["prefix"]) ? http : { ...http, prefix: "/any" },
    numbers: outsideDigits(draft) === undefined ? numbers : { ...numbers, toCrm: [] },
  };
}

/** The driver that the draft names; the first driver if it names none that exists. */
export function driverNamedIn({ line }: Draft): Driver {
  return drivers.find(({ name }) => name === line["driver"]) ?? drivers[0];
}

/** The driver's settings in the draft; empty if the draft has those of another driver. */
export function lineFor({ name }: Driver, { line }: Draft): Section {
  const { driver = name, ...settings } = line;
  return { driver: name, ...(driver === name ? settings : {}) };
}

/** The driver's required settings, with the values of the documentation's example. */
export function required({ schema, reference }: Driver): Section {
  return Object.fromEntries(Object.entries(reference).filter(([key]) => !readKey(schema, key, undefined).valid));
}

/** The keys that these groups ask for. */
export function keysOf(groups: readonly QuestionGroup[]): string[] {
  return groups.flatMap(({ questions }) => questions.map(({ key }) => key));
}

/** The settings without these keys. */
export function without(line: Section, keys: readonly string[]): Section {
  return Object.fromEntries(Object.entries(line).filter(([key]) => !keys.includes(key)));
}
