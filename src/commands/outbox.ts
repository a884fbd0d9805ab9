/** `telesetd outbox list|show|retry|drop`, on the running daemon. */
import { count, thousands } from "../core/count.ts";
import type { RetriedAll, ShownEvent } from "../outbox/admin.ts";
import { type Status, unattendedText } from "../status/status.ts";
import { ask, askDaemon, type Place, socketFor } from "./ask.ts";
import { type Io, timeText } from "./io.ts";

/** Options of the commands. */
export interface OutboxOptions extends Place {
  readonly json?: boolean;
  readonly all?: boolean;
  /** Print times in UTC. */
  readonly utc?: boolean;
}

/** Pending events, or, with `--all`, also those that were delivered or discarded. */
export async function outboxList(options: OutboxOptions, io: Io): Promise<number> {
  const events = await askDaemon<ShownEvent[]>(options, "GET", `/outbox${options.all ? "?all=1" : ""}`, io);
  if (typeof events === "number") return events;
  if (options.json) io.out(`${JSON.stringify(events, null, 2)}\n`);
  else if (events.length === 0) {
    io.out(options.all ? "The outbox is empty.\n" : "No event is waiting. (--all shows finished ones too.)\n");
  } else io.out(`${events.map((event) => line(event, options)).join("")}${total(events)}\n`);
  if (!options.json) io.out(await callsWithoutEvents(options));
  return 0;
}

/** Recent calls without events because no agent was registered: the likely reason for an empty outbox. */
async function callsWithoutEvents(place: Place): Promise<string> {
  const status = await ask<Status>(socketFor(place), "GET", "/status");
  if (!("value" in status)) return "";
  return status.value.desks.map(({ extension, unattended }) =>
    unattended ? `Desk ${extension}: ${unattendedText(unattended, Date.now())}\n` : ""
  ).join("");
}

/** The number of events in each state: `3 events: 1 waiting, 2 delivered.` */
function total(events: readonly ShownEvent[]): string {
  const states = [...Map.groupBy(events, ({ state }) => state)].map(([state, { length }]) => ({ state, length }));
  const [only, ...others] = states;
  if (only && others.length === 0) return `${count(only.length, "event")} ${only.state}.`;
  return `${count(events.length, "event")}: ${states.map(({ state, length }) => `${thousands(length)} ${state}`).join(", ")}.`;
}

/** One event with its data. */
export async function outboxShow(id: string, options: OutboxOptions, io: Io): Promise<number> {
  const event = await askDaemon<ShownEvent & { data: unknown }>(options, "GET", `/outbox/${encodeURIComponent(id)}`, io);
  if (typeof event === "number") return event;
  if (options.json) io.out(`${JSON.stringify(event, null, 2)}\n`);
  else io.out(`${line(event, options)}${JSON.stringify(event.data, null, 2)}\n`);
  return 0;
}

/** How long the daemon may take to retry thousands of events, in ms. */
const retryAllWithin = 120_000;

/** Retries one event, or all. */
export async function outboxRetry(id: string | undefined, options: OutboxOptions, io: Io): Promise<number> {
  if ((id === undefined) === (options.all !== true)) {
    io.err("telesetd outbox retry needs an id, or --all\n");
    return 2;
  }
  if (id !== undefined) return await change(id, "retry", "Retrying:", options, io);
  const done = await askDaemon<RetriedAll>(options, "POST", "/outbox/retry", io, retryAllWithin);
  if (typeof done === "number") return done;
  const more = done.full ? " The outbox is full (outbox.maxEvents): run this again for the rest." : "";
  io.out(options.json ? `${JSON.stringify(done)}\n` : `Retried ${count(done.retried, "event")}.${more}\n`);
  return 0;
}

/** Discards one event. */
export function outboxDrop(id: string, options: OutboxOptions, io: Io): Promise<number> {
  return change(id, "drop", "Discarded:", options, io);
}

async function change(id: string, what: "retry" | "drop", words: string, options: OutboxOptions, io: Io): Promise<number> {
  const event = await askDaemon<ShownEvent>(options, "POST", `/outbox/${encodeURIComponent(id)}/${what}`, io);
  if (typeof event === "number") return event;
  io.out(options.json ? `${JSON.stringify(event)}\n` : `${words} ${line(event, options)}`);
  return 0;
}

function line(event: ShownEvent, { utc }: OutboxOptions): string {
  const { id, state, event: name, call, desk, agent, created, why } = event;
  const about = `desk ${desk}, agent ${agent}, call ${call}, ${timeText(created, utc)}`;
  return `${String(id).padStart(6)}  ${state.padEnd(9)}  ${name.padEnd(15)}  ${about}, ${progress(event, utc)}${
    why ? `: ${why}` : ""
  }\n`;
}

function progress({ attempts, waitsFor, next, ended }: ShownEvent, utc: boolean | undefined): string {
  if (waitsFor !== undefined && attempts === 0) return `waits for event ${waitsFor}`;
  const tried = count(attempts, "attempt");
  if (ended !== undefined) return `${tried}, ended ${timeText(ended, utc)}`;
  return next === undefined ? tried : `${tried}, next ${timeText(next, utc)}`;
}
