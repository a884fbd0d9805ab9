/** Rules for what decides: failures carry codes, so no sentence for people is searched; a driver's settings are its own. */
import { describe, expect, test } from "bun:test";
import { lineSchemas } from "../drivers/registry.ts";
import { codeOf, type Source, sources } from "./support/sources.ts";

/** The names under which the code holds such sentences. */
const sentence = String.raw`(?:\w+\??\.)*(?:why|message|advice|trouble|said|says|explanation)\b`;
const byWording = new RegExp(
  [
    String.raw`\/[a-z]*\.(?:test|exec)\(${sentence}`,
    String.raw`\b${sentence}(?:\(\))?\??\.(?:includes|startsWith|endsWith|match|matchAll|search|indexOf)\(`,
    String.raw`\b${sentence} [!=]== ["'\x60]\w+ `,
    String.raw`\b(?:message|advice) [!=]== (?!undefined\b)\w`,
  ].join("|"),
);

/** What resembles it, but is not. */
const exceptions: readonly { readonly line: RegExp; readonly why: string }[] = [
  { line: /\/\[\.\?!\]\$\/\.test\(/, why: "how a sentence ends decides only whether a full stop is added" },
];

function linesByWording({ path, text }: Pick<Source, "path" | "text">): string[] {
  return text.split("\n").filter((line) => byWording.test(line) && !exceptions.some((exception) => exception.line.test(line)))
    .map((line) => `${path}: ${line.trim()}`);
}

test("nothing in src and drivers decides by wording", () => {
  expect(sources("src", "drivers").flatMap(linesByWording)).toEqual([]);
});

describe("the rule finds", () => {
  test.each([
    'if (/refuses the login/.test(message)) return "";',
    "if (/is not set/i.exec(found.why)) {",
    'const wrong = said?.includes("exit code 2") ? 1 : 0;',
    'if (error.message.startsWith("no such")) {',
    'if (end.why === "given up by us") return;',
    "const gone = hop.advice === nothingAnswers;",
  ])("%s", (line) => expect(linesByWording({ path: "x.ts", text: line })).toEqual([`x.ts: ${line}`]));

  test.each(["if (known === why) return;", 'if (why === undefined) return "";', "if (/^auth/.test(command)) {", 'why === ""'])(
    "not %s",
    (line) => expect(linesByWording({ path: "x.ts", text: line })).toEqual([]),
  );
});

describe("only a driver knows the keys of its settings:", () => {
  const keys = Object.values(lineSchemas).flatMap(({ entries }) => Object.keys(entries)).filter((key) => key !== "driver").join(
    "|",
  );
  const byKey = new RegExp(
    [
      String.raw`\bline[?!]?\.(?:${keys})\b`,
      String.raw`\{[^{}]*\b(?:${keys})\b[^{}]*\}(?:: [\w<>, ]+)? = (?:\w+\.)*line\b`,
      String.raw`\bline: \{[^{}]*(?<![.\w])(?:${keys}) ?[:,}]`,
    ].join("|"),
  );
  const usesKey = (text: string) => byKey.test(codeOf(text.replace(/(?:\?\.)?\["(\w+)"\]/g, ".$1")));

  test("nothing in src reads or sets one", () => {
    expect(sources("src").filter(({ text }) => usesKey(text)).map(({ path }) => path)).toEqual([]);
  });

  test.each([
    'const acd: unknown = line["acd"];',
    "if (config.line.host === undefined) return;",
    "const { host, port } = config.line;",
    "const { host }: Settings = line;",
    'startApp({ line: { ...base.line, host: "127.0.0.1" } });',
  ])("the rule finds %s", (text) => expect(usesKey(text)).toBe(true));

  test.each(["if (desk.line.link.up) return;", "const { driver } = config.line;", '"check line.host"; // line.port'])(
    "but not %s",
    (text) => expect(usesKey(text)).toBe(false),
  );
});
