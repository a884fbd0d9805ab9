/**
 * A Raspberry Pi has no boot loader that counts attempts. Its firmware reads autoboot.txt (raspberrypi.com/documentation,
 * config.txt): an ordinary start runs the partition of the section [all]; one start after `reboot "0 tryboot"` runs that of
 * [tryboot]. So a version has one attempt, and is kept by swapping the two.
 */
import { type BootEntry, compareVersions } from "./boot-entry.ts";

/** The argument of reboot(2) for one start of the other partition. */
export const tryReboot = "0 tryboot";

/** Whether the machine is a Raspberry Pi, by the kernel's command line, which is in its boot partition. */
export function isPi({ commandLine }: { readonly commandLine: string }): boolean {
  return commandLine.split(/\s/).includes("telesetd.rpi");
}

/** Whether this start of a Raspberry Pi is a trial. */
export function isTrial({ commandLine }: { readonly commandLine: string }): boolean {
  return commandLine.split(/\s/).includes("telesetd.try");
}

/** autoboot.txt with the partitions swapped; undefined if it does not name two. */
export function swapped(autoboot: string): string | undefined {
  const [all, trial] = [...autoboot.matchAll(/^boot_partition=(\d+)\s*$/gm)].map(([, number]) => number);
  if (all === undefined || trial === undefined || all === trial) return undefined;
  return `[all]\ntryboot_a_b=1\nboot_partition=${trial}\n[tryboot]\nboot_partition=${all}\n`;
}

/**
 * The versions in the slots, as the kernel images of other machines.
 * @param labels the labels of the partitions: telesetd_0.3.0_boot.
 * @param tried the version of the last trial; undefined if there was none.
 */
export function piEntries(labels: readonly string[], running: string, tried: string | undefined): readonly BootEntry[] {
  const versions = labels.flatMap((label) => /^telesetd_([^_]+)_boot$/.exec(label)?.[1] ?? []);
  return versions.map((version) => {
    const isNewer = version !== running && compareVersions(version, running) > 0;
    const state = !isNewer ? "good" : version === tried ? "rejected" : "trial";
    return { file: version, version, state, attempts: state === "rejected" ? 1 : 0 };
  });
}
