/** The cases of scripts/image-test: each boots its own machines. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quietPort } from "../ports.ts";
import { bootOffset, command, Machine, missing, withCommandLine } from "./machine.ts";
import { ImageSite, publish } from "./site.ts";

/** What a case gets. */
export interface Setting {
  /** FOLDER/1/amd64 and FOLDER/2/amd64 are builds, FOLDER/key is the home of gpg with the key of both. */
  readonly images: string;
  /** A folder for the case, removed after it. */
  readonly folder: string;
  readonly cuts: number;
  check(what: string, good: boolean, detail?: string): void;
  say(text: string): void;
  skip(why: string): void;
}

/** Seconds for a boot in software emulation on a busy machine, and for an update. */
const bootSeconds = 600;
const updateSeconds = 900;

/** The screen of a box whose desk works. */
const ready = /phone registered, switch up/;
const screen = (version: string): RegExp => new RegExp(`image: ${version} in slot [AB]`);
/** The update starts soon after the boot too. A drop-in of its own timer would come before that of the settings. */
const updatesSoon = {
  "soon.timer": "[Timer]\nUnit=telesetd-update.service\nOnActiveSec=20s\nOnUnitInactiveSec=2min\n",
};
/** The screen is refreshed often. */
const fast = { "telesetd-console@ttyS0.timer": "[Timer]\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=15s\n" };

interface Scene {
  readonly machine: Machine;
  readonly site: ImageSite;
  readonly port: number;
  /** The folder that the update server serves for this machine. */
  readonly served: string;
  close(): Promise<void>;
}

async function scene({ images, folder }: Setting, architecture: "amd64" | "arm64" = "amd64"): Promise<Scene> {
  const built = join(images, "1", architecture);
  const image = join(built, `telesetd_1_${architecture}.raw.zst`);
  const served = join(folder, "server/stable", architecture === "amd64" ? "x86-64" : "arm64");
  mkdirSync(served, { recursive: true });
  const [port, site] = [await quietPort(), await ImageSite.open(join(folder, "server"))];
  const machine = new Machine({ folder, image, architecture, forward: port });
  const close = async () => {
    await machine.cut();
    site.close();
  };
  return { machine, site, port, served, close };
}

/** A box from the image, with the configuration on its boot partition; a call reaches the CRM. */
async function boot(setting: Setting): Promise<void> {
  const { check, say } = setting;
  const { machine, site, port, close } = await scene(setting);
  try {
    machine.put('{ "desks": [{ "extension": "12a" }] }', "telesetd.json");
    machine.start({ units: fast });
    await machine.shows(/not installed: it has \d+ error/, bootSeconds);
    check(
      "the screen shows the errors of the configuration",
      /desks.*extension/.test(machine.console),
      machine.console.slice(-1000),
    );
    await machine.cut();
    check("the errors are on the card", machine.names("").includes("telesetd-errors.txt"), machine.names("").join());
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast });
    say(`kernel after ${Math.round(await machine.shows(/Linux version|systemd-boot|EFI stub/, bootSeconds))} s`);
    say(`desk ready after ${Math.round(await machine.shows(ready, bootSeconds))} s more`);
    const events = await site.call(port);
    check("a call pops", events.join() === "ScreenPop,CallEstablished,CallReleased", events.join());
    check("the screen shows version and slot", screen("1").test(machine.console), machine.console.slice(-1000));
    check("there is no log-in", !/login:|# $/.test(machine.console));
    await machine.cut();
    check("telesetd.json is removed from the card", !machine.names("").includes("telesetd.json"), machine.names("").join());
    check("the configuration is on the data partition", machine.file("/lib/telesetd-config/config.json") !== undefined);
    const identity = machine.file("/lib/telesetd-image/machine-id");
    machine.start({ units: fast });
    await machine.shows(ready, bootSeconds);
    await machine.cut();
    check("the machine id stays", identity !== undefined && machine.file("/lib/telesetd-image/machine-id") === identity);
    check("the data partition fills the disk", machine.partition("telesetd-data").size > 1.2 * 1024 ** 3);
  } finally {
    await close();
  }
}

/** Installs version `as`: the contents of version 2, with changes. Cuts the power when it waits for its first boot. */
async function install(
  setting: Setting,
  { machine, site, served }: Scene,
  as: string,
  change: Readonly<Record<string, Uint8Array>> = {},
): Promise<boolean> {
  publish({ from: join(setting.images, "2", "amd64"), to: served, version: "2", as, key: join(setting.images, "key"), change });
  if (machine.file("/lib/telesetd-config/config.json") === undefined) machine.put(site.configuration(), "telesetd.json");
  machine.start({ units: fast, timers: updatesSoon });
  await machine.shows(ready, bootSeconds);
  await machine.shows(new RegExp(`; ${as} runs after the next restart`), updateSeconds);
  await machine.cut();
  return machine.names("EFI/Linux").some((name) => name.startsWith(`telesetd_${as}+2`));
}

/** A good version stays. */
async function update(setting: Setting): Promise<void> {
  const { check, say } = setting;
  const stage = await scene(setting);
  const { machine, site, port, close } = stage;
  try {
    const began = performance.now();
    check(
      "the update is installed beside the running version",
      await install(setting, stage, "2"),
      machine.names("EFI/Linux").join(),
    );
    say(`boot and update took ${Math.round((performance.now() - began) / 1000)} s`);
    machine.start({ units: fast });
    await machine.shows(screen("2"), bootSeconds);
    await machine.shows(ready, bootSeconds);
    check("the configuration is in force", (await site.call(port)).length === 3);
    // The kernel image is renamed when the version has worked for a minute.
    await machine.until(() => machine.names("EFI/Linux").includes("telesetd_2.efi"), bootSeconds);
    await machine.cut();
    const names = machine.names("EFI/Linux");
    check(
      "version 2 is good, and version 1 stays",
      names.includes("telesetd_2.efi") && names.includes("telesetd_1.efi"),
      names.join(),
    );
  } finally {
    await close();
  }
}

/** What must not be installed. */
async function refused(setting: Setting): Promise<void> {
  const { check } = setting;
  const stage = await scene(setting);
  const { machine, site, served, close } = stage;
  const attempt = async (what: string, prepare: () => void) => {
    publish({ from: join(setting.images, "2", "amd64"), to: served, version: "2", key: join(setting.images, "key") });
    prepare();
    if (machine.file("/lib/telesetd-config/config.json") === undefined) machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast, timers: updatesSoon });
    await machine.shows(/The last update failed/, updateSeconds);
    await machine.cut();
    site.cutAfter = undefined;
    const names = machine.names("EFI/Linux");
    check(what, names.join() === "telesetd_1.efi", names.join());
  };
  try {
    await attempt("a list that was changed after it was signed", () => {
      const list = join(served, "SHA256SUMS");
      const text = readFileSync(list, "utf8");
      writeFileSync(list, text.replace(/^./, (digit) => digit === "0" ? "1" : "0"));
    });
    await attempt("a list without a signature", () => rmSync(join(served, "SHA256SUMS.gpg")));
    await attempt("a download that is cut", () => site.cutAfter = 20_000_000);
    await attempt("a file that differs from the signed list", () => writeFileSync(join(served, "telesetd_2.efi"), "other"));
  } finally {
    await close();
  }
}

/** Versions that do not work: the version before runs again at the third boot at the latest, on its own. */
async function rollback(setting: Setting): Promise<void> {
  const { check, say, images } = setting;
  const stage = await scene(setting);
  const { machine, close } = stage;
  const kernel = join(images, "2", "amd64", "telesetd_2.efi");
  const line = (change: (words: string) => string) => ({ ".efi": withCommandLine(kernel, change) });
  const broken: readonly [string, string, Readonly<Record<string, Uint8Array>>][] = [
    ["3", "the kernel panics", line(panics)],
    ["4", "emergency mode", line((words) => words.replace("quiet audit=0", "systemd.unit=emergency.target"))],
    ["5", "the root file system is damaged", { "-damaged": new Uint8Array() }],
    ["6", "the daemon does not start", line((words) => words.replace("quiet audit=0", "systemd.mask=telesetd.service"))],
  ];
  try {
    for (const [version, what, change] of broken) {
      const damaged = version === "5" ? damagedRoot(join(images, "2", "amd64")) : change;
      if (!await install(setting, stage, version, damaged)) {
        check(`${what}: installed`, false, machine.names("EFI/Linux").join());
        continue;
      }
      const began = performance.now();
      machine.start({ units: fast });
      await machine.shows(new RegExp(`Version ${version} was rejected`), 4 * bootSeconds);
      await machine.shows(ready, bootSeconds);
      const boots = machine.console.split(/BdsDxe: starting/).length - 1;
      const why = new RegExp(`Version ${version} was rejected, and .*`).exec(machine.console)?.[0] ?? "";
      say(`${what}: ${Math.round((performance.now() - began) / 1000)} s, ${boots} boots: ${why}`);
      check(`${what}: the version before runs again within three boots`, boots <= 3, `${boots} boots`);
      await machine.cut();
    }
  } finally {
    await close();
  }
}

/** A command line without an init in the initrd and without a root: the kernel panics. */
function panics(words: string): string {
  return words.replace("quiet audit=0", "rdinit=/nothing root=/dev/nothing").replace(/roothash=\S+/, "");
}

/** The root image of a build with a damaged beginning, which the kernel must not mount. */
function damagedRoot(folder: string): Readonly<Record<string, Uint8Array>> {
  const name = readdirSync(folder).find((file) => /\.root-.*\.gz$/.test(file)) ?? "";
  const bytes = Bun.gunzipSync(new Uint8Array(readFileSync(join(folder, name))));
  bytes.fill(0x55, 0, 65_536);
  return { [name.slice(name.indexOf(".root"))]: Bun.gzipSync(bytes, { level: 1 }) };
}

/** Power cuts at random moments of a boot, a call and an update: the box always starts, and keeps what was written. */
async function cuts(setting: Setting): Promise<void> {
  const { check, say, cuts: count, images } = setting;
  const stage = await scene(setting);
  const { machine, site, served, port, close } = stage;
  try {
    publish({ from: join(images, "2", "amd64"), to: served, version: "2", key: join(images, "key") });
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast });
    await machine.shows(ready, bootSeconds);
    // The copy of the configuration and its first sync.
    await machine.shows(/image: /, bootSeconds, machine.console.length);
    await machine.cut();
    const lost: string[] = [];
    for (let cut = 1; cut <= count; cut++) {
      machine.forgetful();
      machine.start({ units: fast, timers: updatesSoon });
      const wait = Math.random() * 200;
      const came = await machine.shows(ready, wait).then(() => true, () => false);
      if (came) {
        await Promise.race([
          site.call(port).catch(() => []),
          machine.shows(/nothing shows this/, wait / 2).catch(() => 0),
        ]);
      }
      await machine.cut();
      machine.settle();
      const names = machine.names("EFI/Linux");
      const fat = machine.checkBoot();
      if (!names.some((name) => /^telesetd_[12]\.efi$/.test(name))) lost.push(`cut ${cut}: kernel images ${names.join()}`);
      if (fat !== "") lost.push(`cut ${cut}: boot partition: ${fat}`);
      if (!machine.file("/lib/telesetd-config/config.json")?.includes("1001")) lost.push(`cut ${cut}: no configuration`);
      say(`cut ${cut} after ${Math.round(wait)} s, desk ready: ${came ? "yes" : "not yet"}; ${names.join()}`);
    }
    check(`${count} cuts: kernel images, boot partition, configuration`, lost.length === 0, lost.join("; "));
    machine.start({ units: fast });
    await machine.shows(ready, 2 * bootSeconds);
    check("then it starts, and a call pops", (await site.call(port)).length === 3);
    await machine.cut();
    check("the data partition was never made again", machine.file("/lib/telesetd-image/data-restored") === undefined);
  } finally {
    await close();
  }
}

/** A data partition that nobody can repair is made again, with the configuration from its copy. */
async function data(setting: Setting): Promise<void> {
  const { check } = setting;
  const { machine, site, close } = await scene(setting);
  try {
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast });
    await machine.shows(ready, bootSeconds);
    await machine.shows(/image: /, bootSeconds, machine.console.length);
    await machine.cut();
    const identity = machine.file("/lib/telesetd-image/machine-id");
    machine.damage("telesetd-data");
    machine.start({ units: fast });
    await machine.shows(/was made again/, bootSeconds);
    await machine.shows(ready, bootSeconds);
    check("the box works again, and says what has happened", true);
    await machine.cut();
    check("the configuration is restored", machine.file("/lib/telesetd-config/config.json")?.includes("1001") === true);
    check("the machine id is restored", machine.file("/lib/telesetd-image/machine-id") === identity);
  } finally {
    await close();
  }
}

/** The image for arm64 under EDK2: to the desk, and back from a kernel that panics. */
async function arm64(setting: Setting): Promise<void> {
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
    writeFileSync(bad, withCommandLine(join(images, "1/arm64/telesetd_1.efi"), panics));
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
async function reproducible({ images, check, skip }: Setting): Promise<void> {
  const sums = ["1", "again"].map((build) => join(images, build, "amd64/SHA256SUMS"));
  if (!sums.every((file) => existsSync(file))) return skip("only when it is named: it builds once more");
  const [first = "", again = ""] = await Promise.all(sums.map((file) => Bun.file(file).text()));
  check("two builds are the same", first === again, `${first}\n${again}`);
}

/** The card of a Raspberry Pi: what its firmware looks for is there. */
async function rpi({ images, folder, check, skip }: Setting): Promise<void> {
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

/** The cases, in the order in which they run. */
export const cases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  boot,
  update,
  refused,
  rollback,
  cuts,
  data,
  arm64,
  rpi,
  reproducible,
};
