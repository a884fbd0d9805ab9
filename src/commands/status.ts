/** `telesetd status` */
import { readiness } from "../status/readiness.ts";
import { type Status, statusText } from "../status/status.ts";
import { askDaemon, type Place } from "./ask.ts";
import type { Io } from "./io.ts";
import { installTrouble } from "./install/mod.ts";

/** Shows the state of the running daemon. Exit code 1 if it is not running, or not ready (`/readyz`). */
export async function showStatus(place: Place, json: boolean, io: Io): Promise<number> {
  const trouble = installTrouble();
  if (trouble !== undefined && !json) io.err(trouble);
  const status = await askDaemon<Status>(place, "GET", "/status", io);
  if (typeof status === "number") return status;
  io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${statusText(status)}\n`);
  return readiness(status).ready ? 0 : 1;
}
