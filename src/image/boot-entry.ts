/**
 * The kernel images on the boot partition, whose names count the attempts to boot them: telesetd_0.3.0+2-1.efi has two attempts
 * left and had one (systemd.io/AUTOMATIC_BOOT_ASSESSMENT; sd-boot(7)). systemd-boot renames them.
 */

/** Where the boot loader finds the kernel images: on the boot partition, below the root. */
export const entryFolder = "efi/EFI/Linux";

/** The kernel image of a version. */
export interface BootEntry {
  readonly file: string;
  readonly version: string;
  /** `good`: a boot of it was found good. `trial`: attempts are left. `rejected`: none are left. */
  readonly state: "good" | "trial" | "rejected";
  /** The attempts that it had. */
  readonly attempts: number;
  /** The remaining attempts; 0 if the name has no counter. */
  readonly left: number;
}

const namePattern = /^telesetd_([^+_/]+)(?:\+(\d+)(?:-(\d+))?)?\.efi$/i;

/** Reads the name of a file; undefined if it is not a kernel image of telesetd. */
export function bootEntry(file: string): BootEntry | undefined {
  const [, version, left, done = "0"] = namePattern.exec(file) ?? [];
  if (version === undefined) return undefined;
  const state = left === undefined ? "good" : Number(left) > 0 ? "trial" : "rejected";
  return { file, version, state, attempts: Number(done), left: Number(left ?? 0) };
}

/** The kernel images among the files of a folder. */
export function bootEntries(files: readonly string[]): readonly BootEntry[] {
  return files.flatMap((file) => bootEntry(file) ?? []);
}

/** The name with which the boot loader starts another version instead, after these attempts. */
export function rejectedName({ version }: BootEntry, attempts = 0): string {
  return `telesetd_${version}+0${attempts === 0 ? "" : `-${attempts}`}.efi`;
}

/** The other version that may run: the newest one that is not rejected; undefined if there is none. */
export function otherVersion(entries: readonly BootEntry[], running: string): BootEntry | undefined {
  return entries.filter(({ version, state }) => version !== running && state !== "rejected")
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

/** Orders versions by their numbers: 0.10.0 after 0.9.0. Intl is not loaded before there are two: it takes 5 MB of memory. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The version that the next restart runs; undefined if it is the running one. */
export function waitingVersion(entries: readonly BootEntry[], running: string): BootEntry | undefined {
  const isRejected = entries.some(({ version, state }) => version === running && state === "rejected");
  return isRejected
    ? otherVersion(entries, running)
    : entries.find(({ version, state }) => state === "trial" && version !== running);
}
