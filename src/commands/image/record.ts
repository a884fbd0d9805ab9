/**
 * `telesetd image record`: records after each boot which version runs in which slot, and which one was rejected, and why.
 * telesetd-boot-record.service runs it as root while the boot partition is mounted; everybody else reads the record.
 */
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { bootEntries, entryFolder } from "../../image/boot-entry.ts";
import { recordFolder, records, rejectionIn, releaseIn, textOf } from "../../image/facts.ts";
import { replaceFile, syncFolder } from "../../platform/replace-file.ts";
import { messageOf } from "../../platform/text.ts";
import { type BootFacts, imageLines, type Rejection, slotIn, stateAfterBoot } from "../../image/state.ts";
import type { Io } from "../io.ts";
import { notTheImage } from "./not-the-image.ts";
import { settleChoice } from "./pi.ts";
import { runProgram } from "./program.ts";
import { replaceRecord } from "./replace-record.ts";

/** What the kernel said before it stopped (systemd-pstore.service(8)). */
export const panicFolder = "var/lib/systemd/pstore";
/** The initrd creates this file when it has formatted the data partition. */
const dataLost = "run/telesetd-data-lost";

/** Exit code 0, or 1 if the record cannot be written. */
export async function recordBoot(
  { root }: { readonly root: string },
  io: Io,
  lastJournal: (commandLine: string) => Promise<string> = journalOfLastBoot,
): Promise<number> {
  const release = releaseIn(root);
  if (!release) {
    io.out(notTheImage("there is nothing to record"));
    return 0;
  }
  const emptyTrouble = removeEmpty(join(root, entryFolder));
  const choiceTrouble = settleChoice(root, release.version);
  const folder = join(root, recordFolder);
  const failedJournal = timedText(join(folder, records.failedJournal));
  const restored = join(folder, records.restored);
  // In the initrd the clock is wrong on a box without a battery. If it still is now, the next record corrects the date.
  if (existsSync(join(root, dataLost)) && existsSync(restored)) utimesSync(restored, new Date(), new Date());
  const facts: BootFacts = {
    version: release.version,
    slot: slotIn(await partitions(), release.commandLine),
    ...kernelsIn(join(root, entryFolder)),
    failed: rejectionIn(root),
    failedJournal,
    panic: lastPanic(join(root, panicFolder)),
    notes: [...notesAt(timedText(restored), Date.now()), ...bootPartitionTrouble(root)],
  };
  const state = stateAfterBoot(facts);
  io.out(`${imageLines(state, 0).join("\n")}\n`);
  const troubles = [emptyTrouble, choiceTrouble, replaceRecord(join(folder, records.state), state), ...await keepRejection()]
    .filter((trouble) => trouble !== undefined);
  for (const trouble of troubles) io.err(`${trouble}\n`);
  return troubles.length === 0 ? 0 : 1;

  /** Keeps the first reason: a later panic, for example, does not concern the rejected version. */
  async function keepRejection(): Promise<(string | undefined)[]> {
    const { rejected } = state;
    if (!rejected) return [];
    const isNew = facts.failed?.version !== rejected.version;
    const journal = async () => failedJournal?.text ?? await lastJournal(release?.commandLine ?? "");
    return [
      isNew ? replaceRecord(join(folder, records.failed), rejected) : undefined,
      await reportOnCard(root, rejected, journal),
    ];
  }
}

/** The journal of the previous boot if another version ran then: a version that hangs or panics cannot save its own. */
async function journalOfLastBoot(commandLine: string): Promise<string> {
  const journal = async (...options: readonly string[]) =>
    (await runProgram(["journalctl", "--boot=-1", "--no-pager", ...options])).out;
  const [rootHash] = /roothash=\S+/.exec(commandLine) ?? [];
  const [before] = /roothash=\S+/.exec(await journal("--dmesg", "--output=cat")) ?? [];
  return before === undefined || before === rootHash ? "" : await journal("--lines=2000");
}

function bootPartitionTrouble(root: string): readonly string[] {
  return existsSync(join(root, "efi/EFI"))
    ? []
    : ["The boot partition TELESETD cannot be used: no update can be installed, and no telesetd.json is found."];
}

/** The report for readers who only have the medium, as the box has no shell. */
export const reportName = "telesetd-rejected.txt";

/** Writes why a version was rejected, with its journal, to the boot partition, once. @returns a sentence if that fails. */
async function reportOnCard(
  root: string,
  { version, why, when = "" }: Rejection,
  journal: () => Promise<string>,
): Promise<string | undefined> {
  const file = join(root, "efi", reportName);
  const title = `Version ${version} was rejected${when === "" ? "" : ` (${when})`}: ${why}`;
  if (!existsSync(dirname(file)) || textOf(file)?.startsWith(title)) return undefined;
  // For readers on Windows.
  const text = [title, "", ...(await journal()).split("\n")].join("\r\n");
  try {
    replaceFile(file, text);
    return undefined;
  } catch (error) {
    return `Cannot write ${file}: ${messageOf(error)}`;
  }
}

async function partitions(): Promise<string> {
  return (await runProgram(["lsblk", "--json", "--output", "NAME,PARTN,PARTTYPE,PARTUUID"])).out;
}

/**
 * Removes kernel images without contents, which a power cut may leave: they would count as installed, and the box would wait for
 * them without end. @returns a sentence if that fails
 */
function removeEmpty(folder: string): string | undefined {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const empty = bootEntries(names).map(({ file }) => join(folder, file)).filter((file) => statSync(file).size === 0);
  try {
    for (const file of empty) rmSync(file);
    if (empty.length > 0) syncFolder(folder);
    return undefined;
  } catch (error) {
    return `Cannot remove ${empty.join(", ")}, which a power cut has left without contents: ${messageOf(error)}`;
  }
}

/** The kernel images in a folder; none if there is no folder. */
function kernelsIn(folder: string): Pick<BootFacts, "entries" | "installed"> {
  const names = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return { entries: bootEntries(names), installed: ({ file }) => statSync(join(folder, file)).mtimeMs };
}

/** How long a lost data partition is mentioned, in ms. */
const maxNoteMs = 30 * 86_400_000;

function notesAt(restored: ReturnType<typeof timedText>, now: number): readonly string[] {
  if (!restored || now - restored.time > maxNoteMs) return [];
  return [`${new Date(restored.time).toISOString().slice(0, 10)}: ${restored.text.trim()}`];
}

function timedText(file: string): { readonly text: string; readonly time: number } | undefined {
  const text = textOf(file);
  return text === undefined ? undefined : { text, time: statSync(file).mtimeMs };
}

/** The last line of a kernel that says why it stopped; undefined if none is kept. */
function lastPanic(folder: string): { readonly text: string; readonly time: number } | undefined {
  let files: readonly string[];
  try {
    files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /dmesg/.test(name));
  } catch {
    return undefined;
  }
  const found = files.flatMap((name) => {
    const { text, time } = timedText(join(folder, name)) ?? { text: "", time: 0 };
    const [, cause] = /Kernel panic - not syncing: (.*)/.exec(text) ?? [];
    return cause === undefined ? [] : [{ text: cause.trim(), time }];
  });
  return found.toSorted((a, b) => b.time - a.time)[0];
}
