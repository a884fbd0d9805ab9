/** Versions that do not work. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bootSeconds, fast, panics, ready, rootOf, scene, type Setting, updateSeconds, updatesSoon } from "../scene.ts";
import { publish } from "../site.ts";
import { withCommandLine } from "../uki.ts";

/** A version that does not work: what is wrong, the reason on the screen, and what is published instead of the build's files. */
type Broken = readonly [string, RegExp, Readonly<Record<string, Uint8Array>>];

/** Versions whose system does not start. */
export function rollback(setting: Setting): Promise<void> {
  const build = buildOf(setting);
  const unmountable = "[Mount]\nOptions=nonsense\n";
  // Nothing starts before the settings of the box; a oneshot has no time limit.
  const hangs = "[Service]\nExecStartPre=/usr/bin/sleep infinity\n";
  return allRejected(setting, [
    ["the kernel panics", /It did not start in 2 attempts|Its kernel stopped/, kernelOf(build, panics)],
    ["emergency mode", /The system did not start/, withWords(build, "systemd.unit=emergency.target")],
    ["the root file system is damaged", /The system did not start|It did not start/, damagedRoot(build)],
    ["the data partition cannot be mounted", /Data partition/, withDropIn(build, "sysroot-var.mount", unmountable)],
    ["the boot hangs", /It did not start/, withDropIn(build, "telesetd-box-settings.service", hangs)],
  ]);
}

/** Versions whose daemon does not work. */
export async function unhealthy(setting: Setting): Promise<void> {
  const build = buildOf(setting);
  const fails = "[Service]\nExecStart=\nExecStart=/usr/bin/telesetd run --config /none\n";
  const unreachable = "[Service]\nPrivateNetwork=yes\n";
  const versions: readonly Broken[] = [
    ["the daemon does not start", /telesetd did not become ready/, withDropIn(build, "telesetd.service", fails)],
    ["/healthz never answers", /telesetd is ready, but \/healthz/, withDropIn(build, "telesetd.service", unreachable)],
  ];
  // On a box each, because the judgement names the version that the root says.
  for (const version of versions) await allRejected(setting, [version]);
}

function buildOf({ images }: Setting): string {
  return join(images, "2", "amd64");
}

/** The kernel image of a build with another command line. */
function kernelOf(build: string, change: (line: string) => string): Readonly<Record<string, Uint8Array>> {
  return { ".efi.gz": Bun.gzipSync(withCommandLine(join(build, "telesetd_2.efi.gz"), change), { level: 1 }) };
}

function withWords(build: string, words: string): Readonly<Record<string, Uint8Array>> {
  return kernelOf(build, (line) => line.replace("quiet audit=0", `quiet audit=0 ${words}`));
}

/** A drop-in of systemd that comes with the kernel's command line (systemd.system-credentials(7)). */
function withDropIn(build: string, unit: string, text: string): Readonly<Record<string, Uint8Array>> {
  const encoded = Buffer.from(text).toString("base64");
  return withWords(build, `systemd.set_credential_binary=systemd.unit-dropin.${unit}:${encoded}`);
}

/** Installs one after the other: version 1 runs again at the third boot at the latest, on its own, and says why. */
async function allRejected(setting: Setting, versions: readonly Broken[]): Promise<void> {
  const { check, say, images } = setting;
  const stage = await scene(setting);
  const { machine, site, served, port, close } = stage;
  // Instead of five minutes, and of ten.
  const health = "[Service]\nExecStart=\nExecStart=/usr/bin/telesetd image health --minutes 2\n";
  const deadline = "[Unit]\nJobTimeoutSec=5min\n";
  const units = { ...fast, "telesetd-healthy.service": health, "boot-complete.target": deadline };
  try {
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units, extra: updatesSoon });
    await machine.shows(ready, bootSeconds);
    for (const [index, [what, reason, change]] of versions.entries()) {
      // The root of the first one says its version; those of the others say 2 too, so that the record of a judgement does not fit.
      const version = String(2 + index);
      publish({ from: buildOf(setting), to: served, version: "2", as: version, key: join(images, "key"), change });
      await machine.shows(new RegExp(`; ${version} runs after the next restart`), updateSeconds);
      await machine.cut();
      const size = machine.kernelSize(`telesetd_${version}+2-0.efi`);
      check(`${what}: the kernel image is whole after a power cut just then`, size > 1_000_000, `${size} bytes`);
      const began = performance.now();
      machine.start({ units, extra: updatesSoon });
      const rejected = new RegExp(`Version ${version} was rejected, and 1 runs again: .+\\r?\\n`);
      await machine.shows(rejected, 4 * bootSeconds);
      await machine.shows(ready, bootSeconds, machine.console.search(rejected));
      const boots = machine.console.split(/BdsDxe: starting/).length - 1;
      const why = new RegExp(`Version ${version} was rejected, and 1 runs again: (.*)`).exec(machine.console)?.[1] ?? "";
      say(`${what}: ${Math.round((performance.now() - began) / 1000)} s, ${boots} boots: ${why}`);
      check(`${what}: version 1 runs again within three boots`, boots <= 3, `${boots} boots`);
      check(`${what}: the reason is on the screen`, reason.test(why), why);
    }
    check("then a call pops", (await site.call(port)).length === 3);
    await machine.cut();
    const report = machine.boot("mtype", "::telesetd-rejected.txt");
    const last = `Version ${1 + versions.length} was rejected`;
    check("the log of the rejected version is on the card", report.startsWith(last), report.slice(0, 300));
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
