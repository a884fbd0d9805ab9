/** `bun packaging/write.ts copyright|changelog|sbom|version`: prints a generated text of the package, for scripts/package. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../src/version.ts";
import { changelog, debianVersion } from "./changelog.ts";
import { copyright } from "./copyright.ts";
import { root } from "./libraries.ts";
import { sbom } from "./sbom.ts";

const seconds = Number(process.env["SOURCE_DATE_EPOCH"]);
const texts: Record<string, () => string> = {
  version: () => debianVersion(version),
  copyright,
  changelog: () => changelog(readFileSync(join(root, "CHANGELOG.md"), "utf8"), version, process.env["MAINTAINER"] ?? "", seconds),
  sbom: () => sbom(seconds),
};
const [what = ""] = process.argv.slice(2);
const text = texts[what];
if (text === undefined || !Number.isSafeInteger(seconds)) {
  process.stderr.write(
    `write: ${what} is invalid: expected SOURCE_DATE_EPOCH in the environment, and one of ${Object.keys(texts).join(", ")}\n`,
  );
  process.exit(2);
}
process.stdout.write(text());
