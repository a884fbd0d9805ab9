/** The documents: their links and the files that they cite exist, and what they quote is what telesetd prints. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { drivers } from "../drivers/registry.ts";
import { decodeCallout } from "../src/cctsdk/decode.ts";
import { calloutNames } from "../src/core/crm.ts";

const root = join(import.meta.dir, "..");
const tracked = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root }).stdout.toString()
  .trim().split("\n");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const pages = tracked.filter((path) => path.endsWith(".md") && !path.startsWith("test/fixtures/"));

/** Headings as GitHub names their anchors. */
function anchorsOf(page: string): string[] {
  return [...page.replace(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm)]
    .map(([, heading = ""]) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
}

/** Targets of a page's links and pictures inside the repository. */
function linksOf(page: string): string[] {
  return [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target));
}

describe("links:", () => {
  test.each(pages)("every link of %s leads to a file and a heading", (path) => {
    const broken = linksOf(read(path)).filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe("cited files:", () => {
  const texts = tracked.filter((path) => !/^(test\/fixtures\/|LICENSE$)|lock\.json$|\.(svg|jsonl)$/.test(path));
  const basenames = new Set(tracked.map((path) => path.split("/").at(-1)));

  test("a document that is cited anywhere is in the repository", () => {
    const missing = texts.filter((path) => path !== "test/docs.test.ts" && path !== "test/changed.test.ts").flatMap((path) =>
      [...read(path).matchAll(/[\w./-]*\b(?!LICENSE)\w[\w-]*\.md\b/g)].map(([name]) => name)
        .filter((name) =>
          !basenames.has(name.split("/").at(-1)) || (/^(docs|test)\//.test(name) && !existsSync(join(root, name)))
        )
        .map((name) => `${path}: ${name}`)
    );
    expect(missing).toEqual([]);
  });

  test("a source that ARCHITECTURE.md names without its folder is in the repository", () => {
    const named = [...read("ARCHITECTURE.md").matchAll(/[\w-]+(?:\.test)?\.ts\b/g)].map(([name]) => name);
    expect(named.filter((name) => !basenames.has(name))).toEqual([]);
  });

  test("a path that ARCHITECTURE.md or CONTRIBUTING.md names is in the repository", () => {
    const missing = ["ARCHITECTURE.md", "CONTRIBUTING.md"].flatMap((path) =>
      [...read(path).matchAll(/\b(?:src|drivers|simulator|test|scripts|docs|packaging|systemd|man)\/[\w./-]*[\w/]/g)]
        .map(([name]) => name).filter((name) => !/^drivers\/[A-Z*]/.test(name) && !existsSync(join(root, name)))
    );
    expect(missing).toEqual([]);
  });
});

/** Sources of documents, which stand beside the others. */
const sourceOfDocuments = ["packaging/copyright.ts", "src/config/schema.ts"];

describe("on a box:", () => {
  test("messages name documents by their path there", () => {
    const elsewhere = tracked.filter((path) => /^(src|drivers|packaging)\//.test(path) && !sourceOfDocuments.includes(path))
      .flatMap(
        (path) =>
          read(path).split("\n").filter((line) =>
            !/^\s*(\/\/|\/?\*|#)/.test(line) && /(?<!\/usr\/share\/doc\/telesetd\/)docs\/[\w-]+\.md/.test(line)
          )
            .map((line) => `${path}: ${line.trim()}`),
      );
    expect(elsewhere).toEqual([]);
  });

  test("there is one example configuration, in README.md too", () => {
    const block = /^ {3}```json\n(.*?)^ {3}```/ms.exec(read("README.md"))?.[1]?.replace(/^ {3}/gm, "");
    expect(block).toBe(read("packaging/config.example.json"));
  });
});

describe("the README:", () => {
  test("takes three minutes to read", () => {
    expect(read("README.md").trimEnd().split("\n").length).toBeLessThan(150);
  });

  test("names scripts that exist and can be run", () => {
    const named = [...read("README.md").matchAll(/\.\/(scripts\/[\w-]+)/g)].map(([, path = ""]) => path);
    expect(named).toContain("scripts/demo");
    expect(named).toContain("scripts/test");
    expect(named.filter((path) => (statSync(join(root, path)).mode & 0o111) === 0)).toEqual([]);
  });
});

describe("quotes:", () => {
  const program = tracked.filter((path) => /^(src|drivers)\/.*\.ts$/.test(path)).map(read).join("\n");
  const quoted = (page: string) =>
    [...page.matchAll(/"([^"\n]+)"/g)].map(([, text = ""]) => text.replace(/^\.\.\. | \.\.\.$/g, ""))
      .map((text) => text.replaceAll(/ ?\b1001\b ?/g, "|").split("|").toSorted((a, b) => b.length - a.length)[0] ?? "");

  test("the messages in docs/troubleshooting.md and README.md are those of the program", () => {
    const [, messages = ""] = read("docs/troubleshooting.md").split("## Messages");
    const [, symptoms = ""] = read("README.md").split("## When something is wrong");
    const columns = (text: string) => [...text.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = ""]) => cell).join("\n");
    const all = quoted(columns(`${messages}\n${symptoms}`));
    expect(all.length).toBeGreaterThan(10);
    expect(all.filter((text) => !program.includes(text))).toEqual([]);
  });
});

test("docs/setup.md has a row for each setting that telesetd setup asks for", () => {
  const page = read("docs/setup.md");
  const asked = drivers.flatMap(({ setup }) => setup.flatMap(({ questions }) => questions.map(({ key }) => key)));
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
});

test("docs/cctsdk.md names the parameters of each callout", () => {
  const [, table = ""] = read("docs/cctsdk.md").split(/^\| (?:callout|detail) /m);
  const rows = new Map(
    [...table.matchAll(/^\| ([A-Z]\w+) +\| ([^|]*?) *\| [^|]* \|$/gm)].map(([, name = "", row = ""]) => [name, row]),
  );
  for (const name of calloutNames) {
    const decoded = decodeCallout(`FunctionName=${name}`, { from: "10.1.0.50", desks: ["1001"], addressAllowed: () => false });
    const missing = decoded.ok ? [] : [...decoded.why.matchAll(/(\w+) is missing/g)].map(([, parameter = ""]) => parameter);
    const named = (rows.get(name) ?? "none").replace(/;.*/, "").split(", ");
    expect([name, named.filter((parameter) => parameter !== "").toSorted()]).toEqual([name, missing.toSorted()]);
  }
});
