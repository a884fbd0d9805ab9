/**
 * On a Raspberry Pi, U-Boot starts the kernel image. Its EFI renames no files, so that systemd-boot could not count attempts.
 * Its script (image/rpi/boot.cmd) obeys telesetd.env instead: `new` while attempts are left, which it counts there, otherwise
 * `good`. The names of the kernel images say the same as on other machines; this derives the file from them.
 */
import { type BootEntry, compareVersions } from "./boot-entry.ts";

/** Which kernel image U-Boot starts. */
export interface BootChoice {
  /** The file of the version that works. */
  readonly good?: string;
  /** The file of a version on trial, and the attempts that it has left. */
  readonly trial?: { readonly file: string; readonly left: number };
}

/** Reads telesetd.env. Lines that are missing or damaged are ignored: U-Boot ignores them too. */
export function choiceIn(text: string): BootChoice {
  const field = (name: string): string | undefined => new RegExp(`^${name}=(\\S+)$`, "m").exec(text)?.[1];
  const [good, file, left] = [field("good"), field("new"), Number(field("left") ?? 0)];
  return {
    ...(good === undefined ? {} : { good }),
    ...(file === undefined ? {} : { trial: { file, left: left > 0 ? left : 0 } }),
  };
}

/**
 * telesetd.env, in the form of U-Boot's `env import -t`. `mark` is the path of `new` in UTF-16, in hexadecimal, which U-Boot gives
 * to systemd as the EFI variable LoaderBootCountPath (systemd-bless-boot.service(8)): U-Boot cannot encode it.
 */
export function choiceText({ good, trial }: BootChoice): string {
  const mark = (file: string): string => Buffer.from(`\\EFI\\Linux\\${file}\0`, "utf16le").toString("hex");
  // In the order in which U-Boot exports them.
  const lines = [
    ...(good === undefined ? [] : [`good=${good}`]),
    ...(trial ? [`left=${trial.left}`, `mark=${mark(trial.file)}`, `new=${trial.file}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** As systemd-boot chooses: the newest version on trial if it is newer than all that work, and the newest one that works. */
export function nextChoice(entries: readonly BootEntry[], { trial: counted }: BootChoice): BootChoice {
  const newest = (wanted: BootEntry["state"]): BootEntry | undefined =>
    entries.filter(({ state }) => state === wanted).toSorted((a, b) => compareVersions(b.version, a.version))[0];
  const [good, trial] = [newest("good"), newest("trial")];
  const isNewer = trial && (!good || compareVersions(trial.version, good.version) > 0);
  return {
    ...(good ? { good: good.file } : {}),
    ...(isNewer ? { trial: { file: trial.file, left: counted?.file === trial.file ? counted.left : trial.left } } : {}),
  };
}

/** The kernel image that U-Boot has started as often as it may, without the boot having been found good; undefined if none. */
export function spentEntry(entries: readonly BootEntry[], { trial }: BootChoice, running: string): BootEntry | undefined {
  return entries.find(({ file, version, state }) =>
    state === "trial" && version !== running && file === trial?.file && trial.left === 0
  );
}
