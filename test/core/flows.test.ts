/** Every flow as a transcript: `transcripts/*.txt`. REWRITE=1 rewrites them: read the diff. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { played } from "../support/core/transcript.ts";

const folder = join(import.meta.dir, "transcripts");
const transcripts = readdirSync(folder).filter((name) => name.endsWith(".txt")).sort().map((name) => {
  const text = readFileSync(join(folder, name), "utf8");
  return { name: name.replace(".txt", ""), title: text.split("\n")[0]?.replace(/^# /, "") ?? "", text };
});

test.each(transcripts)("$name: $title", ({ name, text }) => {
  const now = played(text);
  if (process.env["REWRITE"] === "1") writeFileSync(join(folder, `${name}.txt`), now);
  else expect(now).toBe(text);
});

test("every flow has its own title and at least one effect", () => {
  expect(transcripts.filter(({ text }) => !/^# \S/.test(text) || !/^ {2}\S/m.test(text)).map(({ name }) => name)).toEqual([]);
  expect(new Set(transcripts.map(({ title }) => title)).size).toBe(transcripts.length);
});

test.each([
  ["an unknown input", "dance"],
  ["an unknown fact", "leg L1 sings"],
])("a transcript with %s is refused", (_, text) => expect(() => played(text)).toThrow("Cannot read the transcript"));
