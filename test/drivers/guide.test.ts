/** docs/drivers.md and the README keep their word: the files that it names are there, and its table is that of the contract's subjects. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";

const root = join(import.meta.dir, "../..");
const guide = readFileSync(join(root, "docs/drivers.md"), "utf8");
const blueprint = readFileSync(join(root, "drivers/blueprint.ts"), "utf8");
const links = [...guide.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = ""]) => path);

test.each([...new Set(links)])("%s is there", (path) => expect(existsSync(join(root, path))).toBe(true));

test("the guide names the page, the suite, the blueprint, the registry and the subjects", () => {
  const needed = [
    "src/core/line.ts",
    "test/contract/line.ts",
    "drivers/blueprint.ts",
    "drivers/registry.ts",
    "test/contract/line.test.ts",
  ];
  expect(needed.filter((path) => !links.includes(path))).toEqual([]);
});

test("every driver of the registry, and the blueprint, has a row and a subject", () => {
  const subjects = readFileSync(join(root, "test/contract/line.test.ts"), "utf8");
  for (const name of [...Object.keys(lineSchemas), "blueprint"]) {
    expect(guide).toContain(`| ${name} `);
    expect(subjects).toContain(`name: "${name}, `);
  }
});

test("what the blueprint says to copy and where to put it is as the guide says", () => {
  for (const word of ["drivers/NAME/mod.ts", "drivers/registry.ts", "test/contract/line.test.ts", "docs/drivers.md"]) {
    expect(blueprint).toContain(word);
  }
});

test("the README says how another switch is made to let the box subscribe, and its line is one", () => {
  const [, recipe = ""] = /### On any other switch, by SIP\n(.*?)\n## /s.exec(readFileSync(join(root, "README.md"), "utf8")) ??
    [];
  for (
    const setting of ["Asterisk", "hint,PJSIP", "FreeSWITCH", "manage-presence", "Kamailio", "handle_subscribe()", "docs/sip.md"]
  ) {
    expect(recipe).toContain(setting);
  }
  const [, line = ""] = /`"line": (\{.*?\})`/.exec(recipe) ?? [];
  expect(lineSchemas["sip"]?.safeParse(JSON.parse(line)).error).toBeUndefined();
});
