/** Small disks for tests: full, read-only, missing. Without the right to mount, those tests are skipped. */
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new tmpfs; `undo` it. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts it; undefined if that is not allowed. */
  static mount(size: string): SmallDisk | undefined {
    const path = mkdtempSync(join(tmpdir(), "telesetd-disk-"));
    if (run("mount", "-t", "tmpfs", "-o", `size=${size}`, "none", path)) return new SmallDisk(path);
    rmSync(path, { recursive: true });
    return undefined;
  }

  /** Takes every byte that is left. */
  fill(): void {
    const { bsize, bfree } = statfsSync(this.path);
    writeFileSync(join(this.path, "filler"), new Uint8Array(bsize * bfree));
  }

  makeRoom(): void {
    rmSync(join(this.path, "filler"), { force: true });
  }

  readOnly(isReadOnly: boolean): void {
    if (!run("mount", "-o", `remount,${isReadOnly ? "ro" : "rw"}`, this.path)) throw new Error("Cannot remount: is a file open?");
  }

  undo(): void {
    if (!run("umount", this.path)) run("umount", "-l", this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Why tests that mount are skipped; empty when they are not. */
export const noMount = (() => {
  const disk = SmallDisk.mount("64k");
  disk?.undo();
  return disk ? "" : " (skipped: this user may not mount a tmpfs)";
})();

function run(...command: readonly string[]): boolean {
  try {
    return Bun.spawnSync([...command]).exitCode === 0;
  } catch {
    return false;
  }
}
