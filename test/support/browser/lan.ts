/** A LAN of two machines for one test: this box, and a network namespace that is the agent's PC. Needs root and iproute2. */
import { messageOf } from "../../../src/platform/text.ts";

/** A way to run a program and read its output. */
export type Program = Bun.Subprocess<"ignore", "pipe", "pipe">;

/** How many LANs this process has made. */
let made = 0;

/** A veth pair with a /30 of its own below 10.77.0.0/16, so that several tests can run at once on one machine. */
export class Lan {
  readonly #name: string;
  /** The address of this box, as the PC sees it. */
  readonly box: string;
  /** The address of the PC. */
  readonly pc: string;

  private constructor() {
    this.#name = `tsd${process.pid}n${made++}`.slice(0, 14);
    const subnet = (process.pid * 4 + made) % 16384;
    const [high, low] = [subnet >> 6, (subnet & 63) * 4];
    this.box = `10.77.${high}.${low + 1}`;
    this.pc = `10.77.${high}.${low + 2}`;
  }

  /** Creates the namespace. @throws Error that names the step that failed; nothing is left behind then. */
  static make(): Lan {
    const lan = new Lan();
    const [name, box, pc] = [lan.#name, `${lan.#name}a`, `${lan.#name}b`];
    try {
      ip("netns", "add", name);
      ip("link", "add", box, "type", "veth", "peer", "name", pc, "netns", name);
      ip("addr", "add", `${lan.box}/30`, "dev", box);
      ip("link", "set", box, "up");
      ip("-n", name, "addr", "add", `${lan.pc}/30`, "dev", pc);
      ip("-n", name, "link", "set", "lo", "up");
      ip("-n", name, "link", "set", pc, "up");
    } catch (error) {
      lan.remove();
      throw error;
    }
    return lan;
  }

  /** Runs a program on the PC. The namespace has no way out: no route, no resolver. */
  run(command: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
    return Bun.spawn(["ip", "netns", "exec", this.#name, ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...environment },
    });
  }

  /** Ends, by their ids, the programs that still run on the PC, and takes the LAN away. May be called again. */
  remove(): void {
    const pids = Bun.spawnSync(["ip", "netns", "pids", this.#name]).stdout.toString().split(/\s+/).filter((pid) => pid !== "");
    for (const pid of pids) Bun.spawnSync(["kill", "-9", pid]);
    Bun.spawnSync(["ip", "link", "del", `${this.#name}a`], { stderr: "ignore" });
    Bun.spawnSync(["ip", "netns", "del", this.#name], { stderr: "ignore" });
  }
}

function ip(...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...args]);
  if (exitCode !== 0) throw new Error(`Cannot do ip ${args.join(" ")}: ${stderr.toString().trim()}`);
}

/** Why there can be no LAN on this machine; empty when there can. */
export function noLan(): string {
  if (process.getuid?.() !== 0) return "not root";
  if (Bun.which("ip") === null) return "iproute2 is not installed";
  try {
    Lan.make().remove();
    return "";
  } catch (error) {
    return messageOf(error);
  }
}
