/** `telesetd status` */
import { type Status, statusText } from "../status/status.ts";
import { askDaemon, type Place } from "./ask.ts";
import type { Io } from "./io.ts";
import { installTrouble } from "./install/mod.ts";

/** Shows the state of the running daemon. Exit code 1 if it is not running, or something is wrong with a desk or the store. */
export async function showStatus(place: Place, json: boolean, io: Io): Promise<number> {
  const trouble = installTrouble();
  if (trouble !== undefined && !json) io.err(trouble);
  const status = await askDaemon<Status>(place, "GET", "/status", io);
  if (typeof status === "number") return status;
  io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${statusText(status)}\n`);
  return status.storeTrouble !== undefined || status.desks.some(({ trouble }) => trouble !== undefined) ? 1 : 0;
}
