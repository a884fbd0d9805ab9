/** Other machines, and the build itself. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootSeconds, panics, ready, scene, type Setting } from "../scene.ts";
import { Machine, missing } from "../machine.ts";
import { withCommandLine } from "../uki.ts";
import { choiceIn, choiceText } from "../../../../src/image/pi.ts";

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

/** The card of a Raspberry Pi: what its firmware looks for is there; and U-Boot gives up a version whose kernel panics. */
export async function rpi({ images, folder, check, skip }: Setting): Promise<void> {
  const image = join(images, "1/rpi/telesetd_1_rpi.raw.zst");
  if (!existsSync(image)) return skip(`${image} is missing: scripts/image rpi --version 1 --key KEY --to ${join(images, "1")}`);
  const card = new Machine({ folder, image, architecture: "arm64", forward: 0, size: "4G" });
  const names = card.names("");
  const models = ["2837-rpi-3-b", "2837-rpi-3-b-plus", "2837-rpi-zero-2-w", "2711-rpi-4-b", "2711-rpi-400"];
  const firmware = ["config.txt", "bootcode.bin", "start4.elf", "fixup4.dat", "start.elf", "fixup.dat", "u-boot.bin", "boot.scr"];
  const lost = [...firmware, ...models.map((model) => `bcm${model}.dtb`)].filter((name) => !names.includes(name));
  check("firmware, U-Boot, its script and device trees", lost.length === 0, `missing: ${lost.join(", ")}`);
  check("U-Boot finds its script first", card.names("EFI/BOOT").length === 0);
  const mbr = await Bun.file(card.disk).slice(446, 512).bytes();
  const types = [4, 20, 36, 52].map((place) => mbr[place]);
  check(
    "an MBR shows the FAT to the boot ROM of a Raspberry Pi 3",
    types.join() === "12,238,0,0" && mbr[64] === 0x55,
    types.join(),
  );
  const kernel = join(images, "1/rpi/telesetd_1.efi.gz");
  withCommandLine(kernel, (line) => {
    const [, hash = ""] = /roothash=([0-9a-f]{64})/.exec(line) ?? [];
    const ids = ["telesetd_1", "telesetd_1_verity"].map((name) => card.partition(name).id);
    check("the root hash leads to the partitions", hash === ids.join(""), `${hash} ${ids.join()}`);
    return line;
  });
  const [good, trial] = ["telesetd_1.efi", "telesetd_2+2-0.efi"];
  check("the card starts its version", card.boot("mtype", "::telesetd.env") === choiceText({ good }));
  const bad = join(folder, "bad.efi");
  writeFileSync(bad, withCommandLine(kernel, panics));
  card.boot("mcopy", bad, `::EFI/Linux/${trial}`);
  card.put(choiceText({ good, trial: { file: trial, left: 2 } }), "telesetd.env");
  try {
    card.startPi();
    const starts = (file: string) => `Booting /\\EFI\\Linux\\${file}`;
    await card.shows(/(Booting \/[^]*){3}\n/, 3 * bootSeconds);
    const started = card.console.match(/Booting \/\S+/g)?.slice(0, 3) ?? [];
    check(
      "U-Boot tries a version whose kernel panics twice, and then starts the one that works",
      started.join() === [trial, trial, good].map(starts).join(),
      started.join(),
    );
  } finally {
    await card.cut();
  }
  const { trial: counted } = choiceIn(card.boot("mtype", "::telesetd.env"));
  check("the attempts are counted on the card", counted?.left === 0, JSON.stringify(counted));
}
