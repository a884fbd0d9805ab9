/** Failures carry codes: nothing is decided by the wording of a sentence that is for people. */
import { describe, expect, test } from "bun:test";
import { type Source, sources } from "./support/sources.ts";

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

/** What looks like it, and is not. */
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
