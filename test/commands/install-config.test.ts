/** A configuration comes into its place whole or not at all. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installConfig } from "../../src/commands/install/install-config.ts";

const root = mkdtempSync(join(tmpdir(), "telesetd-install-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function place(): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  return join(folder, "config.json");
}
const mode = (file: string): string => (statSync(file).mode & 0o777).toString(8);

describe("installConfig", () => {
  test("makes the folder and the file, which nobody else may read", () => {
    const file = join(root, "deep", "er", "config.json");
    expect(installConfig(file, "new")).toEqual({ changed: true });
    expect([readFileSync(file, "utf8"), mode(file), readdirSync(join(root, "deep", "er"))]).toEqual(["new", "600", [
      "config.json",
    ]]);
  });

  test.each([0o600, 0o644])("keeps the former one beside, mode 600, also when it was %o", (was) => {
    const file = place();
    writeFileSync(file, "old");
    chmodSync(file, was);
    expect(installConfig(file, "new")).toEqual({ changed: true, backup: `${file}.1` });
    expect([readFileSync(file, "utf8"), mode(file)]).toEqual(["new", "600"]);
    expect([readFileSync(`${file}.1`, "utf8"), mode(`${file}.1`)]).toEqual(["old", "600"]);
  });

  test("a second one takes the backup's place; the same text changes nothing, and the backup stays what it was", () => {
    const file = place();
    for (const text of ["1", "2", "3"]) installConfig(file, text);
    expect(readFileSync(`${file}.1`, "utf8")).toBe("2");
    expect(installConfig(file, "3")).toEqual({ changed: false });
    expect(readFileSync(`${file}.1`, "utf8")).toBe("2");
  });

  test("the same text in a file that others may read is written again", () => {
    const file = place();
    writeFileSync(file, "same", { mode: 0o644 });
    chmodSync(file, 0o644);
    expect(installConfig(file, "same").changed).toBe(true);
    expect(mode(file)).toBe("600");
  });

  test("what cannot be written leaves the old one, and nothing half made", () => {
    const file = place();
    installConfig(file, "old");
    // In the place of the backup stands what cannot be removed: the folder is not empty.
    mkdirSync(join(`${file}.1`, "x"), { recursive: true });
    expect(() => installConfig(file, "new")).toThrow();
    expect([readFileSync(file, "utf8"), readdirSync(join(file, "..")).sort()]).toEqual(["old", ["config.json", "config.json.1"]]);
  });
});
