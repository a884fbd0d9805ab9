/** A place for the files of one test file, or of one `describe`. */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new empty folder below `parent`; removed after all tests of the scope that calls it. */
export function ownFolder(parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, "telesetd-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
