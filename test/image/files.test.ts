/** The files of image/: what cost a failed boot once, and is seen only on a started machine, is checked here without one. */
import { describe, expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const image = join(import.meta.dir, "../../image");
const all = readdirSync(image, { recursive: true, encoding: "utf8" }).toSorted();
const text = (path: string): string => readFileSync(join(image, path), "utf8");
const regular = all.filter((path) => lstatSync(join(image, path)).isFile());
const root = "mkosi.extra";
const initrd = "mkosi.images/initrd/mkosi.extra";
const both = "both.extra";
const units = (tree: string) =>
  regular.filter((path) => path.startsWith(`${tree}/`) && /\.(service|mount|path|timer)$/.test(path));
/** The values of a key, one for each line. */
const valuesOf = (path: string, key: string) =>
  [...text(path).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);

describe("partitions", () => {
  const partition = (name: string) => text(`mkosi.repart/${name}`);

  test("the boot partition is a FAT that firmware and Windows can read", () => {
    expect(text("mkosi.conf")).toMatch(/^SectorSize=512$/m);
    expect(partition("00-boot.conf")).toMatch(/^Type=esp\nLabel=TELESETD\nFormat=vfat$/m);
    expect(partition("00-boot.conf")).toMatch(/^SizeMinBytes=256M\nSizeMaxBytes=256M$/m);
  });

  test("both slots have the same sizes, and only the first is filled", () => {
    for (const [a, b] of [["10-root-a.conf", "20-root-b.conf"], ["11-verity-a.conf", "21-verity-b.conf"]] as const) {
      const sizes = (name: string) => [...partition(name).matchAll(/^(Type|SizeM\w+)=(.*)$/gm)].map(([line]) => line);
      expect(sizes(a)).toEqual(sizes(b));
      expect(partition(b)).toMatch(/^Label=_empty$/m);
    }
  });

  test("the root is read-only and verified, with blocks of 4096 bytes", () => {
    expect(partition("10-root-a.conf")).toMatch(/^Format=erofs$/m);
    expect(partition("10-root-a.conf")).toMatch(/^Verity=data$/m);
    expect(partition("11-verity-a.conf")).toMatch(/^Verity=hash$/m);
    for (const name of ["10-root-a.conf", "11-verity-a.conf"]) {
      expect(partition(name)).toMatch(/^VerityDataBlockSizeBytes=4096\nVerityHashBlockSizeBytes=4096$/m);
    }
  });

  test("the box enlarges the partition that the image has as its last one", () => {
    const last = readdirSync(join(image, "mkosi.repart")).toSorted().at(-1) ?? "";
    expect(partition(last)).toMatch(/^Type=var\nLabel=telesetd-data$/m);
    expect(text(`${root}/usr/lib/repart.d/40-data.conf`)).toMatch(/^Type=var\nLabel=telesetd-data$/m);
  });
});

test("two builds have the same bytes: one seed for all identifiers, and for the directories of ext4", () => {
  const [, seed = ""] = /^Seed=(\S{36})$/m.exec(text("mkosi.conf")) ?? [];
  expect(text("mkosi.conf")).toContain(`SYSTEMD_REPART_MKFS_OPTIONS_EXT4=-E hash_seed=${seed},nodiscard,lazy_itable_init=1"`);
});

describe("updates", () => {
  const transfers = regular.filter((path) => path.endsWith(".transfer"));

  test("every file is checked against a signed list, and never replaces the running version", () => {
    expect(transfers.length).toBeGreaterThanOrEqual(3);
    for (const path of transfers) {
      expect(valuesOf(path, "Verify")).toEqual(["yes"]);
      expect(valuesOf(path, "ProtectVersion")).toEqual(["%A"]);
      expect(valuesOf(path, "Path")[0]).toMatch(/^@URL@\/@CHANNEL@\//);
      expect(valuesOf(path, "InstancesMax")).toEqual(["2"]);
    }
  });

  test("nothing is compressed with zstd, which systemd-sysupdate 257 writes into a slot without decompressing it", () => {
    for (const path of transfers) expect(text(path)).not.toMatch(/\.(zst|xz)\b/);
    const script = readFileSync(join(image, "../scripts/image"), "utf8");
    expect(script).toContain('gzip -1nc "$file" >"$to/$machine/${file##*/}.gz"');
    expect(script).toContain('gzip -6nc "$name.efi" >"$to/$machine/${name##*/}.efi.gz"');
    for (const path of transfers) expect(valuesOf(path, "MatchPattern")[0]).toEndWith(".gz");
  });

  test("a version on trial is not updated: the other slot has the only version that is known to work", () => {
    const unit = `${root}/usr/lib/systemd/system/telesetd-update.service`;
    for (const name of ["boot-complete.target", "systemd-bless-boot.service"]) {
      expect(valuesOf(unit, "After").join(" ").split(" ")).toContain(name);
    }
  });

  test("the kernel image comes last, and has two attempts", () => {
    const last = transfers.filter((path) => path.startsWith(root)).at(-1) ?? "";
    expect(valuesOf(last, "PathRelativeTo")).toEqual(["esp"]);
    expect(valuesOf(last, "TriesLeft")).toEqual(["2"]);
  });
});

describe("a failed boot ends in a restart", () => {
  test("emergency and rescue mode, in the root and in the initrd", () => {
    expect(text("mkosi.conf")).toMatch(/^ExtraTrees=both\.extra$/m);
    expect(text("mkosi.images/initrd/mkosi.conf")).toMatch(/^ExtraTrees=\.\.\/\.\.\/both\.extra$/m);
    const unit = `${both}/usr/lib/systemd/system/telesetd-failed.service`;
    // Not as links in the tree: the presets would remove them.
    expect(valuesOf(unit, "Alias")).toEqual(["emergency.service rescue.service"]);
    const presets = [both, root].flatMap((tree) =>
      readdirSync(join(image, tree, "usr/lib/systemd/system-preset")).map((name) => [name, tree] as const)
    ).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rules = presets.map(([name, tree]) => text(`${tree}/usr/lib/systemd/system-preset/${name}`)).join("");
    expect(rules.indexOf("enable telesetd-failed.service\n")).toBeGreaterThanOrEqual(0);
    expect(rules.indexOf("enable telesetd-failed.service\n")).toBeLessThan(rules.indexOf("disable *\n"));
    for (const key of ["SuccessAction", "FailureAction"]) expect(valuesOf(unit, key)).toEqual(["reboot-force"]);
    expect(valuesOf(unit, "Wants")).toEqual(["telesetd-keep-journal.service"]);
    for (const tree of [root, initrd]) {
      expect(existsSync(join(image, tree, "usr/lib/systemd/system/telesetd-keep-journal.service"))).toBe(true);
    }
    expect(text(`${both}/usr/lib/systemd/system.conf.d/telesetd.conf`)).toMatch(/^RuntimeWatchdogSec=\d+s$/m);
  });

  test("a kernel and a systemd that stop", () => {
    const line = text("mkosi.conf").match(/^KernelCommandLine=\n((?: +\S+\n)+)/m)?.[1] ?? "";
    for (const word of ["panic=10", "oops=panic", "systemd.crash_action=reboot"]) expect(line).toContain(` ${word}\n`);
  });

  test("a version on trial that fails, or does not decide in time", () => {
    const unit = `${root}/usr/lib/systemd/system/telesetd-healthy.service`;
    expect(valuesOf(unit, "FailureAction")).toEqual(["reboot"]);
    expect(valuesOf(unit, "Before")).toEqual(["boot-complete.target"]);
    expect(valuesOf(unit, "RequiredBy")).toEqual(["boot-complete.target"]);
    expect(text(`${root}/usr/lib/systemd/system/boot-complete.target.d/deadline.conf`)).toMatch(
      /^JobTimeoutAction=reboot-force$/m,
    );
  });
});

describe("U-Boot's script of the Raspberry Pi", () => {
  const script = text("rpi/boot.cmd").replace(/^#.*\n/gm, "");
  const order = (...words: readonly string[]) => words.map((word) => script.indexOf(word));

  test("counts an attempt on the medium before it starts a version on trial, and then the version that works", () => {
    const places = order(
      "setexpr left",
      "if fatwrite",
      "setenv image Linux/${new}",
      "setenv image Linux/${good}",
      "systemd-boot",
    );
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(script).toEndWith("\nreset\n");
  });

  test("tells systemd that the boot must be judged, by the variable for which the health check waits", () => {
    const variable = /LoaderBootCountPath-([0-9a-f-]{36})$/.exec(
      valuesOf(`${root}/usr/lib/systemd/system/telesetd-healthy.service`, "ConditionPathExists")[0] ?? "",
    );
    expect(script).toContain(`-guid ${variable?.[1]} -bs -rt LoaderBootCountPath`);
  });
});

describe("nobody can log in", () => {
  test("no terminal asks for a password, and no shell is started", () => {
    for (const unit of ["getty@.service", "serial-getty@.service", "autovt@.service", "debug-shell.service"]) {
      expect(readlinkSync(join(image, root, "etc/systemd/system", unit))).toBe("/dev/null");
    }
    const configuration = regular.filter((path) => path.endsWith(".conf")).map((path) => text(path)).join("\n");
    expect(configuration).not.toMatch(/^(RootPassword|Autologin|Ssh)=|openssh|dropbear/m);
  });

  test("the boot menu neither waits nor can be edited", () => {
    expect(text(`${root}/efi/loader/loader.conf`)).toMatch(/^timeout 0\neditor no$/m);
  });
});

describe("units", () => {
  test("the boot partition is mounted only for a unit that requires it", () => {
    const mount = `${root}/usr/lib/systemd/system/efi.mount`;
    expect(valuesOf(mount, "StopWhenUnneeded")).toEqual(["yes"]);
    expect(valuesOf(mount, "Options")[0]?.split(",")).toContain("dirsync");
    expect(text(mount)).not.toContain("[Install]");
    expect(text("mkosi.conf")).toContain(" systemd.gpt_auto=no\n");
    const users = regular.filter((path) =>
      path.startsWith(root) && valuesOf(path, "Requires").some((value) => value.includes("efi.mount"))
    );
    for (const path of users) expect(valuesOf(path, "After").some((value) => value.includes("efi.mount"))).toBe(true);
    // One that stays active after its end would keep it mounted.
    for (const path of users) expect(text(path)).not.toContain("RemainAfterExit=yes");
    expect(users.length).toBeGreaterThanOrEqual(4);
  });

  test("every enabled unit exists here or in a package, and can be enabled", () => {
    const enabled = [...text(`${root}/usr/lib/systemd/system-preset/00-telesetd.preset`).matchAll(/^enable (telesetd\S+)/gm)];
    expect(enabled.length).toBeGreaterThan(8);
    const places = [
      join(image, root, "usr/lib/systemd/system"),
      join(image, "arm64.extra/usr/lib/systemd/system"),
      join(image, "../systemd"),
    ];
    for (const [, name = ""] of enabled) {
      const file = places.map((place) => join(place, name)).find((path) => existsSync(path));
      expect({ name, text: file && readFileSync(file, "utf8") }).toEqual({ name, text: expect.stringContaining("[Install]") });
    }
  });

  test("every link leads to a unit", () => {
    const links = all.filter((path) => lstatSync(join(image, path)).isSymbolicLink());
    const broken = links.filter((path) => {
      const target = readlinkSync(join(image, path));
      return target !== "/dev/null" && !existsSync(resolve(dirname(join(image, path)), target));
    });
    expect(broken).toEqual([]);
  });

  test("every telesetd unit that another one names exists", () => {
    const ours = [root, initrd, both].flatMap(units);
    const known = new Set(ours.map((path) => path.replace(/.*\//, "")));
    for (const path of ours) {
      const named = text(path).match(/^(?:Requires|Wants|After|Before|OnSuccess|Unit)=.*$/gm)?.join(" ").match(
        /telesetd-[\w-]+\.(?:service|path|timer)/g,
      ) ?? [];
      const missing = named.filter((name) => !known.has(name) && !existsSync(join(image, "../systemd", name)));
      expect({ path, missing }).toEqual({ path, missing: [] });
    }
  });

  test("what the root cannot keep is bound from the data partition before systemd reads it, or the boot fails", () => {
    const folder = `${initrd}/usr/lib/systemd/system`;
    expect(valuesOf(`${folder}/sysroot-etc-telesetd.mount`, "Where")).toEqual(["/sysroot/etc/telesetd"]);
    expect(valuesOf(`${folder}/telesetd-machine-id-bind.service`, "ExecStart")[0]).toEndWith(" /sysroot/etc/machine-id");
    const units = ["sysroot-var.mount", "sysroot-etc-telesetd.mount", "sysroot-etc-systemd-system.control.mount"];
    for (const unit of [...units, "telesetd-machine-id-bind.service"]) {
      expect(existsSync(join(image, folder, "initrd-fs.target.requires", unit))).toBe(true);
      expect(valuesOf(`${folder}/${unit}`, "Before")).toEqual(["initrd-fs.target"]);
    }
  });
});
