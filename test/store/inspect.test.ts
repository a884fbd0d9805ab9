/** A look at a store: as a whole, or, from inside the daemon, without reading all of it. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkStoreFile } from "../../src/commands/doctor/store.ts";
import { lookAtStore } from "../../src/store/inspect.ts";
import { openFile } from "../../src/store/open.ts";
import { ownFolder } from "../support/folder.ts";

test("the daemon that looks at its own store does not read the whole file", () => {
  const path = join(ownFolder(), "telesetd.db");
  const db = openFile(path);
  // A page of a table that the look does not read.
  const { rootpage } = db.query("SELECT rootpage FROM sqlite_schema WHERE name = 'dials'").get() as { rootpage: number };
  db.close();
  const bytes = readFileSync(path);
  expect(lookAtStore(path).check).toBe("ok");
  expect(checkStoreFile(path).finding.message).toContain("is intact");
  expect(checkStoreFile(path, true).finding.message).toContain("was intact when the daemon started");
  bytes.fill(0xff, (rootpage - 1) * 1024, rootpage * 1024);
  writeFileSync(path, bytes);
  expect(checkStoreFile(path).finding).toMatchObject({ verdict: "failed", message: expect.stringContaining("is damaged") });
  expect(checkStoreFile(path, true).finding.verdict).toBe("good");
});
