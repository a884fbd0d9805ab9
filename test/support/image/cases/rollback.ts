/** Versions that do not work. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bootSeconds, fast, panics, ready, rootOf, scene, type Setting, updateSeconds, updatesSoon } from "../scene.ts";
import { publish } from "../site.ts";
import { withCommandLine } from "../machine.ts";

/** Versions that do not work: the version before runs again at the third boot at the latest, on its own. */
export async function rollback(setting: Setting): Promise<void> {
  const { check, say, images } = setting;
  const stage = await scene(setting);
  const { machine, site, served, port, close } = stage;
  const build = join(images, "2", "amd64");
  const kernel = join(build, "telesetd_2.efi");
  const line = (words: string) => ({
    ".efi": withCommandLine(kernel, (old) => old.replace("quiet audit=0", `quiet audit=0 ${words}`)),
  });
  const dropIn = (unit: string, text: string) =>
    line(`systemd.set_credential_binary=systemd.unit-dropin.${unit}:${Buffer.from(text).toString("base64")}`);
  const broken: readonly [string, RegExp, () => Readonly<Record<string, Uint8Array>>][] = [
    [
      "the kernel panics",
      /It did not start in 2 attempts|Its kernel stopped/,
      () => ({ ".efi": withCommandLine(kernel, panics) }),
    ],
    ["emergency mode", /The system did not start/, () => line("systemd.unit=emergency.target")],
    ["the root file system is damaged", /The system did not start|It did not start/, () => damagedRoot(build)],
    [
      "the daemon does not start",
      /telesetd did not become ready/,
      () => dropIn("telesetd.service", "[Service]\nExecStart=\nExecStart=/usr/bin/telesetd run --config /none\n"),
    ],
    ["/healthz never answers", /telesetd is ready, but/, () => dropIn("telesetd.service", "[Service]\nPrivateNetwork=yes\n")],
  ];
  const units = {
    ...fast,
    // Instead of five minutes.
    "telesetd-healthy.service": "[Service]\nExecStart=\nExecStart=/usr/bin/telesetd image health --minutes 2\n",
  };
  const offer = (as: string, change: Readonly<Record<string, Uint8Array>>) =>
    publish({ from: build, to: served, version: "2", as, key: join(images, "key"), change });
  try {
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units, extra: updatesSoon });
    await machine.shows(ready, bootSeconds);
    for (const [index, [what, reason, change]] of broken.entries()) {
      const version = String(3 + index);
      offer(version, change());
      await machine.shows(new RegExp(`; ${version} runs after the next restart`), updateSeconds);
      await machine.cut();
      const began = performance.now();
      machine.start({ units, extra: updatesSoon });
      await machine.shows(new RegExp(`Version ${version} was rejected, and 1 runs again: .{60}`), 4 * bootSeconds);
      await machine.shows(ready, bootSeconds);
      const boots = machine.console.split(/BdsDxe: starting/).length - 1;
      const why = new RegExp(`Version ${version} was rejected, and 1 runs again: (.*)`).exec(machine.console)?.[1] ?? "";
      say(`${what}: ${Math.round((performance.now() - began) / 1000)} s, ${boots} boots: ${why}`);
      check(`${what}: version 1 runs again within three boots`, boots <= 3, `${boots} boots`);
      check(`${what}: the reason is on the screen`, reason.test(why), why);
    }
    check("then a call pops", (await site.call(port)).length === 3);
    await machine.cut();
    const report = machine.boot("mtype", "::telesetd-rejected.txt");
    check("the log of the rejected version is on the card", /Version 7 was rejected/.test(report), report.slice(0, 300));
  } finally {
    await close();
  }
}

/** The root image of a build with a damaged beginning, which the kernel must not mount. */
function damagedRoot(folder: string): Readonly<Record<string, Uint8Array>> {
  const end = rootOf(folder);
  const bytes = Bun.gunzipSync(new Uint8Array(readFileSync(join(folder, `telesetd_2${end}`))));
  bytes.fill(0x55, 0, 65_536);
  return { [end]: Bun.gzipSync(bytes, { level: 1 }) };
}
