/** `telesetd outbox list|show|retry|drop`, on the running daemon. */
import type { ShownEvent } from "../outbox/desk.ts";
import { askDaemon } from "./ask.ts";
import { count } from "../core/count.ts";
import type { Io } from "./io.ts";

/** Options of the commands. */
export interface OutboxOptions {
  readonly config: string;
  readonly json?: boolean;
  readonly all?: boolean;
}

/** What waits to be told, or, with `--all`, also what has ended. */
export async function outboxList(options: OutboxOptions, io: Io): Promise<number> {
  const events = await askDaemon<ShownEvent[]>(options.config, "GET", `/outbox${options.all ? "?all=1" : ""}`, io);
  if (typeof events === "number") return events;
  if (options.json) io.out(`${JSON.stringify(events, null, 2)}\n`);
  else if (events.length === 0) {
    io.out(options.all ? "The outbox is empty.\n" : "Nothing waits to be told. (--all shows what has ended.)\n");
  } else io.out(events.map(line).join(""));
  return 0;
}

/** One event with its data. */
export async function outboxShow(id: string, options: OutboxOptions, io: Io): Promise<number> {
  const event = await askDaemon<ShownEvent & { data: unknown }>(options.config, "GET", `/outbox/${encodeURIComponent(id)}`, io);
  if (typeof event === "number") return event;
  if (options.json) io.out(`${JSON.stringify(event, null, 2)}\n`);
  else io.out(`${line(event)}${JSON.stringify(event.data, null, 2)}\n`);
  return 0;
}

/** Sends one event, or all, once more. */
export async function outboxRetry(id: string | undefined, options: OutboxOptions, io: Io): Promise<number> {
  if ((id === undefined) === (options.all !== true)) {
    io.err("telesetd outbox retry wants an id, or --all\n");
    return 2;
  }
  if (id === undefined) {
    const done = await askDaemon<{ retried: number }>(options.config, "POST", "/outbox/retry", io);
    if (typeof done === "number") return done;
    io.out(options.json ? `${JSON.stringify(done)}\n` : `Trying ${count(done.retried, "event")} once more.\n`);
    return 0;
  }
  return await change(id, "retry", "Trying it once more:", options, io);
}

/** Gives one event up. */
export function outboxDrop(id: string, options: OutboxOptions, io: Io): Promise<number> {
  return change(id, "drop", "Given up:", options, io);
}

async function change(id: string, what: "retry" | "drop", words: string, options: OutboxOptions, io: Io): Promise<number> {
  const event = await askDaemon<ShownEvent>(options.config, "POST", `/outbox/${encodeURIComponent(id)}/${what}`, io);
  if (typeof event === "number") return event;
  io.out(options.json ? `${JSON.stringify(event)}\n` : `${words} ${line(event)}`);
  return 0;
}

function line({ id, state, event, call, desk, agent, created, attempts, why, next }: ShownEvent): string {
  const tries = `${count(attempts, "attempt")}${next === undefined ? "" : `, next ${next}`}`;
  return `${String(id).padStart(6)}  ${state.padEnd(7)}  ${
    event.padEnd(15)
  }  desk ${desk}, agent ${agent}, call ${call}, ${created}, ${tries}${why ? `: ${why}` : ""}\n`;
}
