/** `telesetd dials` */
import { count } from "../core/count.ts";
import type { DialRecord } from "../core/input.ts";
import { askDaemon, type Place } from "./ask.ts";
import { type Io, timeText } from "./io.ts";

/** Options of the command. */
export interface DialsOptions extends Place {
  readonly json?: boolean;
  /** Print times in UTC. */
  readonly utc?: boolean;
}

/** Prints the dial requests of the CRM, newest first: the agent, the address and the outcome. */
export async function showDials(options: DialsOptions, io: Io): Promise<number> {
  const dials = await askDaemon<(DialRecord & { desk: string })[]>(options, "GET", "/dials", io);
  const { json, utc } = options;
  if (typeof dials === "number") return dials;
  if (json) io.out(`${JSON.stringify(dials, null, 2)}\n`);
  else if (dials.length === 0) io.out("The CRM has not asked to dial any number.\n");
  for (const { at, desk, agent, from, dialString, number, outcome } of json ? [] : dials) {
    const became = number === undefined || number === dialString ? "" : ` as ${number}`;
    io.out(`${timeText(at, utc)}  desk ${desk}, agent ${agent} from ${from}: ${dialString}${became}: ${outcome}\n`);
  }
  if (!json && dials.length > 0) io.out(`${count(dials.length, "dial")}.\n`);
  return 0;
}
