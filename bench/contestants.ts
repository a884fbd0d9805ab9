/** The contestants: telesetd as run by the unit and with JIT, a handwritten bridge for Node, and a minimal relay in C. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sendCallout } from "../simulator/crm/mod.ts";
import { quietPort } from "../test/support/ports.ts";
import { domain } from "./frames.ts";
import { Site } from "./load.ts";
import { now, rest } from "./measure.ts";

/** The names, for people; the keys are those of the JSON output. */
export const labels = {
  unit: "telesetd (as the unit runs it)",
  jit: "telesetd (JIT on)",
  node: "Node bridge by hand",
  floor: "C floor",
};
export type Key = keyof typeof labels;
export const keys = Object.keys(labels) as Key[];

/** The commands of the contestants; one without is skipped. */
export type Programs = Readonly<Partial<Record<Key, readonly string[]>>>;

/** How a contestant is started. */
export interface Setup {
  readonly key: Key;
  readonly desks: readonly string[];
  /** Instead of the program's. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with the path of its store before the start. */
  readonly prepare?: (store: string, site: Site) => void;
  /** Only until it says that it runs, with listener and store open: no agent is registered. */
  readonly onlyReady?: boolean;
}

/** A running contestant with its switch and CRM. */
export interface Seat {
  readonly key: Key;
  readonly site: Site;
  readonly pid: number;
  /** The start of its process; from then until it said that it runs, and until it had read the live channels, in ms. */
  readonly began: number;
  readonly readyMs: number;
  readonly settledMs: number;
  /** The port of its callouts; the floor has none. */
  readonly httpPort: number | undefined;
  log(): string;
  /** Ends it; may be called again. */
  stop(): Promise<void>;
}

/** The contestants to start: one after the other, or together, which is faster but makes start times meaningless. */
export async function seated(
  programs: Programs,
  setups: readonly Setup[],
  work: (...seats: [Seat, ...Seat[]]) => unknown,
  together = false,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-bench-"));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    const open = (setup: Setup) => seat({ command: programs[setup.key] ?? [], ...setup }, folder, closers);
    const seats = await (together ? Promise.all(setups.map(open)) : Array.fromAsync(setups, open));
    await work(...seats as [Seat, ...Seat[]]);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function seat(setup: Setup, folder: string, closers: (() => unknown)[]): Promise<Seat> {
  const { key, desks, onlyReady = false } = setup;
  const site = await Site.open(desks);
  closers.push(() => site.close());
  const httpPort = key === "floor" ? undefined : await quietPort();
  const name = join(folder, `${key}-${site.pbx.port}`);
  setup.prepare?.(`${name}.db`, site);
  const process = launch(setup, argumentsOf(setup, name, site, httpPort), `${name}.log`);
  closers.push(process.stop);
  const since = () => now() - process.began;
  const fail = () => {
    throw new Error(`${key} did not become ready:\n${process.log().slice(-2000)}`);
  };
  while (!/telesetd is running|the (bridge|floor) runs/.test(process.log())) await (since() > 15_000 ? fail() : rest(0.5));
  const readyMs = since();
  // telesetd requests the list of channels twice, the others never.
  const looks = key === "unit" || key === "jit" ? 2 : 0;
  if (!onlyReady) await Promise.race([site.pbx.settled(looks), rest(30_000).then(fail)]);
  const settledMs = since();
  if (!onlyReady && httpPort !== undefined) await register(httpPort, site);
  return { key, site, readyMs, settledMs, httpPort, ...process };
}

/** A started process. */
export type Launched = Pick<Seat, "pid" | "began" | "log" | "stop">;

/** Starts a process whose output goes to a file. */
export function launch({ key, command = [], environment }: Setup, more: readonly string[], file: string): Launched {
  const output = openSync(file, "w");
  const env = { PATH: process.env["PATH"] ?? "", ...(key === "unit" ? unitEnvironment() : {}), ...environment };
  const began = now();
  const child = Bun.spawn([...command, ...more], { stdin: "ignore", stdout: output, stderr: output, env });
  closeSync(output);
  const stop = async () => {
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.kill("SIGTERM");
    await child.exited;
    clearTimeout(late);
  };
  return { pid: child.pid, began, log: () => readFileSync(file, "utf8"), stop };
}

function argumentsOf({ key, desks }: Setup, name: string, { pbx, crm }: Site, httpPort = 0): string[] {
  if (key === "node" || key === "floor") return [`${pbx.port}`, `${httpPort || crm.port}`, domain, ...desks];
  writeFileSync(`${name}.json`, configuration(desks, pbx.port, httpPort, `${name}.db`));
  return ["run", "--config", `${name}.json`];
}

/** The environment of the shipped unit, so that the bench measures what is shipped: JIT off, and no other runtime options. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(join(import.meta.dirname, "../systemd/telesetd.service"), "utf8");
  const settings = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/));
  const fixed = settings.filter((text) => /^[^=%]+=[^%]*$/.test(text));
  return Object.fromEntries(fixed.map((text) => text.replaceAll('"', "").split("=", 2)));
}

/** The reference configuration for these desks, without rate limits on callouts. */
export function configuration(desks: readonly string[], pbxPort: number, httpPort: number, store: string): string {
  return JSON.stringify({
    desks: desks.map((extension) => ({ extension })),
    line: { driver: "freeswitch", host: "127.0.0.1", port: pbxPort, password: "ClueCon", domain },
    http: { host: "127.0.0.1", port: httpPort, perSecond: 1e9, burst: 1e9, connections: 1000 },
    numbers: { toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }] },
    store: { path: store },
  });
}

/** Registers an agent at every desk. */
export async function register(httpPort: number, { desks, crm }: Site): Promise<void> {
  for (const desk of desks) {
    const agent = { telesetNumber: desk, agentID: `agent-${desk}`, ipAddress: "127.0.0.1", port: String(crm.port) };
    const answer = await sendCallout(httpPort, "/", { FunctionName: "Register", ...agent });
    if (answer.includes("Error")) throw new Error(`Cannot register at desk ${desk}: ${answer}`);
  }
}
