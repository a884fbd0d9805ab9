/** Keeps telesetd.env, by which U-Boot starts a Raspberry Pi, in agreement with the kernel images. */
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { bootEntries, entryFolder, rejectedName } from "../../image/boot-entry.ts";
import { textOf } from "../../image/facts.ts";
import { choiceIn, choiceText, nextChoice, spentEntry } from "../../image/pi.ts";
import { replaceFile, syncFolder } from "../../platform/replace-file.ts";
import { messageOf } from "../../platform/text.ts";

/** U-Boot's script, which only the card of a Raspberry Pi has, and what it obeys. */
const script = "efi/boot.scr";
const choiceFile = "efi/telesetd.env";

/**
 * Marks a version as rejected that has had its attempts, and writes which one U-Boot starts next. Does nothing where another boot
 * loader does that. Nothing is written if nothing changes. @returns a sentence if it fails.
 */
export function settleChoice(root: string, running: string): string | undefined {
  if (!existsSync(join(root, script))) return undefined;
  const [folder, file] = [join(root, entryFolder), join(root, choiceFile)];
  try {
    // U-Boot ends what it exports with a NUL.
    const written = textOf(file)?.replace(/\0$/, "") ?? "";
    const choice = choiceIn(written);
    const spent = spentEntry(bootEntries(readdirSync(folder)), choice, running);
    if (spent) {
      renameSync(join(folder, spent.file), join(folder, rejectedName(spent, spent.attempts + spent.left)));
      syncFolder(folder);
    }
    const next = choiceText(nextChoice(bootEntries(readdirSync(folder)), choice));
    if (next !== written) replaceFile(file, next);
    return undefined;
  } catch (error) {
    return `Cannot decide in ${file} which version runs next: ${messageOf(error)}`;
  }
}
