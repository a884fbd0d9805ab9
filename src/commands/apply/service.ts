/** The systemd service that a configuration is for. */
import { existsSync, readFileSync } from "node:fs";
import { defaultConfig } from "../io.ts";

/** The service; tests replace it. */
export interface Service {
  /** systemd's ActiveState: `active` is a daemon that is ready; undefined if there is no such service here. */
  state(): Promise<string | undefined>;
  /** The text of the configuration that the running daemon was started with; undefined if it cannot be read. */
  running(): string | undefined;
  /** Enables it at boot. Resolves with the reason if that fails. */
  enable(): Promise<string | undefined>;
  /** Restricts it to these addresses, also after a boot; undefined: to none. Resolves with the reason if that fails. */
  restrict(ranges: readonly string[] | undefined): Promise<string | undefined>;
  /** Restarts it and waits until it is ready. Resolves with the reason if it does not become ready. */
  restart(): Promise<string | undefined>;
}

const unit = "telesetd.service";

/** The service that reads this file; undefined for any file but the default one, which is the unit's. */
export function serviceOf(file: string): Service | undefined {
  return file === defaultConfig ? systemdService() : undefined;
}

/** Runs systemctl to its end; both of its outputs become one text. */
export type Systemctl = (...args: readonly string[]) => Promise<{ readonly code: number; readonly output: string }>;

/** telesetd.service of this machine. */
export function systemdService(
  run: Systemctl = systemctl,
  places = { booted: "/run/systemd/system", config: `/run/credentials/${unit}/config.json` },
): Service {
  const show = async (...names: readonly string[]): Promise<Readonly<Record<string, string>>> => {
    const { output } = await run("show", `--property=${names.join(",")}`, unit);
    return Object.fromEntries(output.split("\n").map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
  };
  return {
    state: async () => {
      if (!existsSync(places.booted)) return undefined;
      const { LoadState: loaded, ActiveState: active } = await show("LoadState", "ActiveState");
      return loaded === "loaded" ? active : undefined;
    },
    running: () => {
      try {
        return readFileSync(places.config, "utf8");
      } catch {
        return undefined;
      }
    },
    enable: async () => {
      const { code, output } = await run("--no-reload", "--quiet", "enable", unit);
      return code === 0 ? undefined : output;
    },
    restrict: async (ranges) => {
      // An empty value first, because systemd adds to the list. The result is a drop-in: systemctl cat telesetd.
      const rules = ranges === undefined ? [] : ["IPAddressDeny=any", `IPAddressAllow=${ranges.join(" ")}`];
      const { code, output } = await run("set-property", unit, "IPAddressDeny=", "IPAddressAllow=", ...rules);
      // Otherwise systemctl warns that the drop-in has changed.
      if (code === 0) await run("daemon-reload");
      return code === 0 ? undefined : output;
    },
    restart: async () => {
      // It returns when the daemon has reported READY, has ended, or has used up TimeoutStartSec.
      const { output } = await run("restart", unit);
      const after = await show("ActiveState", "Result", "ExecMainStatus", "StatusText");
      return after["ActiveState"] === "active" ? undefined : reasonOf(after, output);
    },
  };
}

/** The daemon's own status if it set one (`STATUS=Failed: ...`), otherwise how it ended. */
function reasonOf(
  { Result: result, ExecMainStatus: code, StatusText: text = "" }: Readonly<Record<string, string>>,
  output: string,
): string {
  if (text !== "") return text.replace(/^Failed: /, "");
  if (result === "timeout") return "it did not report in time that it is ready";
  if (result === "exit-code") return `it ended with exit code ${code}`;
  return output || `systemd says: ${result}`;
}

async function systemctl(...args: readonly string[]): ReturnType<Systemctl> {
  try {
    const child = Bun.spawn(["systemctl", ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, output: `${out}${err}`.trim() };
  } catch (error) {
    return { code: 1, output: (error as Error).message };
  }
}
