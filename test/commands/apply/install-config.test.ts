/** A configuration is installed completely or not at all. */
import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installConfig } from "../../../src/commands/apply/install-config.ts";
import { ownFolder } from "../../support/folder.ts";

const root = ownFolder();

let count = 0;
function place(): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  return join(folder, "config.json");
}
const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);

describe("installConfig", () => {
  test("creates the folder and the file, readable only by its owner", () => {
    const file = join(root, "deep", "er", "config.json");
    expect(installConfig(file, "new")).toEqual({ changed: true });
    expect([readFileSync(file, "utf8"), mode(file), readdirSync(join(root, "deep", "er"))]).toEqual(["new", "600", [
      "config.json",
    ]]);
  });

  test.each([0o600, 0o644])("keeps a backup with mode 600, even if the file had %o", (was) => {
    const file = place();
    writeFileSync(file, "old");
    chmodSync(file, was);
    expect(installConfig(file, "new")).toEqual({ changed: true, backup: `${file}.1` });
    expect([readFileSync(file, "utf8"), mode(file)]).toEqual(["new", "600"]);
    expect([readFileSync(`${file}.1`, "utf8"), mode(`${file}.1`)]).toEqual(["old", "600"]);
  });

  test("the next change replaces the backup; an unchanged text keeps both", () => {
    const file = place();
    for (const text of ["1", "2", "3"]) installConfig(file, text);
    expect(readFileSync(`${file}.1`, "utf8")).toBe("2");
    expect(installConfig(file, "3")).toEqual({ changed: false });
    expect(readFileSync(`${file}.1`, "utf8")).toBe("2");
  });

  test("an unchanged text in a file that others may read is written again", () => {
    const file = place();
    writeFileSync(file, "same", { mode: 0o644 });
    chmodSync(file, 0o644);
    expect(installConfig(file, "same").changed).toBe(true);
    expect(mode(file)).toBe("600");
  });

  test("a failure keeps the old file and leaves no partial one", () => {
    const file = place();
    installConfig(file, "old");
    // A folder that is not empty blocks the backup.
    mkdirSync(join(`${file}.1`, "x"), { recursive: true });
    expect(() => installConfig(file, "new")).toThrow();
    expect([readFileSync(file, "utf8"), readdirSync(join(file, "..")).sort()]).toEqual(["old", ["config.json", "config.json.1"]]);
  });
});
