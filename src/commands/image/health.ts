/**
 * `telesetd image health`: decides whether this boot of a new version is good. telesetd-healthy.service runs it while the boot is
 * on trial; if it fails, the box restarts, and in the end the version before runs again.
 */
import { existsSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { looseJson } from "../../config/text.ts";
import { recordFolder, records, releaseIn } from "../../image/facts.ts";
import { type DaemonFacts, judge, type Judgement } from "../../image/health.ts";
import { replaceFile } from "../../platform/replace-file.ts";
import { messageOf } from "../../platform/text.ts";
import type { Io } from "../io.ts";
import { notTheImage } from "./not-the-image.ts";
import { runProgram } from "./program.ts";
import { replaceRecord } from "./replace-record.ts";

/** The machine; tests replace it. */
export interface HealthMachine {
  facts(): Promise<DaemonFacts>;
  /** Seconds since the start of the machine. */
  now(): number;
  /** The journal of this boot. */
  journal(): Promise<string>;
  /** Waits before the next look. */
  pause(): Promise<void>;
}

/** Options of the command. */
export interface HealthOptions {
  readonly config: string;
  /** How long the boot has, in minutes from now. */
  readonly minutes: string;
  readonly root: string;
}

/** The time between two looks, in ms. */
const lookMs = 2000;

/** Waits for the judgement. Exit code 0 if the boot is good, 1 if it is not. */
export async function health(options: HealthOptions, io: Io, machine: HealthMachine = thisMachine(options)): Promise<number> {
  const minutes = Number(options.minutes);
  if (!(minutes > 0 && minutes <= 60)) {
    io.err(`--minutes is ${options.minutes}: expected a number up to 60.\n`);
    return 2;
  }
  const release = releaseIn(options.root);
  if (!release) {
    io.out(notTheImage("there is no version to go back to"));
    return 0;
  }
  const { verdict, why } = await judgement(machine, machine.now() + minutes * 60);
  if (verdict === "good") {
    io.out(`Version ${release.version} works: ${why}\n`);
    return 0;
  }
  io.err(`Version ${release.version} does not work: ${why}\n`);
  const trouble = replaceRecord(
    join(options.root, recordFolder, records.failed),
    { version: release.version, why, when: new Date().toISOString() },
  );
  if (trouble !== undefined) io.err(`${trouble}\n`);
  await keepJournal(join(options.root, recordFolder, records.failedJournal), machine);
  return 1;
}

/** The journal may be rotated away, and the box has no shell: `telesetd image record` puts it on the boot partition. */
async function keepJournal(file: string, machine: HealthMachine): Promise<void> {
  try {
    replaceFile(file, await machine.journal());
  } catch {
    // The reason is kept already, and the restart must not wait.
  }
}

async function judgement(machine: HealthMachine, deadline: number): Promise<Judgement> {
  for (;;) {
    const judged = judge(await machine.facts(), machine.now(), deadline);
    if (judged.verdict !== "wait") return judged;
    await machine.pause();
  }
}

/** This machine. The configuration may have errors: its port is found all the same. */
function thisMachine({ config, root }: HealthOptions): HealthMachine {
  const file = join(root, config);
  return {
    now: () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]),
    pause: () => sleep(lookMs),
    journal: async () => (await runProgram(["journalctl", "--boot", "--no-pager", "--lines=2000"])).out,
    facts: async () => {
      if (!existsSync(file)) return { configured: false, state: "inactive" };
      const [service, healthTrouble] = await Promise.all([serviceFacts(), troubleAt(addressIn(file))]);
      return { configured: true, ...service, ...(healthTrouble === undefined ? {} : { healthTrouble }) };
    },
  };
}

async function serviceFacts(): Promise<Pick<DaemonFacts, "state" | "activeSince" | "reason">> {
  const names = "ActiveState,SubState,ActiveEnterTimestampMonotonic,Result,ExecMainStatus,StatusText";
  const { out } = await runProgram(["systemctl", "show", "telesetd.service", `--property=${names}`]);
  return serviceFactsIn(out);
}

/** Reads the properties that `systemctl show` prints. */
export function serviceFactsIn(printed: string): Pick<DaemonFacts, "state" | "activeSince" | "reason"> {
  const field = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(printed)?.[1] ?? "";
  const state = field("ActiveState") || "unknown";
  if (state === "active") return { state, activeSince: Number(field("ActiveEnterTimestampMonotonic")) / 1_000_000 };
  const exit = field("ExecMainStatus");
  const reason = field("StatusText") || (exit === "" || exit === "0" ? "" : `exit code ${exit}`);
  const detail = field("SubState");
  return { state: detail === "" || detail === state ? state : `${state}, ${detail}`, ...(reason === "" ? {} : { reason }) };
}

/** Where the daemon listens; requests from the machine itself must come from loopback. */
export function addressIn(file: string): { readonly host: string; readonly port: number } {
  const { http } = (looseJson(readFileSync(file, "utf8")) ?? {}) as { readonly http?: { host?: unknown; port?: unknown } };
  const { host, port } = http ?? {};
  const everywhere = host === "::" ? "::1" : "127.0.0.1";
  const isOne = typeof host === "string" && host !== "0.0.0.0" && host !== "::";
  return { host: isOne ? host : everywhere, port: typeof port === "number" ? port : 8090 };
}

/** Why /healthz does not answer well; undefined if it does. */
export function troubleAt({ host, port }: { readonly host: string; readonly port: number }): Promise<string | undefined> {
  const where = `/healthz at ${host}:${port}`;
  return new Promise((resolve) => {
    const asked = get({ host, port, path: "/healthz", agent: false, signal: AbortSignal.timeout(lookMs) }, (response) => {
      response.resume();
      // A daemon that listens on one address only may refuse the box itself, whose requests then do not come from loopback: it works.
      const { statusCode: status } = response;
      resolve(status === 200 || status === 403 ? undefined : `${where} answers ${status}`);
    });
    asked.on("error", (error) => resolve(`${where} does not answer: ${messageOf(error)}`));
  });
}
