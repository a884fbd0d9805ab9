/** Rules for the English of comments, messages and test names. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { codeOf, root, sources } from "./support/sources.ts";

/** What not to write, and what to write instead. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/\b(?:wants? (?:\d|\$\{|at (?:least|most)\b|an?\b|to be\b)|wants:)/, "expected (errors); needs, requires"],
  [/(?<!\bthere )\b(?:is|are) none\b/i, "is invalid, is not a ..."],
  [/(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|one\b)[a-z]+\b/i, "is not a ..."],
  [/\bmend(?:s|ed|ing)?\b/, "fix"],
  [/\b(?:is|are|was|were|be|been|being) told\b/, "is sent, is delivered, is reported"],
  [/\b(?:come|comes|came) to nothing\b/, "fail"],
  [/\b(?:anew|afresh)\b/, "again, from scratch"],
  [/\bfor ever\b/, "forever; until ..."],
  [/\bby itself\b/, "automatically, on its own"],
  [/(?<!other )\bin words\b/, "as a sentence, with a sentence"],
  [/\bso many (?!that\b)/, "the number of ..."],
  [/\bas (?:it|they) (?:is|are|stands?|was|were|came|comes?)(?= *[.:;,)`"]|$)/m, "unchanged"],
  [/\bof (?:its|their|his|our) own\b(?! [a-z])/, "its own, a separate"],
  [/\b(?:whoever|who reads|who finds|who asks)\b/i, "the reader, the administrator"],
  [/\b(?:he|him|his|himself)\b/, "they; the agent, the caller"],
  [/[;,] nothing (?:when|if|while|unless|otherwise)\b/, "undefined if ..."],
  [/\b(?:what|whatever) (?:becomes|became|comes|came) of\b/i, "the outcome, the result"],
  [/\bnothing to say of\b/, "reports no problem"],
  [/\bturn(?:s|ed)? away\b/, "refuse, reject"],
  [/\bput(?:s)? right\b/, "correct"],
  [/\b(?:is|are) left out\b/, "is omitted, is skipped"],
  [/\bgoes on record\b/, "is recorded"],
  [/\b(?:the house|of the house)\b/i, "the site"],
  [/\bany more\b/, "no longer"],
  [/\bbelongs? to root\b/, "is owned by root"],
  [/\bsmall letters\b/, "lower case"],
  [/\btakes? no time\b/, "is quick, is instant"],
  [/[*/] The most (?!recent|frequent|precise|specific|important|likely)[a-z]+/, "The maximum number of ..."],
  [/\bunder way\b/, "in progress"],
  [/\b(?:subscription|link|connection) (?:still )?stands\b/, "is up, is valid"],
  [/\bneeds? (?:to know )?of (?:its|the)\b/, "needs from"],
  [/\b(?:known|reported) of (?!it\b)/, "known about, reported about"],
  [/\belse than\b/, "other than"],
  [/\btaken for\b/, "mistaken for"],
  [/\bgoes on\b/, "continues"],
  [/\bcomes? meanwhile\b|\b(?:has|have) come\b(?! to the point)/, "arrive"],
  [/\b(?:is|are|was) said\b|\bsays? so\b/, "is reported, is logged"],
  [/\bsince \$\{ago/, "... ago, for ..."],
];

/** Names that do not say what a variable holds. */
const names =
  /\b(?:const|let) (?:one|each|other|said|told)\b|(?:\(|, )(?:one|each|other|said|told)(?:: [^,()]+)?[,)] ?(?:=>|[a-z])/;

/** The longest line of a comment. */
const maxCommentLine = 130;

const tops = ["src", "drivers", "simulator", "test", "bench", "scripts", "packaging"];
const files = sources(...tops).filter(({ path }) => path !== "test/language.test.ts");

/** The scripts without an extension, which have comments and messages too. */
const shellScripts = readdirSync(join(root, "scripts")).map((name) => `scripts/${name}`)
  .filter((path) => !basename(path).includes(".") && statSync(join(root, path)).isFile())
  .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** Texts outside of the code. */
const documents = Bun.spawnSync(["git", "ls-files"], { cwd: root }).stdout.toString().trim().split("\n")
  .filter((path) =>
    /^[A-Z]+\.md$|^(?:\.ci|\.github|docs|man|packaging|systemd|test\/boot)\/|\bREADME\.md$|^renovate\.json$/.test(path)
  )
  .filter((path) => !/\.(?:ts|svg|png)$/.test(path)).map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));

/** `file:line: text` of every line that a pattern matches. */
function findings(texts: readonly { readonly path: string; readonly text: string }[], pattern: RegExp): string[] {
  return texts.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])
  );
}

describe("plain English:", () => {
  test.each(phrases)("instead of %p: %s", (pattern) => {
    expect(findings([...files, ...shellScripts, ...documents], pattern)).toEqual([]);
  });

  test("variables are named for what they hold", () => {
    expect(findings(files.map(({ path, text }) => ({ path, text: text.split("\n").map(codeOf).join("\n") })), names)).toEqual(
      [],
    );
  });

  test(`comments have at most ${maxCommentLine} columns`, () => {
    const long = new RegExp(`^\\s*(?:\\*|/\\*|//|#).{${maxCommentLine},}`);
    const settings = documents.filter(({ path }) => !/\.(?:md|json)$/.test(path));
    expect(findings([...files, ...shellScripts, ...settings], long)).toEqual([]);
  });
});
