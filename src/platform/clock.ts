/**
 * A monotonic clock across restarts. A box without a battery-backed clock starts with a wrong time, which is corrected later
 * by hours; expiry and waiting times are measured with this clock instead.
 */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** The stored state of the clock: within one boot, the time is the uptime plus an offset. */
export interface ClockMark {
  readonly boot: string;
  /** The offset added to the machine's uptime, in ms. */
  readonly offset: number;
}

/** The machine's own clocks. */
export interface MachineClocks {
  /** Changes with every boot; empty if unknown. */
  readonly boot: string;
  /** ms since the boot; unaffected by jumps of the wall clock. */
  readonly uptime: () => number;
  /** The wall clock, in ms since 1970. */
  readonly wall: () => number;
}

/** The clocks of this machine (proc(5): boot_id). */
export function machineClocks(): MachineClocks {
  const origin = secondsUp() * 1000 - performance.now();
  return { boot: bootId(), uptime: () => origin + performance.now(), wall: () => Date.now() };
}

/**
 * Chooses the mark: within the same boot, the old one; after a reboot, a new one from the wall clock, but never before the
 * last recorded time. If the wall clock is behind, too little time seems to have passed, so nothing expires too soon.
 */
export function markFor({ boot, uptime, wall }: MachineClocks, old: ClockMark | undefined, last: number): ClockMark {
  if (old !== undefined && old.boot === boot && boot !== "") return old;
  return { boot, offset: Math.round(Math.max(wall(), last) - uptime()) };
}

/** Returns the clock of a mark, in whole ms. */
export function clockBy({ offset }: ClockMark, { uptime }: MachineClocks): () => number {
  return () => Math.round(uptime() + offset);
}

/** The uptime to the hundredth of a second (proc(5)). node's `uptime` rounds to seconds: time would jump at every start. */
function secondsUp(): number {
  try {
    return Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  } catch {
    return secondsUpAtStart() ?? uptime();
  }
}

/**
 * The uptime where /proc shows only processes (ProcSubset=pid): this process's start after the boot (proc(5): stat, field 22,
 * in clock ticks, which are hundredths of a second on every Linux) plus its age.
 */
function secondsUpAtStart(): number | undefined {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ");
    return Number(fields[19]) / 100 + process.uptime();
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    // systemd/telesetd.service hides the file and passes the id without dashes.
    return (process.env["TELESETD_BOOT_ID"] ?? "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}
