/** Which of its two boot partitions a Raspberry Pi starts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { swapped } from "../../image/pi.ts";
import { replaceFile } from "../../platform/replace-file.ts";

/** The firmware's file on the first partition. */
export const autoboot = "efi/autoboot.txt";

/** Makes the other partition the one of an ordinary start. @throws Error with a sentence */
export function swapAutoboot(root: string): void {
  const file = join(root, autoboot);
  const text = swapped(readFileSync(file, "utf8"));
  if (text === undefined) throw new Error(`${file} does not name two boot partitions`);
  replaceFile(file, text);
}
