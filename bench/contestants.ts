/** The contestants: telesetd as run by the unit and with JIT, a handwritten bridge for Node, and a minimal relay in C. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sendCallout } from "../simulator/crm/mod.ts";
import { quietPort } from "../test/support/ports.ts";
import { domain } from "./frames.ts";

/** The keys, as in the JSON output. */
export const keys = ["unit", "jit", "node", "floor"] as const;
export type Key = (typeof keys)[number];

/** The names, for people. */
export const labels: Readonly<Record<Key, string>> = {
  unit: "telesetd (as the unit runs it)",
  jit: "telesetd (JIT on)",
  node: "Node bridge by hand",
  floor: "C floor",
};

/** The programs. A contestant whose path is absent is skipped. */
export interface Programs {
  /** The command. */
  readonly telesetd: readonly string[];
  readonly bridge?: string;
  readonly floor?: string;
}

/** The desks and the peers of a contestant. */
export interface Setup {
  readonly folder: string;
  readonly pbxPort: number;
  readonly crmPort: number;
  readonly desks: readonly string[];
}

/** A running contestant. */
export interface Running {
  readonly key: Key;
  readonly pid: number;
  /** The start time of its process, on the clock of `performance.now`. */
  readonly began: number;
  /** The port of its callouts; the floor has none. */
  readonly httpPort: number | undefined;
  /** Its log. */
  log(): string;
  stop(): Promise<void>;
}

/** How often a contestant requests the list of channels until it is settled: telesetd twice, the others never. */
export function looks(key: Key): number {
  return key === "unit" || key === "jit" ? 2 : 0;
}

/** The available contestants. */
export function present(programs: Programs): Key[] {
  return keys.filter((key) => key === "node" ? programs.bridge : key === "floor" ? programs.floor : true);
}

/** Starts a contestant, optionally with additional environment variables; its output goes to a file. */
export async function start(
  key: Key,
  programs: Programs,
  setup: Setup,
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const { pbxPort, crmPort, desks } = setup;
  const httpPort = key === "floor" ? undefined : await quietPort();
  const name = nameOf(key, setup);
  const command = key === "node"
    ? ["node", programs.bridge ?? "", String(pbxPort), String(httpPort), domain, ...desks]
    : key === "floor"
    ? [programs.floor ?? "", String(pbxPort), String(crmPort), domain, ...desks]
    : [...programs.telesetd, "run", "--config", configuration(name, setup, httpPort ?? 0)];
  const log = openSync(`${name}.log`, "w");
  const began = performance.now();
  const child = Bun.spawn(command, { stdin: "ignore", stdout: log, stderr: log, env: { ...environment(key), ...more } });
  closeSync(log);
  const stop = async () => {
    const late = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.kill("SIGTERM");
    await child.exited;
    clearTimeout(late);
  };
  return { key, pid: child.pid, began, httpPort, log: () => readFileSync(`${name}.log`, "utf8"), stop };
}

/** The prefix of its file names. */
function nameOf(key: Key, { folder, pbxPort }: Setup): string {
  return join(folder, `${key}-${pbxPort}`);
}

/** The path of telesetd's store. */
export function storeOf(key: Key, setup: Setup): string {
  return `${nameOf(key, setup)}.db`;
}

/** The environment of the unit: JIT off (systemd/telesetd.service), and no other runtime options. */
function environment(key: Key): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", ...(key === "unit" ? unitEnvironment() : {}) };
}

/** Reads the environment from the shipped unit, so that the bench measures what is shipped. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(join(import.meta.dirname, "../systemd/telesetd.service"), "utf8");
  const settings = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/));
  return Object.fromEntries(
    settings.filter((text) => /^[^=%]+=[^%]*$/.test(text)).map((text) => text.replaceAll('"', "").split("=", 2)),
  );
}

/** The reference configuration for these desks, without rate limits on callouts. */
function configuration(name: string, { pbxPort, desks }: Setup, httpPort: number): string {
  const file = `${name}.json`;
  writeFileSync(
    file,
    JSON.stringify({
      desks: desks.map((extension) => ({ extension })),
      line: { driver: "freeswitch", host: "127.0.0.1", port: pbxPort, password: "ClueCon", domain },
      http: { host: "127.0.0.1", port: httpPort, perSecond: 1e9, burst: 1e9, connections: 1000 },
      numbers: { toCrm: [{ match: "^9(\\d{4,})$", replace: "$1", direction: "outbound" }] },
      store: { path: `${name}.db` },
    }),
  );
  return file;
}

/** Registers an agent at every desk; the floor has none. */
export async function register({ httpPort }: Running, { crmPort, desks }: Setup): Promise<void> {
  if (httpPort === undefined) return;
  for (const desk of desks) {
    const answer = await sendCallout(httpPort, "/", {
      FunctionName: "Register",
      telesetNumber: desk,
      agentID: `agent-${desk}`,
      ipAddress: "127.0.0.1",
      port: String(crmPort),
    });
    if (answer.includes("Error")) throw new Error(`Cannot register at desk ${desk}: ${answer}`);
  }
}
