/**
 * A clock that only goes forward, at the pace of real time, across restarts: a box without a battery clock starts with a
 * wrong time and is put right later, by hours. What must not expire or wait wrongly is measured with this one.
 */
import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/** What is remembered of the clock: within one boot of the machine its uptime tells how long ago anything was. */
export interface ClockMark {
  readonly boot: string;
  /** What is added to the machine's uptime, in ms. */
  readonly offset: number;
}

/** The machine's own clocks. */
export interface MachineClocks {
  /** Changes with every boot; empty where it is not known. */
  readonly boot: string;
  /** ms since the boot; counts on when the wall clock jumps. */
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
 * The mark to go by. Within the boot that it was made in, the old one; after another boot, one from the wall clock, but
 * never before the last time on record: then too little time seems to have passed, and nothing expires too soon.
 */
export function markFor({ boot, uptime, wall }: MachineClocks, old: ClockMark | undefined, last: number): ClockMark {
  if (old !== undefined && old.boot === boot && boot !== "") return old;
  return { boot, offset: Math.round(Math.max(wall(), last) - uptime()) };
}

/** The time by a mark, in whole ms. */
export function clockBy({ offset }: ClockMark, { uptime }: MachineClocks): () => number {
  return () => Math.round(uptime() + offset);
}

/** proc(5): to the hundredth. `uptime` rounds to whole seconds, by which time would jump at every start of the daemon. */
function secondsUp(): number {
  try {
    return Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  } catch {
    return secondsUpAtStart() ?? uptime();
  }
}

/**
 * Where /proc shows processes only (ProcSubset=pid): when this process began after the boot, to the hundredth (proc(5): stat,
 * field 22, in clock ticks, which are hundredths of a second on every Linux), and how long ago that is.
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
    // systemd/telesetd.service hides it, and says it without its dashes.
    return (process.env["TELESETD_BOOT_ID"] ?? "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}
