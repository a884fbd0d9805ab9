/** docs/drivers.md and docs/sip.md: the files that they name exist, and the table of drivers matches the subjects. */
import { expect, test } from "bun:test";
import { never, safeParse } from "valibot";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lineSchemas } from "../../drivers/registry.ts";

const root = join(import.meta.dir, "../..");
const guide = readFileSync(join(root, "docs/drivers.md"), "utf8");
const blueprint = readFileSync(join(root, "drivers/blueprint.ts"), "utf8");
const links = [...guide.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, path = ""]) => path);

test.each([...new Set(links)])("%s exists", (path) => expect(existsSync(join(root, path))).toBe(true));

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
  const suites = ["line", "relay"].map((name) => readFileSync(join(root, `test/contract/${name}.test.ts`), "utf8"));
  const subjects = suites.join("");
  for (const name of [...Object.keys(lineSchemas), "blueprint"]) {
    expect(guide).toContain(`| ${name} `);
    expect(subjects).toContain(`name: "${name}, `);
  }
});

test("the blueprint and the guide agree on what to copy, and where to", () => {
  for (const word of ["drivers/NAME/mod.ts", "drivers/registry.ts", "test/contract/line.test.ts", "docs/drivers.md"]) {
    expect(blueprint).toContain(word);
  }
});

test("docs/sip.md has a valid line for each switch, with how it lets the box subscribe", () => {
  const [, recipe = ""] = /\n## Setting it up\n(.*?)\n## /s.exec(readFileSync(join(root, "docs/sip.md"), "utf8")) ?? [];
  for (const setting of ["Asterisk", "hint,PJSIP", "FreeSWITCH", "manage-presence", "Kamailio", "handle_subscribe()"]) {
    expect(recipe).toContain(setting);
  }
  const [, line = ""] = /```json\n"line": (\{.*?\n\})\n```/s.exec(recipe) ?? [];
  const { driver } = JSON.parse(line);
  const plain = JSON.parse(line, (_, value) => value?.credential === undefined ? value : "text");
  expect(safeParse(lineSchemas[driver] ?? never(), plain).issues).toBeUndefined();
});
