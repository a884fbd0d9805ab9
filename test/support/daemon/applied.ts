/** `telesetd apply` to a box: what systemd does with the service is done with the box's process. */
import { readFileSync } from "node:fs";
import { apply } from "../../../src/commands/apply/mod.ts";
import type { Box } from "./box.ts";

/** Applies the configuration that the box has been given since its start. */
export async function applied(box: Box, running: string): Promise<{ readonly code: number; readonly err: string }> {
  let err = "";
  const io = { out: () => {}, err: (text: string) => err += text, terminal: false, environment: {} };
  const code = await apply({ config: box.config }, io, {
    state: () => Promise.resolve("active"),
    running: () => running,
    enable: () => Promise.resolve(undefined),
    restrict: () => Promise.resolve(undefined),
    restart: async () => {
      await box.terminate();
      return await box.start().then(() => undefined, () => /telesetd failed .*why="?([^"]*)/.exec(box.log)?.[1] ?? box.log);
    },
  }, () => Promise.resolve([]));
  return { code, err };
}

/** Gives the box a configuration with these changes and applies it. */
export function changed(box: Box, changes: Parameters<Box["configure"]>[0]): ReturnType<typeof applied> {
  const running = readFileSync(box.config, "utf8");
  box.configure(changes);
  return applied(box, running);
}
