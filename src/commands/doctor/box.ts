/** The hops of the box itself: its disk, its clock, its network. */
import { failed, type Finding, good, warning } from "../../../drivers/shared/probing.ts";
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { isLoopback } from "../../platform/address.ts";
import type { StoreLook } from "../../store/inspect.ts";
import { ago } from "../../core/count.ts";
import { asRoot } from "./hop.ts";
import type { Machine } from "./machine.ts";

const megabyte = 1024 * 1024;
/** statfs(2): f_type of a disk in memory. */
const tmpfs = 0x01021994;

/** Whether the disk of the store accepts writes, and how much space is left. */
export function checkDisk(storePath: string): Finding {
  let folder = dirname(storePath);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bsize, blocks, bavail, files, ffree, type } = statfsSync(folder);
  if (blocks === 0) {
    return failed(
      `The store cannot be created at ${storePath}: ${folder} is not on a disk.`,
      "Set store.path to a file on a disk, such as /var/lib/telesetd/telesetd.db.",
    );
  }
  const free = bavail * bsize;
  const room = `${Math.round(free / megabyte)} MB of ${
    Math.round(blocks * bsize / megabyte)
  } MB are free where the store is (${folder})`;
  const freeSome = `Free some space: du -xh ${folder} | sort -h | tail; journalctl --vacuum-size=20M`;
  if (free < megabyte) return failed(`The disk is full: ${room}.`, freeSome);
  if (files > 0 && ffree < 16) {
    return failed(`The disk has no room for more files: ${ffree} of ${files} inodes are free in ${folder}.`, freeSome);
  }
  const refusal = tryToWrite(folder);
  if (refusal === "EROFS") {
    return failed(
      `The disk is read-only: ${folder}.`,
      `Find out why: dmesg | grep -i error. Then: mount -o remount,rw ${folder}; replace a worn-out SD card.`,
    );
  }
  if (refusal === "EACCES" || refusal === "EPERM") return warning(`${room}; this user may not write there.`, asRoot);
  if (refusal !== undefined) {
    const full = refusal === "ENOSPC" || refusal === "EDQUOT";
    const advice = full ? freeSome : `Check ${folder} and its disk: ls -ld ${folder}; dmesg | tail.`;
    return failed(`Cannot write a file in ${folder}: ${refusal}.`, advice);
  }
  if (free < 50 * megabyte) return warning(`The disk is nearly full: ${room}.`, freeSome);
  if (Number(type) === tmpfs) {
    const advice = "Set store.path to a real disk, such as /var/lib/telesetd/telesetd.db.";
    return warning(`The store is in memory only (${folder}): a power cut loses it.`, advice);
  }
  return good(`${room}.`);
}

/** Writes a small file and removes it. @returns the error's code when that fails. */
function tryToWrite(folder: string): string | undefined {
  const file = join(folder, `.telesetd-doctor-${process.pid}`);
  try {
    const handle = openSync(file, "wx", 0o600);
    try {
      writeSync(handle, new Uint8Array(4096));
    } finally {
      closeSync(handle);
      rmSync(file, { force: true });
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** A clock before this time has not been set: no telesetd is that old. */
const earliest = Date.UTC(2025, 0, 1);
const latest = Date.UTC(2100, 0, 1);
const aMinute = 60_000;

const clockAdvice = "Unless chrony or ntpd runs: apt install systemd-timesyncd; systemctl enable --now systemd-timesyncd. " +
  "timedatectl timesync-status then shows whether a time server answers.";
const imageClockAdvice =
  "Set ntp in telesetd.json to time servers that the box can reach: without it, it asks those of DHCP, and " +
  "of Debian.";

/** Whether the clock is right, and whether it was set since the box started. */
export async function checkClock({ clocks, synchronised, image }: Machine, store: StoreLook | undefined): Promise<Finding> {
  const wall = clocks.wall();
  const kept = await synchronised();
  const time = new Date(wall).toISOString().slice(0, 19).replace("T", " ");
  const advice = image() ? imageClockAdvice : clockAdvice;
  if (wall < earliest || wall > latest) return failed(`The clock is wrong: it says ${time} UTC.`, advice);
  if (store && store.last > wall + aMinute) {
    const message = `The clock says ${time} UTC: ${
      ago(store.last - wall)
    } before the last recorded event. It is wrong now, or was wrong then.`;
    return { verdict: kept === true ? "warning" : "failed", message, advice };
  }
  const { mark } = store ?? {};
  // Within a boot the daemon uses the uptime: its time differs from the wall clock by as much as the wall clock was set.
  const set = mark !== undefined && mark.boot === clocks.boot ? wall - (mark.offset + clocks.uptime()) : 0;
  if (Math.abs(set) > aMinute) {
    const message = `The clock was set ${set > 0 ? "forward" : "back"} by ${ago(set)} since the box started.`;
    return warning(message, "Nothing is lost; times in the outbox are wrong until the box is restarted.");
  }
  if (kept === false) return warning(`It is ${time} UTC, but the clock is not synchronised with a time server.`, advice);
  return good(`It is ${time} UTC${kept === true ? ", synchronised by NTP" : "; it is not known whether NTP synchronises it"}.`);
}

/** The part of the configuration that the network must fit. */
export interface Places {
  /** `http.host`. */
  readonly listen: string;
  /** The addresses that the driver connects to; undefined if the driver does not know them. */
  readonly peers: readonly string[] | undefined;
}

/** Whether the box has an address, a default route, and the address to listen on. */
export function checkNetwork({ addresses, hasDefaultRoute }: Machine, places: Places | undefined): Finding {
  const all = addresses();
  const listed = all.map(({ interface: name, address }) => `${address} (${name})`).join(", ");
  const real = all.filter(({ address }) => !/^(169\.254\.|fe80:)/i.test(address));
  const onlyInside = places?.peers !== undefined && [places.listen, ...places.peers].every(isLoopback);
  if (real.length === 0 && !onlyInside) {
    return all.length === 0
      ? failed("The box has no network address.", "Plug in the cable; ip link shows whether there is a carrier.")
      : failed(
        `The box has only link-local addresses (${listed}): no DHCP server has answered.`,
        "Check the cable, the switch port's VLAN and the DHCP server; or give the box a fixed address.",
      );
  }
  const { listen = "0.0.0.0" } = places ?? {};
  const anywhere = listen === "0.0.0.0" || listen === "::" || isLoopback(listen) || !/^[0-9a-f.:]+$/i.test(listen);
  if (!anywhere && !all.some(({ address }) => address === listen)) {
    return failed(
      `The box does not have the address of http.host, ${listen}: it has ${listed || "none"}.`,
      `Set http.host to ${real[0]?.address ?? "an address of the box"}, or to 0.0.0.0 for all.`,
    );
  }
  if (!hasDefaultRoute() && !onlyInside) {
    const advice = "Fine if the switch and the PCs are in the same network; otherwise set a gateway.";
    return warning(`The box has ${listed}, and no default route.`, advice);
  }
  return good(listed === "" ? "Loopback only, which is all this configuration needs." : `The box has ${listed}.`);
}
