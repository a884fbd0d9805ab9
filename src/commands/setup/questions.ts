/** What setup asks, question by question; the driver's own are in line.ts. */
import { type Driver, drivers } from "../../../drivers/registry.ts";
import { meaningOf } from "../../config/problems.ts";
import { prefixPattern } from "../../config/schema.ts";
import {
  desksWith,
  type Draft,
  driverNamedIn,
  extensionsOf,
  isReference,
  outsideDigits,
  outsideRule,
  randomPrefix,
  type Section,
} from "./draft.ts";
import { askLine } from "./line.ts";
import { answer, type Talk } from "./talk.ts";

/** Asks all questions; returns the complete configuration. Rejects with Interrupted. */
export async function askAll(former: Draft, talk: Talk): Promise<Draft> {
  const driver = await askDriver(former, talk);
  const askDesks = (offered: readonly string[]) => askExtensions(offered, former, talk);
  const { desks, line } = await askLine(driver, former, await askDesks(extensionsOf(former)), talk, askDesks);
  const http = await askPrefix(former.http, talk);
  const numbers = await askNumbers(former, talk);
  return { ...former, desks, line, http, numbers };
}

async function askExtensions(offered: readonly string[], former: Draft, talk: Talk): Promise<Section[]> {
  const extensions = await answer(talk, {
    text: "Extension of the desk phone (several: separated by spaces or commas)",
    fallback: offered.join(" "),
    read: (typed) => /^\d{1,20}([ ,]+\d{1,20})*$/.test(typed) ? typed.split(/[ ,]+/) : undefined,
    expected: "digits, for example 1001",
  });
  return desksWith([...new Set(extensions)], former);
}

/** Reads an answer of this form. */
function matching(pattern: RegExp): (typed: string) => string | undefined {
  return (typed) => pattern.test(typed) ? typed : undefined;
}

async function askDriver(former: Draft, talk: Talk): Promise<Driver> {
  for (const { name, schema } of drivers) talk.say(`  ${name}: ${meaningOf(schema, ["driver"])}`);
  const driver = await answer(talk, {
    text: "Driver for the switch",
    fallback: driverNamedIn(former).name,
    read: (typed) => drivers.find(({ name }) => name === typed),
    expected: drivers.map(({ name }) => name).join(", ").replace(/, ([^,]*)$/, " or $1"),
  });
  const { driver: before = driver.name } = former.line;
  if (before !== driver.name) talk.say(`  The settings of the driver ${before} are not kept.`);
  return driver;
}

async function askPrefix(former: Section, talk: Talk): Promise<Section> {
  const { prefix, ...rest } = former;
  if (isReference(prefix)) return former;
  const fallback = typeof prefix === "string" ? prefix : randomPrefix();
  const given = await answer(talk, {
    text: "Secret path of UWQ's URL (none: for ports that the PC forwards)",
    fallback,
    read: matching(new RegExp(`^none$|${prefixPattern.source}`)),
    expected: "a path that the box does not use itself, for example /k3y, or none",
  });
  return given === "none" ? rest : { ...rest, prefix: given };
}

async function askNumbers(former: Draft, talk: Talk): Promise<Section> {
  const { numbers } = former;
  const fallback = outsideDigits(former);
  if (fallback === undefined) {
    talk.say("  numbers.toCrm has other rules: they stay unchanged.");
    return numbers;
  }
  const digits = await answer(talk, {
    text: "Digits dialled for an outside line, which UWQ must not see (none, or for example 9)",
    fallback: fallback === "" ? "none" : fallback,
    read: matching(/^(none|\d{1,4})$/),
    expected: "at most four digits, or none",
  });
  return { ...numbers, toCrm: digits === "none" ? [] : [outsideRule(digits)] };
}
