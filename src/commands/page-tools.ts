/** What the commands can do for the page of the running daemon. */
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
  };
}
