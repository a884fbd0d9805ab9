/**
 * Gives a changed configuration to the running daemon. systemd does not renew credentials on a reload, so root (`telesetd reload`,
 * the unit's ExecReload) puts fresh copies into a folder that only root can change, sends SIGHUP, and waits for the daemon's
 * verdict. The daemon reads the copies and writes its verdict into its own runtime directory.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Io } from "../io.ts";
import { oneLine } from "../../platform/text.ts";

/** The daemon's verdict on the new configuration; without problems it is in force. */
interface Verdict {
  readonly token: string;
  readonly problems: readonly string[];
}

/** The configuration to read on SIGHUP. */
export interface HandedOver {
  readonly file: string;
  /** The environment to read it with, which names the folder of its credentials. */
  readonly environment: Io["environment"];
  /** Writes the verdict; without problems the configuration is in force. */
  answer(problems: readonly string[]): void;
}

const verdictFile = "reloaded.json";

/** The file to read on SIGHUP: the copy handed over to this process, otherwise the file that it was started with. */
export function handedOver(file: string, environment: Io["environment"], pid: number): HandedOver {
  const { TELESETD_HANDOVER: place, RUNTIME_DIRECTORY: runtime } = environment;
  const folder = join(place ?? "/nonexistent", String(pid));
  if (place === undefined || runtime === undefined || !existsSync(join(folder, "token"))) {
    return { file, environment, answer: () => {} };
  }
  const token = readFileSync(join(folder, "token"), "utf8");
  return {
    file: join(folder, "config.json"),
    environment: { ...environment, CREDENTIALS_DIRECTORY: folder },
    answer: (problems) => {
      const fresh = join(runtime, `${verdictFile}.new`);
      writeFileSync(fresh, JSON.stringify({ token, problems } satisfies Verdict));
      renameSync(fresh, join(runtime, verdictFile));
    },
  };
}

/** Options of `telesetd reload`. */
export interface ReloadOptions {
  /** The daemon's process. */
  readonly pid: number;
  /** The configuration; its secrets are in the folder `secrets` beside it. */
  readonly config: string;
  /** How long the daemon may take, in ms. */
  readonly patience?: number;
}

/**
 * Hands the configuration over and waits until it is in force. Exit codes: 0 in force; 2 invalid, the old one stays in force;
 * 1 no answer from the daemon.
 */
export async function reload({ pid, config, patience = 30_000 }: ReloadOptions, io: Io): Promise<number> {
  const { TELESETD_HANDOVER: place = "/run/telesetd-reload", RUNTIME_DIRECTORY: runtime = "/run/telesetd" } = io.environment;
  const folder = join(place, String(pid));
  const token = crypto.randomUUID();
  try {
    fill(folder, token, { pid, config, given: io.environment["CREDENTIALS_DIRECTORY"] });
    process.kill(pid, "SIGHUP");
    const verdict = await verdictOf(token, join(runtime, verdictFile), pid, patience);
    if (verdict === undefined) {
      io.err("telesetd did not confirm the new configuration within 30 s: see journalctl -u telesetd\n");
      return 1;
    }
    for (const problem of verdict.problems) io.err(`${config}: ${oneLine(problem)}\n`);
    return verdict.problems.length === 0 ? 0 : 2;
  } catch (error) {
    io.err(`Cannot hand ${config} over to telesetd (process ${pid}): ${(error as Error).message}\n`);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes copies for the daemon's user into a folder that this user cannot write, so that root follows no links of its making. */
function fill(folder: string, token: string, from: { pid: number; config: string; given: string | undefined }): void {
  const { uid, gid } = statSync(`/proc/${from.pid}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // The daemon's user must be able to enter, whatever the unit's umask is.
  for (const path of [dirname(folder), folder]) chmodSync(path, 0o711);
  const give = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content, { mode: 0o400, flag: "wx" });
    if (process.getuid?.() === 0) chownSync(join(folder, name), uid, gid);
  };
  const secrets = join(dirname(from.config), "secrets");
  for (const name of filesIn(secrets)) give(`secrets_${name}`, readFileSync(join(secrets, name)));
  // Other credentials of the unit are not renewed: the daemon keeps those it has.
  for (const name of filesIn(from.given)) {
    const renewed = name === "config.json" || name === "secrets" || name.startsWith("secrets_");
    if (!renewed) give(name, readFileSync(join(from.given ?? "", basename(name))));
  }
  give("config.json", readFileSync(from.config));
  give("token", token);
}

function filesIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

/** Waits for the verdict; undefined when the time is over or the daemon has ended. */
async function verdictOf(token: string, file: string, pid: number, patience: number): Promise<Verdict | undefined> {
  for (const late = performance.now() + patience; performance.now() < late && existsSync(`/proc/${pid}`);) {
    const verdict = readVerdict(file);
    if (verdict?.token === token) return verdict;
    await new Promise((done) => setTimeout(done, 20));
  }
  return undefined;
}

/** Reads the verdict as untrusted input: it is in a folder that the daemon's user can write. */
function readVerdict(file: string): Verdict | undefined {
  let handle: number;
  try {
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const text = Buffer.alloc(65_536);
    const read: unknown = JSON.parse(text.toString("utf8", 0, readSync(handle, text)));
    const { token, problems } = read as Verdict;
    return { token: String(token), problems: Array.isArray(problems) ? problems.map(String) : [] };
  } catch {
    return undefined;
  } finally {
    closeSync(handle);
  }
}
