/**
 * This machine's own Debian under an overlay that takes all writes: dpkg installs there as usual, and the machine does not change.
 * Two stubs play systemd and record their arguments. Needs the right to mount.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The output and the exit code of a command. */
export interface Output {
  readonly text: string;
  readonly code: number;
}

/** Runs a command to its end; its standard output and standard error become one text. */
export function outputOf(command: readonly string[], environment: Record<string, string> = {}): Output {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], {
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", ...environment },
  });
  return { text: `${stdout}${stderr}`, code: exitCode };
}

/** A root to install in. */
export class Root {
  readonly #disk: string;
  readonly path: string;

  private constructor(disk: string) {
    this.#disk = disk;
    this.path = join(disk, "root");
  }

  /** Mounts it; undefined if that is not allowed here. `booted`: systemd seems to run. */
  static mount({ booted }: { readonly booted: boolean }): Root | undefined {
    // An overlay cannot be stacked on another, which the root of a container may be; a tmpfs avoids that.
    const disk = mkdtempSync("/dev/shm/telesetd-root-");
    const root = new Root(disk);
    const mounted = outputOf(["mount", "-t", "tmpfs", "none", disk]).code === 0 &&
      ["root", "upper", "work"].every((name) => mkdirSync(join(disk, name)) === undefined) &&
      outputOf([
          "mount",
          "-t",
          "overlay",
          "overlay",
          "-o",
          `lowerdir=/,upperdir=${join(disk, "upper")},workdir=${join(disk, "work")}`,
          root.path,
        ]).code === 0;
    if (!mounted || outputOf(["mount", "-t", "proc", "proc", join(root.path, "proc")]).code !== 0) {
      root.unmount();
      return undefined;
    }
    root.#prepare(booted);
    return root;
  }

  #prepare(booted: boolean): void {
    rmSync(join(this.path, "run/systemd"), { recursive: true, force: true });
    if (booted) {
      mkdirSync(join(this.path, "run/systemd/system"), { recursive: true });
      // On a machine where images are built it forbids every start.
      this.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 104\n", 0o755);
      this.write("usr/bin/deb-systemd-invoke", '#!/bin/sh\necho "$*" >>/asked\n', 0o755);
      this.write(
        "usr/bin/systemctl",
        "#!/bin/sh\ncase $* in show*) cat /state ;; *is-failed*) grep -q failed /state ;; *is-enabled*) [ ! -e /disabled ] ;;\n*is-active*) [ -e /relay ] ;;\n" +
          '*) echo "$*" >>/asked ;; esac\n',
        0o755,
      );
    }
    this.write("asked", "");
    this.write("state", "inactive\n");
  }

  /** Sets the state of the service, as `systemctl show` reports it. */
  service(state: "active" | "inactive" | "failed"): void {
    this.write("state", `${state}\n`);
  }

  /** The commands to systemd since the last call. */
  asked(): string[] {
    const lines = this.read("asked").split("\n").filter((line) => line !== "");
    this.write("asked", "");
    return lines;
  }

  write(name: string, text: string, mode = 0o644): void {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode });
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), "utf8");
  }

  has(name: string): boolean {
    return existsSync(join(this.path, name));
  }

  /** Files in the overlay whose names contain telesetd. */
  traces(): string[] {
    const found = outputOf(["find", join(this.#disk, "upper"), "-name", "*telesetd*", "-not", "-type", "c"]).text;
    return found.split("\n").filter((line) => line !== "").map((line) => line.slice(join(this.#disk, "upper").length));
  }

  /** Runs a command inside. */
  run(...command: readonly string[]): Output {
    return outputOf(["chroot", this.path, ...command]);
  }

  /** Runs dpkg inside. Dependencies are not checked. */
  dpkg(...args: readonly string[]): Output {
    return this.run("dpkg", "--force-depends", "--force-unsafe-io", ...args);
  }

  unmount(): void {
    for (const place of [join(this.path, "proc"), this.path, this.#disk]) outputOf(["umount", "-l", place]);
    rmSync(this.#disk, { recursive: true, force: true });
  }
}
