/** Writes records that survive a power cut. */
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../../platform/replace-file.ts";
import { messageOf } from "../../platform/text.ts";

/** Replaces a record, readable by all: after a power cut it is the old one or the new one. @returns a sentence if that fails. */
export function replaceRecord(file: string, value: unknown): string | undefined {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    replaceFile(file, `${JSON.stringify(value, null, 2)}\n`, () => chmodSync(`${file}.new`, 0o644));
    return undefined;
  } catch (error) {
    return `Cannot write ${file}: ${messageOf(error)}`;
  }
}
