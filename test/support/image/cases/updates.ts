/** Updates: a good one, and what must not be installed. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  bootSeconds,
  fast,
  ready,
  rootOf,
  type Scene,
  scene,
  screen,
  type Setting,
  updateSeconds,
  updatesSoon,
} from "../scene.ts";
import { command } from "../machine.ts";
import { publish } from "../site.ts";

/** Installs version `as`: the contents of version 2, with changes. Cuts the power when it waits for its first boot. */
async function install(
  setting: Setting,
  { machine, site, served }: Scene,
  as: string,
  change: Readonly<Record<string, Uint8Array>> = {},
): Promise<boolean> {
  publish({ from: join(setting.images, "2", "amd64"), to: served, version: "2", as, key: join(setting.images, "key"), change });
  if (machine.file("/lib/telesetd-config/config.json") === undefined) machine.put(site.configuration(), "telesetd.json");
  machine.start({ units: fast, extra: updatesSoon });
  await machine.shows(ready, bootSeconds);
  await machine.shows(new RegExp(`; ${as} runs after the next restart`), updateSeconds);
  await machine.cut();
  // Also after a power cut just then.
  return machine.kernelSize(`telesetd_${as}+2-0.efi`) > 1_000_000;
}

/** A good version stays. */
export async function update(setting: Setting): Promise<void> {
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
    const names = machine.names("EFI/Linux").toSorted().join();
    check("version 2 is good, and version 1 stays", names === "telesetd_1.efi,telesetd_2.efi", names);
    await machine.shows(/image: 2 in slot B/, bootSeconds);
    const facts = await site.shown(port);
    check("/metrics names version and slot", /telesetd_image_info\{version="2",slot="B"\} 1/.test(facts), facts.slice(-2000));
    check("the page names version and slot, and has both buttons", /2 in slot B/.test(facts) && /image\/rollback/.test(facts));
    // The box restarts on its own.
    await site.press(port, "rollback");
    await machine.shows(/Version 2 was rejected, and 1 runs again: An administrator went back/, 2 * bootSeconds);
    const back = machine.console.search(/Version 2 was rejected/);
    await machine.shows(screen("1"), bootSeconds, back);
    await machine.shows(ready, bootSeconds, back);
    check("the page goes back to version 1", true);
    check("then a call pops", (await site.call(port)).length === 3);
  } finally {
    await close();
  }
}

/** What must not be installed: in one boot, one after the other, each with its reason on the screen. */
export async function refused(setting: Setting): Promise<void> {
  const { check, say, images, folder } = setting;
  const stage = await scene(setting);
  const { machine, site, served, close } = stage;
  const build = join(images, "2", "amd64");
  const offer = (change: Readonly<Record<string, Uint8Array>> = {}) =>
    publish({ from: build, to: served, version: "2", key: join(images, "key"), change });
  const attempt = async (what: string, reason: RegExp, prepare: () => void) => {
    const from = machine.console.length;
    prepare();
    const seconds = await machine.shows(new RegExp(`The last update failed: ${reason.source}`), updateSeconds, from);
    site.cutAfter = undefined;
    const names = machine.names("EFI/Linux").join();
    check(what, names === "telesetd_1.efi", names);
    say(`${what}: ${Math.round(seconds)} s`);
  };
  try {
    machine.put(site.configuration(), "telesetd.json");
    // Somebody keeps films on the drive TELESETD: a kernel image finds no room. The other attempts fail before it is written.
    const films = join(folder, "films.mp4");
    command(["truncate", "--size", "195M", films]);
    machine.boot("mcopy", films, "::films.mp4");
    machine.start({ units: fast, extra: updatesSoon });
    await machine.shows(ready, bootSeconds);
    await attempt("a list that was changed after it was signed", /The signature of SHA256SUMS is wrong/, () => {
      offer();
      const list = join(served, "SHA256SUMS");
      writeFileSync(list, readFileSync(list, "utf8").replace(/^./, (digit) => digit === "0" ? "1" : "0"));
    });
    await attempt("a list without a signature", /The update is not signed/, () => {
      offer();
      rmSync(join(served, "SHA256SUMS.gpg"));
    });
    await attempt("a file that differs from the signed list", /\S+ is not the file that/, () => {
      offer();
      for (const name of readdirSync(served).filter((name) => /\.root-/.test(name))) {
        writeFileSync(join(served, name), Bun.gzipSync("other"));
      }
    });
    await attempt("a root that is larger than its slot", /The update cannot be written/, () => {
      offer({ [rootOf(build)]: Bun.gzipSync(new Uint8Array(600 * 1024 ** 2), { level: 1 }) });
    });
    await attempt("a download that is cut", /The connection to the server was lost/, () => {
      site.cutAfter = 20_000_000;
      offer();
    });
    await attempt("a drive TELESETD without room", /The update cannot be written/, () => offer());
    await machine.cut();
    const names = machine.names("EFI/Linux").join();
    check("only version 1 is on the box", names === "telesetd_1.efi", names);
  } finally {
    await close();
  }
}
