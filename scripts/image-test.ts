/** Boots images and checks what docs/image.md promises. See scripts/image-test. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cases } from "../test/support/image/cases.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "120" },
    cuts: { type: "string", default: "30" },
  },
});
const images = process.env["TELESETD_IMAGES"];
if (!images || !existsSync(images)) throw new Error("TELESETD_IMAGES names no folder: start scripts/image-test");
const unknown = positionals.filter((name) => !Object.hasOwn(cases, name));
if (unknown.length > 0) {
  process.stderr.write(`image-test: ${unknown.join(", ")}: expected ${Object.keys(cases).join(", ")}\n`);
  process.exit(2);
}
const began = performance.now();
const minutes = () => (performance.now() - began) / 60_000;
let passed = 0;
let failed = 0;
let skipped = 0;
for (const [name, run] of Object.entries(cases)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  if (minutes() > Number(values.minutes)) {
    process.stdout.write(`SKIP ${name}: ${values.minutes} minutes are over\n`);
    skipped++;
    continue;
  }
  const folder = mkdtempSync(join(tmpdir(), `telesetd-image-${name}-`));
  try {
    await run({
      images,
      folder,
      cuts: Number(values.cuts),
      check: (what, good, detail) => {
        process.stdout.write(`${good ? "pass" : "FAIL"} ${name}: ${what}${good ? "" : `: ${detail ?? ""}`}\n`);
        if (good) passed++;
        else failed++;
      },
      say: (text) => process.stdout.write(`     ${name}: ${text}\n`),
      skip: (why) => {
        process.stdout.write(`SKIP ${name}: ${why}\n`);
        skipped++;
      },
    });
  } catch (error) {
    process.stdout.write(`FAIL ${name}: ${(error as Error).message}\n`);
    failed++;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.stdout.write(
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""} (${Math.round(minutes())} min)\n`,
);
process.exit(failed === 0 ? 0 : 1);
