/** What the commands can do for the page of the running daemon. */
import { readFileSync } from "node:fs";
import type { Config } from "../config/schema.ts";
import type { PageTools } from "../page/source.ts";
import type { Place } from "./ask.ts";
import { doctorHops } from "./doctor/mod.ts";
import { explanation } from "./explain.ts";
import { wireMessage } from "./follow.ts";
import type { Io } from "./io.ts";

/** The tools of a daemon with this configuration. @param place its configuration file and its socket. */
export function pageTools(config: Config, place: Place, io: Pick<Io, "environment">): PageTools {
  return {
    explain: (number) => explanation(number, config),
    doctor: () => doctorHops({ ...place, inDaemon: true }, io),
    wireMessage,
    slot: slotIn("/etc/os-release"),
  };
}

/** The version of the image in the slot that runs (os-release(5): IMAGE_ID, IMAGE_VERSION); undefined off the image. */
export function slotIn(release: string): string | undefined {
  try {
    const text = readFileSync(release, "utf8");
    const field = (name: string): string | undefined => new RegExp(`^${name}="?([\\w.~+-]+)"?$`, "m").exec(text)?.[1];
    return field("IMAGE_ID")?.startsWith("telesetd") ? field("IMAGE_VERSION") : undefined;
  } catch {
    return undefined;
  }
}
