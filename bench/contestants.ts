/** Who is measured: telesetd as the unit runs it and with JIT on, a bridge written by hand for Node, and a floor in C. */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sendCallout } from "../simulator/crm/mod.ts";
import { quietPort } from "../test/support/ports.ts";
import { domain } from "./frames.ts";

/** The names, as JSON has them. */
export const keys = ["unit", "jit", "node", "floor"] as const;
export type Key = (typeof keys)[number];

/** The names for people. */
export const labels: Readonly<Record<Key, string>> = {
  unit: "telesetd (as the unit runs it)",
  jit: "telesetd (JIT on)",
  node: "Node bridge by hand",
  floor: "C floor",
};

/** What is needed to start them. A path that is absent: that one is left out. */
export interface Programs {
  /** The command. */
  readonly telesetd: readonly string[];
  readonly bridge?: string;
  readonly floor?: string;
}

/** Whom it serves and whom it talks to. */
export interface Setup {
  readonly folder: string;
  readonly pbxPort: number;
  readonly crmPort: number;
  readonly desks: readonly string[];
}

/** A contestant at work. */
export interface Running {
  readonly key: Key;
  readonly pid: number;
  /** When its process was started, on the clock of `performance.now`. */
  readonly began: number;
  /** Where it serves callouts; the floor does not. */
  readonly httpPort: number | undefined;
  /** What it has written. */
  log(): string;
  stop(): Promise<void>;
}

/** How often telesetd asks for the list of channels until it is settled: the others never do. */
export function looks(key: Key): number {
  return key === "unit" || key === "jit" ? 2 : 0;
}

/** Those that can be started here. */
export function present(programs: Programs): Key[] {
  return keys.filter((key) => key === "node" ? programs.bridge : key === "floor" ? programs.floor : true);
}

/** Starts one, with more variables in its environment if wanted; it runs some time later. Its output goes to a file. */
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

/** The beginning of the names of its files. */
function nameOf(key: Key, { folder, pbxPort }: Setup): string {
  return join(folder, `${key}-${pbxPort}`);
}

/** Where telesetd's store will be. */
export function storeOf(key: Key, setup: Setup): string {
  return `${nameOf(key, setup)}.db`;
}

/** The unit's environment: JIT off (systemd/telesetd.service), and nothing that a runtime would obey. */
export function environment(key: Key): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", ...(key === "unit" ? unitEnvironment() : {}) };
}

/** What the shipped unit sets, read from it: the bench measures what is shipped. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(join(import.meta.dirname, "../systemd/telesetd.service"), "utf8");
  const settings = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap((match) => (match[1] ?? "").split(/\s+/));
  return Object.fromEntries(
    settings.filter((each) => /^[^=%]+=[^%]*$/.test(each)).map((each) => each.replaceAll('"', "").split("=", 2)),
  );
}

/** The reference configuration for these desks, with the limits on callouts lifted. */
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
