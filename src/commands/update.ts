/**
 * `telesetd update`: looks for a new version of the image, installs it in the other slot, or goes back to the version before.
 * systemd-sysupdate does the work; this turns its words into sentences, and keeps the outcome for `telesetd status` and the page.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { bootEntries, entryFolder, rejectedName } from "../image/boot-entry.ts";
import { imageState, recordFolder, records, type Release, releaseIn } from "../image/facts.ts";
import type { LastUpdate, Rejection } from "../image/state.ts";
import { checkResult, resultText, type UpdateResult, updateResult } from "../image/sysupdate.ts";
import { messageOf } from "../platform/text.ts";
import type { Status } from "../status/status.ts";
import { takeLock } from "../store/lock.ts";
import { syncFolder } from "../platform/replace-file.ts";
import { ask, socketFor } from "./ask.ts";
import { panicFolder, recordBoot } from "./image/record.ts";
import { runProgram } from "./image/program.ts";
import { replaceRecord } from "./image/replace-record.ts";
import { defaultConfig, type Io } from "./io.ts";

/** What to do. */
export interface UpdateOptions {
  /** Only look. */
  readonly check?: boolean;
  /** Go back to the version before. */
  readonly rollback?: boolean;
  /** Install nothing, but restart into the version that was installed, when no desk has a call; with rollback at once. */
  readonly restart?: boolean;
}

/** The machine; tests replace it. */
export interface UpdateMachine {
  /** Where the root file system is. */
  readonly root: string;
  /** The command line of systemd-sysupdate. */
  readonly sysupdate: readonly string[];
  /** Takes the log of systemd-sysupdate while it runs. */
  log(text: string): void;
  /** Whether a desk has a call now; false if no daemon runs. */
  isBusy(): Promise<boolean>;
  /** Waits until the next look at the calls, in ms. */
  pause(ms: number): Promise<void>;
  /** Restarts the machine. @returns why not; undefined if it restarts. */
  restart(): Promise<string | undefined>;
  /** Runs the command again with the boot partition mounted; returns its exit code. */
  again(options: UpdateOptions): Promise<number>;
}

/** For how long no desk must have had a call before a restart, how often that is checked, and for how long, in ms. */
const quietMs = 600_000;
const lookMs = 10_000;
const maxWaitMs = 12 * 3_600_000;

/** Exit codes: 0 done, or there is nothing newer; 1 it failed, or this machine does not run the image; 2 invalid options. */
export async function update(options: UpdateOptions, io: Io, machine: UpdateMachine = thisMachine): Promise<number> {
  const { check = false, rollback = false, restart = false } = options;
  if (check && (rollback || restart)) {
    io.err("--check changes nothing: use it without --rollback and --restart.\n");
    return 2;
  }
  const release = releaseIn(machine.root);
  if (!release) {
    io.err(
      "This machine does not run the image of telesetd: install a new package instead, apt install ./telesetd_VERSION_ARCH.deb; " +
        "to go back, install the old one.\n",
    );
    return 1;
  }
  // To wait for the end of calls, it needs no boot partition.
  if (restart && !rollback) return await restartWhenQuiet(release, machine, io);
  // The boot partition is mounted only while a unit needs it.
  if (!existsSync(join(machine.root, entryFolder))) return await machine.again(options);
  const unlock = lockIn(machine.root);
  if (!unlock) {
    io.err("Another update is running: wait until it has ended.\n");
    return 1;
  }
  try {
    if (check) return report(checkResult(await sysupdate(machine, "--json=short", "check-new")), release, io);
    const code = rollback ? await goBack(release, machine, io) : await install(release, machine, io);
    await recordAgain(machine, io);
    return restart && code === 0 ? reportRestart(await machine.restart(), io) : code;
  } finally {
    unlock();
  }
}

function lockIn(root: string): (() => void) | undefined {
  const folder = join(root, "run/telesetd-image");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return takeLock(join(folder, "update.lock"));
}

function sysupdate({ sysupdate: command, log }: UpdateMachine, ...args: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram([...command, ...args], log);
}

/** Prints a result. */
function report(result: UpdateResult, { version }: Release, io: Io): 0 | 1 {
  const text = `${resultText(result, version)}\n`;
  if (result.kind !== "failed") {
    io.out(text);
    return 0;
  }
  io.err(`${text}  > ${result.advice}\n`);
  return 1;
}

/** Installs a newer version, if there is one, and keeps the outcome. */
async function install(release: Release, machine: UpdateMachine, io: Io): Promise<0 | 1> {
  const result = updateResult(await sysupdate(machine, "update"));
  const outcome: LastUpdate = {
    when: new Date().toISOString(),
    good: result.kind !== "failed",
    message: resultText(result, release.version),
    ...(result.kind === "failed" ? { advice: result.advice } : {}),
  };
  keep(machine.root, records.update, outcome, io);
  if (result.kind === "installed") {
    // What is found there after the next boots is about this version.
    for (const old of [join(recordFolder, records.failedJournal), panicFolder]) {
      rmSync(join(machine.root, old), { recursive: true, force: true });
    }
  }
  return report(result, release, io);
}

/** Makes the version before the one that the next restart runs. */
async function goBack(release: Release, machine: UpdateMachine, io: Io): Promise<0 | 1> {
  const { root } = machine;
  const { version } = release;
  await recordAgain(machine, io);
  const { fallback } = imageState(root) ?? {};
  if (fallback === undefined) {
    io.err(`Cannot go back from version ${version}: there is no other version that works.\n`);
    return 1;
  }
  try {
    rejectKernel(join(root, entryFolder), version);
  } catch (error) {
    io.err(`Cannot mark version ${version} as rejected: ${messageOf(error)}\n`);
    return 1;
  }
  const why = `An administrator went back to ${fallback} (telesetd update --rollback).`;
  keep(root, records.failed, { version, why, when: new Date().toISOString() } satisfies Rejection, io);
  io.out(`Version ${fallback} runs after the next restart. Version ${version} is not tried again.\n`);
  return 0;
}

/** Renames the kernel image of a version, so that the boot loader starts another one. @throws Error */
function rejectKernel(folder: string, version: string): void {
  const running = bootEntries(readdirSync(folder)).find((entry) => entry.version === version);
  if (!running) throw new Error(`it is not in ${folder}`);
  renameSync(join(folder, running.file), join(folder, rejectedName(running)));
  syncFolder(folder);
}

function recordAgain({ root }: UpdateMachine, io: Io): Promise<number> {
  return recordBoot({ root }, { ...io, out: () => {} });
}

function keep(root: string, name: string, value: unknown, io: Io): void {
  const trouble = replaceRecord(join(root, recordFolder, name), value);
  if (trouble !== undefined) io.err(`${trouble}\n`);
}

/** Restarts the machine, if another version waits, when no desk has a call. */
async function restartWhenQuiet(release: Release, machine: UpdateMachine, io: Io): Promise<0 | 1> {
  const { waiting } = imageState(machine.root) ?? {};
  if (waiting === undefined) {
    io.out(`No restart is needed: version ${release.version} stays.\n`);
    return 0;
  }
  io.out(`The box restarts into version ${waiting} when no desk has had a call for ${quietMs / 60_000} minutes.\n`);
  if (await quiet(machine)) return reportRestart(await machine.restart(), io);
  io.err(
    `The box has not restarted: in ${maxWaitMs / 3_600_000} hours, there were no ${quietMs / 60_000} minutes without a call.\n`,
  );
  return 1;
}

function reportRestart(trouble: string | undefined, io: Io): 0 | 1 {
  if (trouble !== undefined) io.err(`The box cannot restart: ${trouble}\n`);
  return trouble === undefined ? 0 : 1;
}

/** Waits until no desk has had a call for some minutes; false if that does not happen in time. */
async function quiet(machine: UpdateMachine): Promise<boolean> {
  let since = 0;
  for (let waited = 0; waited < maxWaitMs; waited += lookMs) {
    since = await machine.isBusy() ? 0 : since + lookMs;
    if (since > quietMs) return true;
    await machine.pause(lookMs);
  }
  return false;
}

/** Set for the run that has the boot partition. */
const mountedMark = "TELESETD_BOOT_PARTITION";

const thisMachine: UpdateMachine = {
  root: "/",
  sysupdate: ["/usr/lib/systemd/systemd-sysupdate"],
  log: (text) => void process.stderr.write(text),
  isBusy: async () => {
    const answer = await ask<Status>(socketFor({ config: defaultConfig }), "GET", "/status");
    return "value" in answer && answer.value.desks.some(({ calls }) => calls.length > 0);
  },
  pause: (ms) => sleep(ms),
  restart: async () => {
    const { code, err } = await runProgram(["systemctl", "--no-block", "reboot"]);
    return code === 0 ? undefined : err.trim();
  },
  again: async (options) => {
    if (process.env[mountedMark] !== undefined) {
      process.stderr.write(`There is no folder /${entryFolder} on the boot partition: is this the medium of the image?\n`);
      return 1;
    }
    const flags = Object.entries(options).flatMap(([name, isSet]) => isSet === true ? [`--${name}`] : []);
    const unit = ["--property=Requires=efi.mount", "--property=After=efi.mount", `--setenv=${mountedMark}=1`];
    const child = Bun.spawn(
      ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", ...unit, process.execPath, "update", ...flags],
      { stdin: "ignore", stdout: "inherit", stderr: "inherit" },
    );
    return await child.exited;
  },
};
