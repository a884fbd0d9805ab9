/** The daemon inside this process, at a simulated FreeSWITCH. */
import { onTestFinished } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Simulator } from "../../../simulator/freeswitch/mod.ts";
import { type App, type AppParts, startApp } from "../../../src/app.ts";
import { referenceConfig } from "../../../src/commands/rehearsal/stage.ts";
import type { Config } from "../../../src/config/schema.ts";
import { type LogLevel, openLog } from "../../../src/log/log.ts";

/** A daemon, its switch, the folder of its store, and its log. */
export interface Inside {
  readonly app: App;
  readonly sim: Simulator;
  readonly folder: string;
  readonly lines: readonly string[];
}

/** What a test wants otherwise. */
export interface InsideOptions extends AppParts {
  /** Default: one as it is when nothing is changed. */
  readonly sim?: Simulator;
  readonly level?: LogLevel;
  /** Changes the reference configuration, with the daemon's own folder at hand. */
  readonly change?: (config: Config, folder: string) => Config;
}

/** Starts it with the reference configuration; it ends after the test. */
export async function startInside(
  { sim = new Simulator(), level = "error", change = (config) => config, ...kept }: InsideOptions = {},
): Promise<Inside> {
  const folder = mkdtempSync(join(tmpdir(), "telesetd-test-"));
  await sim.start();
  const base = referenceConfig();
  const config = change({
    ...base,
    line: { ...base.line, port: sim.port },
    http: { ...base.http, host: "127.0.0.1", port: 0 },
    store: { ...base.store, path: join(folder, "telesetd.db") },
  }, folder);
  const lines: string[] = [];
  const app = await startApp(config, openLog((line) => lines.push(line), level, false), kept);
  onTestFinished(async () => {
    await app.stop();
    await sim.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { app, sim, folder, lines };
}
