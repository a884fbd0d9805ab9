/** What the commands can do for the page of the running daemon. */
import type { Config } from "../config/schema.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { releaseIn } from "../image/facts.ts";
import type { ImageTool, PageTools } from "../page/source.ts";
import { messageOf } from "../platform/text.ts";
import type { Place } from "./ask.ts";
import { explanation } from "./explain.ts";
import { wireMessage } from "./follow.ts";
import type { Io } from "./io.ts";

/** The tools of a daemon with this configuration. @param place its configuration file and its socket. */
export function pageTools(config: Config, place: Place, io: Pick<Io, "environment">): PageTools {
  return {
    explain: (number) => explanation(number, config),
    // Loaded when it is asked for: it is a tenth of the daemon's code.
    async *doctor() {
      yield* (await import("./doctor/mod.ts")).doctorHops({ ...place, inDaemon: true }, io);
    },
    wireMessage,
    image: imageTool(config.update !== undefined, io),
  };
}

/**
 * The requests of the page to the image: a file in the folder of the service's socket, which units of the image wait for
 * (telesetd-update-asked.path). The daemon itself has no rights.
 */
export function imageTool(hasUpdates: boolean, { environment }: Pick<Io, "environment">, root = "/"): ImageTool | undefined {
  const folder = environment["RUNTIME_DIRECTORY"];
  if (folder === undefined || !releaseIn(root)) return undefined;
  return {
    hasUpdates,
    request: (what) => {
      try {
        writeFileSync(join(folder, `asked-${what}`), "");
        return undefined;
      } catch (error) {
        return `The request cannot be written: ${messageOf(error)}`;
      }
    },
  };
}
