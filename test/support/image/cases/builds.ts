/** Other machines, and the build itself. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootSeconds, panics, ready, scene, type Setting } from "../scene.ts";
import { bootOffset, command, Machine, missing, withCommandLine } from "../machine.ts";

/** The image for arm64 under EDK2: to the desk, and back from a kernel that panics. */
export async function arm64(setting: Setting): Promise<void> {
  const { check, say, skip, images } = setting;
  const why = missing("arm64");
  if (why !== "" || !existsSync(join(images, "1/arm64"))) {
    return skip(
      why || `${join(images, "1/arm64")} is missing: scripts/image arm64 --version 1 --key KEY --to ${join(images, "1")}`,
    );
  }
  const { machine, site, port, close } = await scene(setting, "arm64");
  try {
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ line: "console=tty0 console=ttyAMA0" });
    say(`desk ready after ${Math.round(await machine.shows(ready, 3 * bootSeconds))} s`);
    check("a call pops", (await site.call(port)).length === 3);
    await machine.cut();
    const bad = join(setting.folder, "bad.efi");
    writeFileSync(bad, withCommandLine(join(images, "1/arm64/telesetd_1.efi.gz"), panics));
    machine.boot("mcopy", bad, "::EFI/Linux/telesetd_2+2.efi");
    machine.start();
    await machine.shows(ready, 4 * bootSeconds);
    await machine.cut();
    const names = machine.names("EFI/Linux");
    check(
      "systemd-boot counts the attempts of a kernel that panics",
      names.some((name) => name.startsWith("telesetd_2+0-2")),
      names.join(),
    );
  } finally {
    await close();
  }
}

/** Two builds have the same bytes; the signature has the time at which it was made. */
export async function reproducible({ images, check, skip }: Setting): Promise<void> {
  const sums = ["1", "again"].map((build) => join(images, build, "amd64/SHA256SUMS"));
  if (!sums.every((file) => existsSync(file))) return skip("only when it is named: it builds once more");
  const [first = "", again = ""] = await Promise.all(sums.map((file) => Bun.file(file).text()));
  check("two builds are the same", first === again, `${first}\n${again}`);
}

/** The card of a Raspberry Pi: what its firmware looks for is there. */
export async function rpi({ images, folder, check, skip }: Setting): Promise<void> {
  const image = join(images, "1/rpi/telesetd_1_rpi.raw.zst");
  if (!existsSync(image)) return skip(`${image} is missing: scripts/image rpi --version 1 --key KEY --to ${join(images, "1")}`);
  const card = new Machine({ folder, image, architecture: "arm64", forward: 0 });
  const slot = card.partition("telesetd_1_boot");
  const read = (tool: string, path: string, start = slot.start) => command([tool, "-i", `${card.disk}@@${start}`, path]);
  check(
    "the first FAT names the slot",
    /tryboot_a_b=1\nboot_partition=2\n\[tryboot\]\nboot_partition=3/.test(read("mtype", "::autoboot.txt", bootOffset)),
  );
  const names = command(["mdir", "-b", "-i", `${card.disk}@@${slot.start}`, "::"]);
  const models = ["2837-rpi-3-b", "2837-rpi-3-b-plus", "2837-rpi-zero-2-w", "2711-rpi-4-b", "2711-rpi-400"];
  const needed = [
    "config.txt",
    "cmdline.txt",
    "cmdline-try.txt",
    "vmlinuz",
    "initrd.img",
    "start4.elf",
    "fixup4.dat",
    "start.elf",
    "fixup.dat",
  ];
  const missing = [...needed, ...models.map((model) => `bcm${model}.dtb`)].filter((name) => !names.includes(`::/${name}`));
  check("firmware, kernel and device trees", missing.length === 0, `missing: ${missing.join(", ")}`);
  const [, hash = ""] = /roothash=([0-9a-f]{64})/.exec(read("mtype", "::cmdline.txt")) ?? [];
  check(
    "a trial is judged",
    read("mtype", "::cmdline-try.txt").trimEnd() ===
      `${read("mtype", "::cmdline.txt").trimEnd()} telesetd.try systemd.wants=boot-complete.target`,
  );
  const ids = ["telesetd_1", "telesetd_1_verity"].map((name) => card.partition(name).id);
  check("the root hash leads to the partitions", hash === ids.join(""), `${hash} ${ids.join()}`);
  const mbr = await Bun.file(card.disk).slice(446, 512).bytes();
  const types = [4, 20, 36, 52].map((place) => mbr[place]);
  check(
    "an MBR shows the FATs to the boot ROM of a Raspberry Pi 3",
    types.join() === "12,12,12,238" && mbr[64] === 0x55,
    types.join(),
  );
}
