/** What a bug report says about the machine, and the service's log. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { cpus, freemem, loadavg, release, totalmem, uptime, version } from "node:os";
import { ago } from "../../core/count.ts";
import { messageOf } from "../../platform/text.ts";

/** What is in a part of the bundle, or why there is nothing. */
export type Content = { readonly text: string } | { readonly json: unknown } | { readonly missing: string };

/** How long a program may take, in ms, and how much of its output is kept, in characters. */
const maxProgramMs = 10_000;
const maxOutput = 4_000_000;

/** The machine as text: a line for each fact. */
export async function machineText(): Promise<string> {
  const board = textIn("/proc/device-tree/model")?.replace(/\0/g, "");
  const [first] = cpus();
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["kernel", `${release()} ${version()}`],
    ["architecture", process.arch],
    ["board", board],
    ["processor", `${cpus().length} x ${first?.model ?? "unknown"}`],
    ["memory", `${megabytes(totalmem())}, ${megabytes(freemem())} free`],
    ["load", loadavg().map((load) => load.toFixed(2)).join(" ")],
    ["up for", ago(uptime() * 1000)],
    ["time", `${new Date().toISOString()}, zone ${Intl.DateTimeFormat().resolvedOptions().timeZone}`],
    ...["/", "/var/lib/telesetd", "/var/log"].map((folder) => [`disk ${folder}`, diskText(folder)] as const),
  ];
  const service = await output("systemctl", "show", "telesetd.service", `--property=${serviceProperties}`);
  return [
    ...rows.flatMap(([name, value]) => value === undefined ? [] : [`${name.padEnd(24)}${value}`]),
    "",
    textIn("/etc/os-release") ?? "There is no /etc/os-release.",
    "telesetd.service:",
    "text" in service ? service.text : service.missing,
    "",
  ].join("\n");
}

const serviceProperties =
  "LoadState,ActiveState,SubState,Result,ExecMainStatus,ExecMainStartTimestamp,NRestarts,MemoryCurrent,MemoryPeak,MemoryMax";

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}

function diskText(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  try {
    const { bsize, blocks, bavail } = statfsSync(folder);
    return `${megabytes(blocks * bsize)}, ${megabytes(bavail * bsize)} free`;
  } catch (error) {
    return messageOf(error);
  }
}

function textIn(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** The log of the service in the last hour, if this user may read it. */
export async function journalText(): Promise<Content> {
  const lines = ["--unit=telesetd", "--since=-1h", "--lines=20000", "--output=short-iso-precise", "--no-pager", "--quiet"];
  const journal = await output("journalctl", ...lines);
  if ("missing" in journal || journal.text.trim() !== "") return journal;
  return { missing: "The journal has no lines of telesetd from the last hour that this user may read (run this as root)." };
}

/** The output of a program, the last part if it is long, or why there is none. */
async function output(name: string, ...options: readonly string[]): Promise<{ text: string } | { missing: string }> {
  if (Bun.which(name) === null) return { missing: `${name} is not installed.` };
  try {
    const child = Bun.spawn([name, ...options], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: maxProgramMs });
    const [text, trouble, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code === 0) return { text: text.slice(-maxOutput) };
    return { missing: `${name} failed (${child.signalCode ?? `exit code ${code}`}): ${trouble.trim() || "it gave no reason"}` };
  } catch (error) {
    return { missing: `${name} cannot be run: ${messageOf(error)}` };
  }
}
