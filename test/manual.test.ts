/** The manual pages are complete and valid roff; ./scripts/docs --check verifies that they are up to date. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keys } from "../scripts/keys.ts";
import { escape, prose } from "../scripts/roff.ts";
import { outputOf } from "./support/package/root.ts";

const root = join(import.meta.dir, "..");
const pages = ["man/telesetd.8", "man/telesetd.json.5"];
const text = (page: string) => readFileSync(join(root, page), "utf8");
const without = (tool: string) => Bun.which(tool) ? "" : ` (skipped: ${tool} is not installed)`;

describe("the manual:", () => {
  test("telesetd(8) has every command of the help, with its options", () => {
    const help = (...args: string[]) =>
      outputOf([join(root, "node_modules/.bin/bun"), join(root, "src/main.ts"), ...args, "--help"]).text;
    const commands = [...help().matchAll(/^ {2}(\w[\w-]*)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
    expect(commands.length).toBeGreaterThan(8);
    for (const name of commands) {
      expect(text("man/telesetd.8")).toMatch(new RegExp(`^\\.SS "?${escape(name).replaceAll("\\", "\\\\")}\\b`, "m"));
    }
    for (const option of help("outbox", "list").match(/--[a-z]+/g) ?? []) {
      expect(text("man/telesetd.8")).toContain(escape(option));
    }
  });

  test("telesetd.json(5) has every key, with its meaning and its values", () => {
    const page = text("man/telesetd.json.5");
    const paths = keys().map(({ path }) => path);
    for (const key of ["line.acd.queues", "numbers.toCrm[].match"]) expect(paths).toContain(key);
    expect(paths.filter((path) => /\.(file|credential)$/.test(path))).toEqual([]);
    expect(keys().filter(({ fallback, required, path }) => fallback === undefined && !required && /^http\.a/.test(path))).toEqual(
      [],
    );
    for (const { path, meaning, choices } of keys()) {
      expect(page).toContain(`\n.B ${escape(path)}\n`);
      if (meaning !== "") expect(page.replaceAll("\n", " ")).toContain(prose(meaning.slice(1)).replaceAll("\n", " "));
      for (const choice of choices) expect(page).toContain(escape(choice));
    }
  });

  test("text is never mistaken for a request, even if it starts like one", () => {
    expect(prose(".TH 'x' a\\b --c")).toBe("\\&.TH \\(aqx\\(aq a\\eb \\-\\-c");
  });

  test.skipIf(without("mandoc") !== "").each(pages)(`mandoc reports no problem in %s${without("mandoc")}`, (page) => {
    expect(outputOf(["mandoc", "-Tlint", join(root, page)])).toEqual({ text: "", code: 0 });
  });

  test.skipIf(without("groff") !== "").each(pages)(`groff reports no problem in %s${without("groff")}`, (page) => {
    expect(outputOf(["groff", "-man", "-ww", "-z", "-Tutf8", join(root, page)])).toEqual({ text: "", code: 0 });
  });
});
