/** Boots that need no update. */
import { join } from "node:path";
import { framesIn } from "../frames.ts";
import { bootSeconds, fast, measured, ready, scene, screen, type Setting } from "../scene.ts";

/** A box from the image, with the configuration on its boot partition; a call reaches the CRM. */
export async function boot(setting: Setting): Promise<void> {
  const { check, say } = setting;
  const { machine, site, port, close } = await scene(setting);
  try {
    machine.put('{ "desks": [{ "extension": "12a" }] }', "telesetd.json");
    machine.start({ units: fast });
    await machine.shows(/not installed: it has \d+ error(?:.*\r?\n)+.*desks.*extension is "12a"/, bootSeconds);
    check("the screen shows the errors of the configuration", true);
    await machine.cut();
    check("the errors are on the card", machine.names("").includes("telesetd-errors.txt"), machine.names("").join());
    machine.put(site.configuration(), "telesetd.json");
    machine.start({ units: fast });
    say(`first boot: desk ready after ${Math.round(await machine.shows(ready, bootSeconds))} s`);
    const events = await site.call(port);
    check("a call pops", events.join() === "ScreenPop,CallEstablished,CallReleased", events.join());
    check("the screen shows version and slot", screen("1").test(machine.console), machine.console.slice(-1000));
    check("there is no log-in", !/login:|# $/.test(machine.console));
    await machine.cut();
    check("telesetd.json is removed from the card", !machine.names("").includes("telesetd.json"), machine.names("").join());
    check("the configuration is on the data partition", machine.file("/lib/telesetd-config/config.json") !== undefined);
    const identity = machine.file("/lib/telesetd-image/machine-id");
    machine.start({ extra: measured });
    const firmware = await machine.shows(/BdsDxe: starting/, bootSeconds);
    const rest = await machine.shows(/^measured/m, bootSeconds);
    say(stages(machine.console, firmware, rest));
    const used = usedMegabytes(machine.console);
    check("at most 128 MB of memory are used when the desk is ready", used <= 128, `${used} MB`);
    say(`${used} MB of memory are used`);
    await machine.shows(ready, bootSeconds);
    await machine.cut();
    check("the machine id stays", identity !== undefined && machine.file("/lib/telesetd-image/machine-id") === identity);
    check("the data partition fills the disk", machine.partition("telesetd-data").size > 1.2 * 1024 ** 3);
  } finally {
    await close();
  }
}

/** A box in a tagged VLAN: from the moment at which it has its configuration, all that it sends has the tag. */
export async function vlan(setting: Setting): Promise<void> {
  const { check, folder } = setting;
  const { machine, site, close } = await scene(setting);
  const frames = join(folder, "frames.pcap");
  const sent = () => framesIn(frames).filter(({ sent }) => sent).map(({ vlan }) => vlan);
  try {
    machine.put(site.configuration({ network: { vlan: 20, address: "192.0.2.10/24", gateway: "192.0.2.1" } }), "telesetd.json");
    machine.start({ units: fast });
    // On a screen without the address that it had before.
    await machine.shows(/ UTC\r?\n(?:(?!enp0s3| UTC)[^])*^vlan20 +192\.0\.2\.10/m, bootSeconds);
    check("a first configuration moves the box into its VLAN without a restart", true);
    await machine.shows(/image: /, bootSeconds, machine.console.length);
    await machine.cut();
    machine.start({ units: fast, frames });
    await machine.shows(/^vlan20 +192\.0\.2\.10/m, bootSeconds);
    // It looks for its router and its switch.
    await machine.until(() => sent().length >= 5, bootSeconds);
    await machine.cut();
    check("all frames that it sends have the tag", sent().length >= 5 && sent().every((id) => id === 20), sent().join());
  } finally {
    await close();
  }
}

/** A number that the serial line has shown as NAME=NUMBER or NAME: NUMBER kB. */
function shown(console: string, name: string): number {
  return Number(new RegExp(`${name}(?:=|: +)(\\d+)`).exec(console)?.[1] ?? Number.NaN);
}

/** Memory that a program could not have, in MB. */
function usedMegabytes(console: string): number {
  return Math.round((shown(console, "MemTotal") - shown(console, "MemAvailable")) / 1024);
}

/**
 * The seconds from the start of the machine to READY by stage (the timestamps of systemd, org.freedesktop.systemd1(5)).
 * @param firmware until it starts the boot loader. @param rest from there to the end of the measurement.
 */
function stages(console: string, firmware: number, rest: number): string {
  const at = (name: string) => shown(console, `${name}TimestampMonotonic`) / 1e6;
  const [initrd, root, active] = [at("InitRD"), at("Userspace"), at("ActiveEnter")];
  const loader = rest - shown(console, "uptime");
  const parts = { firmware, loader, kernel: initrd, initrd: root - initrd, "root to READY": active - root };
  const text = Object.entries(parts).map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`).join(", ");
  return `${text}; together ${(firmware + loader + active).toFixed(1)} s`;
}

/** A data partition that nobody can repair is made again, with the configuration from its copy. */
export async function data(setting: Setting): Promise<void> {
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
