/** A machine with an image on its disk: qemu in software emulation, with the firmware of UEFI. For scripts/image-test. */
import { Database } from "bun:sqlite";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** What differs between the architectures. */
interface Kind {
  readonly emulator: string;
  readonly arguments: readonly string[];
  readonly firmware: string;
  readonly variables: string;
}

const kinds: Readonly<Record<"amd64" | "arm64", Kind>> = {
  amd64: {
    emulator: "qemu-system-x86_64",
    // The watchdog of the chipset may restart the machine, as on hardware.
    arguments: [
      "-machine",
      "q35",
      "-cpu",
      "max",
      "-global",
      "ICH9-LPC.noreboot=false",
      "-action",
      "watchdog=reset",
      "-vga",
      "none",
    ],
    firmware: "/usr/share/OVMF/OVMF_CODE_4M.fd",
    variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
  },
  arm64: {
    emulator: "qemu-system-aarch64",
    arguments: ["-machine", "virt", "-cpu", "cortex-a72"],
    firmware: "/usr/share/AAVMF/AAVMF_CODE.fd",
    variables: "/usr/share/AAVMF/AAVMF_VARS.fd",
  },
};

/** A file that gets all consoles, to look at; optional. */
const log = process.env["TELESETD_IMAGE_LOG"];

/** Where things begin on the disk, in bytes: image/mkosi.repart. */
export const bootOffset = 1024 * 1024;

/** One machine; its disk and its firmware's variables outlive power cuts. */
export class Machine {
  /** Everything that the serial console has shown. */
  console = "";
  /** The raw disk; partitions are at fixed places. */
  readonly disk: string;
  readonly #kind: Kind;
  readonly #variables: string;
  readonly #forward: number;
  #child: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined;
  #wake = Promise.withResolvers<void>();
  #cuts = 0;
  #top: string;

  /** @param forward the port of 127.0.0.1 that leads to port 8090 of the machine. */
  constructor({ folder, image, architecture = "amd64", forward, size = "3G" }: {
    readonly folder: string;
    readonly image: string;
    readonly architecture?: "amd64" | "arm64";
    readonly forward: number;
    readonly size?: string;
  }) {
    this.#kind = kinds[architecture];
    this.#forward = forward;
    this.disk = join(folder, "disk.raw");
    this.#variables = join(folder, "variables.fd");
    copyFileSync(this.#kind.variables, this.#variables);
    this.#top = this.disk;
    command(["zstd", "-q", "-d", "-f", "--sparse", image, "-o", this.disk]);
    truncateSync(this.disk, Number.parseInt(size) * 1024 ** 3);
  }

  /**
   * Switches it on.
   * @param units drop-ins of systemd's units by name, for this boot: systemd takes them from the firmware's tables (SMBIOS).
   * @param extra new units by name, started with this boot.
   * @param line more words for the kernel's command line.
   * @param frames a file that gets all frames of its network (pcap).
   */
  start({ units = {}, extra = {}, line = "", frames }: {
    readonly units?: Readonly<Record<string, string>>;
    readonly extra?: Readonly<Record<string, string>>;
    readonly line?: string;
    readonly frames?: string;
  } = {}): void {
    const { emulator, firmware, arguments: own } = this.#kind;
    const format = this.#top === this.disk ? "raw" : "qcow2";
    this.console = "";
    // The emulator translates code again for each address at which a program has it.
    const words = ["norandmaps", line, ...Object.keys(extra).map((name) => `systemd.wants=${name}`)];
    // The port forward reaches no other machine: the guest's network is the emulator's own, and ends at 127.0.0.1.
    this.#run([
      ...[emulator, ...own, "-m", "512", "-smp", "1", "-accel", "tcg", "-display", "none"],
      ...["-drive", `if=pflash,format=raw,readonly=on,file=${firmware}`],
      ...["-drive", `if=pflash,format=raw,file=${this.#variables}`],
      ...["-drive", `if=none,id=disk,format=${format},file=${this.#top}`],
      ...["-device", "virtio-blk-pci,drive=disk,bootindex=1", "-device", "virtio-rng-pci"],
      ...[
        "-netdev",
        `user,id=net,restrict=off,hostfwd=tcp:127.0.0.1:${this.#forward}-:8090`,
        "-device",
        "virtio-net-pci,netdev=net,romfile=",
      ],
      ...(frames === undefined ? [] : ["-object", `filter-dump,id=frames,netdev=net,file=${frames}`]),
      ...Object.entries(units).flatMap(([name, text]) => ["-smbios", credential(`systemd.unit-dropin.${name}`, text)]),
      ...Object.entries(extra).flatMap(([name, text]) => ["-smbios", credential(`systemd.extra-unit.${name}`, text)]),
      ...["-smbios", `type=11,value=io.systemd.stub.kernel-cmdline-extra=${words.join(" ").replaceAll(",", ",,")}`],
      ...["-serial", "stdio"],
    ]);
  }

  /** Switches it on as a Raspberry Pi 3 from U-Boot on: the emulator has no firmware for it, and no network. Its size is 4G. */
  startPi(): void {
    const [loader, tree] = ["u-boot.bin", "bcm2837-rpi-3-b.dtb"].map((name) => {
      const file = join(this.disk, "..", name);
      this.boot("mcopy", "-o", `::${name}`, file);
      return file;
    });
    this.console = "";
    this.#run([
      ...[kinds.arm64.emulator, "-machine", "raspi3b", "-accel", "tcg", "-display", "none"],
      ...["-kernel", loader ?? "", "-dtb", tree ?? "", "-drive", `if=sd,format=raw,file=${this.disk}`],
      // U-Boot and the last console of the kernel use the second one.
      ...["-serial", "null", "-serial", "stdio"],
    ]);
  }

  #run(words: readonly string[]): void {
    const child = Bun.spawn(["nice", "-n", "5", ...words, "-monitor", "none"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#child = child;
    void this.#read(child);
  }

  async #read(child: Bun.Subprocess<"ignore", "pipe", "ignore">): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of child.stdout) {
      this.console += decoder.decode(part, { stream: true });
      if (log !== undefined) appendFileSync(log, part);
      this.#turn();
    }
    this.#turn();
  }

  #turn(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the seconds until the console shows this after `from` characters; rejects with its end after `seconds`. */
  async shows(what: RegExp, seconds: number, from = 0): Promise<number> {
    const began = performance.now();
    const late = began + seconds * 1000;
    for (;;) {
      if (what.test(this.console.slice(from))) return (performance.now() - began) / 1000;
      if (!this.running) throw new Error(`The machine has stopped; expected ${what}:\n${this.console.slice(-1500)}`);
      const rest = late - performance.now();
      if (rest <= 0) throw new Error(`The console did not show ${what} within ${seconds} s:\n${this.console.slice(-1500)}`);
      const timer = Promise.withResolvers<void>();
      const handle = setTimeout(timer.resolve, Math.min(rest, 1000));
      await Promise.race([this.#wake.promise, timer.promise]);
      clearTimeout(handle);
    }
  }

  /** Resolves when this is true, or after `seconds`: the disk can be read while the machine writes. */
  async until(condition: () => boolean, seconds: number): Promise<void> {
    for (const late = performance.now() + seconds * 1000; performance.now() < late && this.running && !condition();) {
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }

  /** Cuts the power: SIGKILL of the emulator. */
  async cut(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    this.#child = undefined;
  }

  /**
   * From now on a cut also loses what the guest has written and not flushed: new clusters of an overlay are reachable only after
   * a flush has written the overlay's tables. Call it while the machine is off.
   */
  forgetful(): void {
    const next = join(this.disk, "..", `overlay-${++this.#cuts}.qcow2`);
    const format = this.#top === this.disk ? "raw" : "qcow2";
    command(["qemu-img", "create", "-q", "-f", "qcow2", "-b", this.#top, "-F", format, next]);
    this.#top = next;
  }

  /** Writes the overlays into the raw disk, to look at it. The machine is off. */
  settle(): void {
    if (this.#top === this.disk) return;
    command(["qemu-img", "convert", "-O", "raw", this.#top, `${this.disk}.new`]);
    command(["mv", `${this.disk}.new`, this.disk]);
    this.#top = this.disk;
  }

  /** Runs a command of mtools on the boot partition. The machine is off. */
  boot(tool: string, ...operands: readonly string[]): string {
    return command([tool, "-i", `${this.disk}@@${bootOffset}`, ...operands]);
  }

  /** The names in a folder of the boot partition; mdir prints `::/EFI/Linux/telesetd_1.efi`, and a / after a folder. */
  names(folder: string): string[] {
    const lines = this.boot("mdir", "-b", `::${folder}`).split("\n");
    return lines.map((line) => line.trim().replace(/\/$/, "").replace(/.*\//, "")).filter((name) => name !== "");
  }

  /** The bytes of a kernel image on the boot partition; 0 if it is not there. */
  kernelSize(name: string): number {
    const line = this.boot("mdir", "::EFI/Linux").split("\n").find((line) => line.trimEnd().endsWith(` ${name}`)) ?? "";
    return Number(/\s(\d+)\s+\d{4}-/.exec(line)?.[1] ?? 0);
  }

  /** Puts a file on the boot partition. */
  put(text: string, name: string): void {
    const file = `${this.disk}.put`;
    writeFileSync(file, text);
    this.boot("mcopy", "-o", file, `::${name}`);
  }

  /** Where the partition with this name begins and how long it is, in bytes. */
  partition(name: string): Partition {
    const found = partitionsOf(this.disk);
    const partition = found.find((candidate) => candidate.name === name);
    if (!partition) throw new Error(`The disk has no partition ${name}: ${found.map(({ name }) => name).join(", ")}`);
    return partition;
  }

  /** The text of a file of the data partition, as the next boot would find it; undefined when there is none. */
  file(path: string): string | undefined {
    const copy = this.#data();
    const { stdout } = ran(["debugfs", "-R", `cat ${path}`, copy]);
    rmSync(copy);
    return stdout === "" ? undefined : stdout;
  }

  /** A copy of the data partition with its journal replayed. @throws Error if it cannot be repaired */
  #data(): string {
    const { start, size } = this.partition("telesetd-data");
    const copy = `${this.disk}.data`;
    const places = ["bs=1M", `skip=${start / bootOffset}`, `count=${Math.ceil(size / bootOffset)}`];
    command(["dd", `if=${this.disk}`, `of=${copy}`, ...places, "conv=sparse", "status=none"]);
    const { code, stdout } = ran(["e2fsck", "-p", copy]);
    if (code >= 4) throw new Error(`The data partition cannot be repaired: ${stdout}`);
    return copy;
  }

  /** What fsck.fat finds wrong on the boot partition, without changing it; empty if nothing. A cut may leave its mark. */
  checkBoot(): string {
    const { start, size } = this.partition("TELESETD");
    const copy = `${this.disk}.boot`;
    command([
      "dd",
      `if=${this.disk}`,
      `of=${copy}`,
      "bs=1M",
      `skip=${start / bootOffset}`,
      `count=${size / bootOffset}`,
      "status=none",
    ]);
    const { code, stdout } = ran(["fsck.fat", "-n", copy]);
    // Byte 65 of the boot sector is the mark of a file system that is mounted; its copy does not have it.
    const notes =
      /^(fsck\.fat|Dirty bit|Fs was not|Automatically removing dirty|Leaving filesystem|\S+: \d+ files|There are differences between boot sector|This is mostly harmless|65:01\/00$|Not automatically fixing)|^$/;
    return code === 0 ? "" : stdout.split("\n").map((line) => line.trim()).filter((line) => !notes.test(line)).join(" ");
  }

  /**
   * The calls in the store, as the next boot would find them.
   * @throws Error if the file system cannot be repaired, or the store is damaged
   */
  storedCalls(): number {
    const copy = this.#data();
    const store = `${this.disk}.db`;
    for (const end of ["", "-wal"]) {
      rmSync(store + end, { force: true });
      ran(["debugfs", "-R", `dump /lib/private/telesetd/telesetd.db${end} ${store}${end}`, copy]);
    }
    rmSync(copy);
    const db = new Database(store);
    try {
      const [check] = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
      if (check?.integrity_check !== "ok") throw new Error(`The store is damaged: ${check?.integrity_check}`);
      return db.query<{ calls: number }, []>("SELECT count(*) AS calls FROM calls").get()?.calls ?? 0;
    } finally {
      db.close();
    }
  }

  /** Overwrites a partition with noise, as a medium does that fails. */
  damage(name: string): void {
    const { start, size } = this.partition(name);
    const places = `seek=${start / bootOffset}`;
    command([
      "dd",
      "if=/dev/urandom",
      `of=${this.disk}`,
      "bs=1M",
      places,
      `count=${Math.floor(size / bootOffset)}`,
      "conv=notrunc",
      "status=none",
    ]);
  }
}

/** Runs a command to its end. */
function ran(words: readonly string[]): { code: number; stdout: string; stderr: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Runs a command to its end, and returns its output. @throws Error if it fails */
export function command(words: readonly string[]): string {
  const { code, stdout, stderr } = ran(words);
  if (code !== 0) throw new Error(`${words.join(" ")} has failed (${code}): ${stderr}`);
  return stdout;
}

/** An entry of SMBIOS that systemd reads as a credential (systemd.system-credentials(7)). */
function credential(name: string, text: string): string {
  return `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(text).toString("base64")}`;
}

/** A partition; start and size in bytes. */
export interface Partition {
  readonly name: string;
  readonly start: number;
  readonly size: number;
  /** Its unique identifier, without dashes. */
  readonly id: string;
}

/** The partitions of a disk, from its GPT (UEFI 2.10, section 5.3). */
export function partitionsOf(disk: string): Partition[] {
  const bytes = Buffer.alloc(34 * 512);
  const file = openSync(disk, "r");
  readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  if (bytes.toString("latin1", 512, 520) !== "EFI PART") throw new Error(`${disk} has no GPT`);
  return Array.from({ length: 128 }, (_, index) => bytes.subarray(1024 + index * 128, 1152 + index * 128))
    .filter((entry) => entry.readBigUInt64LE(32) > 0n)
    .map((entry) => {
      const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
      return {
        name: entry.toString("utf16le", 56).replaceAll("\0", ""),
        start: first * 512,
        size: (last - first + 1) * 512,
        id: uuidAt(entry, 16),
      };
    });
}

/** A UUID of a GPT: the first three fields have their bytes in reverse. */
function uuidAt(entry: Buffer, at: number): string {
  const part = (from: number, to: number) => Buffer.from(entry.subarray(at + from, at + to));
  return [part(0, 4).reverse(), part(4, 6).reverse(), part(6, 8).reverse(), part(8, 16)].map((bytes) => bytes.toString("hex"))
    .join("");
}

/** Why no image can be started here; empty if it can. */
export function missing(architecture: "amd64" | "arm64"): string {
  const { emulator, firmware } = kinds[architecture];
  if (Bun.which(emulator) === null) return `${emulator} is missing`;
  if (!existsSync(firmware)) return `${firmware} is missing (Debian: ovmf, qemu-efi-aarch64)`;
  return Bun.which("mcopy") === null ? "mcopy is missing (Debian: mtools)" : "";
}
