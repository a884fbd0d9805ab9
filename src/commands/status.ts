/** `telesetd status` */
import { readiness } from "../status/readiness.ts";
import { type Status, statusText } from "../status/status.ts";
import type { ConfigInForce } from "../http/admin/routes.ts";
import { ask, askDaemon, type Place, socketFor } from "./ask.ts";
import { thisMachine } from "./doctor/machine.ts";
import type { Io } from "./io.ts";
import { installTrouble } from "./install/mod.ts";
import { agentsIn, type Network, uwqUrls, uwqUrlText } from "./uwq-url.ts";

/** Shows the state of the running daemon. Exit code 1 if it is not running, or not ready (`/readyz`). */
export async function showStatus(place: Place, json: boolean, io: Io, machine: Network = thisMachine): Promise<number> {
  const trouble = installTrouble();
  if (trouble !== undefined && !json) io.err(trouble);
  const status = await askDaemon<Status>(place, "GET", "/status", io);
  if (typeof status === "number") return status;
  io.out(json ? `${JSON.stringify(status, null, 2)}\n` : `${statusText(status)}\n`);
  if (!json) await showUrl(place, status, machine, io);
  return readiness(status).ready ? 0 : 1;
}

/** UWQ's URL, at the box's address in the network of the registered agents, or of the switch. */
async function showUrl(place: Place, { desks }: Status, machine: Network, io: Io): Promise<void> {
  const answer = await ask<ConfigInForce>(socketFor(place), "GET", "/config");
  if (!("value" in answer)) return;
  const { peers = [], ...served } = answer.value;
  io.out(`${uwqUrlText(await uwqUrls({ ...served, peers: [...agentsIn(desks), ...peers] }, machine))}\n`);
}
