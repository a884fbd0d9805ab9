/** `telesetd calls [ID]`, on the running daemon. */
import { ago, count } from "../core/count.ts";
import { reasonsText, type ShownCall, type ShownCallEvent } from "../history/calls.ts";
import { oneLine } from "../platform/text.ts";
import { askDaemon, type Place } from "./ask.ts";
import { type Io, timeText } from "./io.ts";

/** Options of the command. */
export interface CallsOptions extends Place {
  /** Only the calls of this desk. */
  readonly desk?: string;
  /** All calls on record, not only the newest. */
  readonly all?: boolean;
  readonly json?: boolean;
  /** Print times in UTC. */
  readonly utc?: boolean;
}

/** How many calls are listed without `--all`. */
const newest = 20;

/** Lists the newest calls, or shows one with its timeline. */
export async function showCalls(id: string | undefined, options: CallsOptions, io: Io): Promise<number> {
  return id === undefined ? await listCalls(options, io) : await showCall(id, options, io);
}

async function listCalls({ desk, all, ...options }: CallsOptions, io: Io): Promise<number> {
  const query = new URLSearchParams({ ...(desk === undefined ? {} : { desk }), ...(all ? {} : { limit: `${newest + 1}` }) });
  const calls = await askDaemon<ShownCall[]>(options, "GET", `/calls?${query}`, io);
  if (typeof calls === "number") return calls;
  const shown = all ? calls : calls.slice(0, newest);
  if (options.json) io.out(`${JSON.stringify(shown, null, 2)}\n`);
  else if (shown.length === 0) io.out(`No call is on record${desk === undefined ? "" : ` for desk ${desk}`}.\n`);
  else {
    const more = calls.length > shown.length ? " (--all shows older ones too.)" : "";
    io.out(`${shown.map((call) => line(call, options)).join("")}${count(shown.length, "call")}.${more}\n`);
  }
  return 0;
}

async function showCall(id: string, { desk: _, all: __, ...options }: CallsOptions, io: Io): Promise<number> {
  const call = await askDaemon<ShownCall>(options, "GET", `/calls/${encodeURIComponent(id)}`, io);
  if (typeof call === "number") return call;
  io.out(options.json ? `${JSON.stringify(call, null, 2)}\n` : callText(call, options));
  return 0;
}

/** `2026-11-27 09:41:07  desk 1001  inbound   14155550123  answered, 3 minutes  sent: ScreenPop, ...`, and the reason below. */
function line(call: ShownCall, { utc }: CallsOptions): string {
  const { id, desk, direction } = call;
  const reasons = reasonsText(call);
  const facts = [timeText(call.began, utc), `desk ${desk}`, direction.padEnd(8), partyText(call).padEnd(15), outcomeText(call)];
  return `${oneLine(`${facts.join("  ")}; ${sentText(call)}`)}\n    ${
    oneLine(`${id}${reasons === undefined ? "" : `  ${reasons}`}`)
  }\n`;
}

/** The longest name of a party, in characters. */
const maxPartyLength = 60;

/** The other party, with `internal` where that is not visible. */
export function partyText({ party, kind }: Pick<ShownCall, "party" | "kind">): string {
  const named = party && party.length > maxPartyLength ? `${party.slice(0, maxPartyLength)}...` : party;
  const who = named === undefined ? "unknown" : named || "withheld";
  return kind === "internal" && party ? `${who} (internal)` : who;
}

/** `answered, 3 minutes` */
export function outcomeText({ began, end }: Pick<ShownCall, "began" | "end">): string {
  return end ? `${end.text}, ${ago(Date.parse(end.at) - Date.parse(began))}` : "in progress";
}

/** `delivered: ScreenPop, CallEstablished` */
export function sentText({ events }: Pick<ShownCall, "events">): string {
  if (events.length === 0) return "nothing sent";
  const states = Map.groupBy(events, ({ state }) => state);
  return [...states].map(([state, some]) => `${state}: ${some.map(({ event }) => event).join(", ")}`).join("; ");
}

function callText(call: ShownCall, options: CallsOptions): string {
  const { id, desk, agent, direction, kind, origin, queue, began, timeline, events } = call;
  const time = (at: string) => timeText(at, options.utc);
  const how = { called: "the desk was called", keypad: "dialled on the phone", makecall: "dialled by MakeCall" }[origin];
  const rows: [string, string][] = [
    ["call", id],
    ["desk", `${desk}, ${agent === undefined ? "no agent was registered" : `agent ${agent}`}`],
    ["direction", `${direction}${kind === "internal" ? ", internal" : ""}: ${how}${queue ? ", from a queue" : ""}`],
    ["party", partyText(call)],
    ["outcome", outcomeText(call)],
    ...[call.reason, ...call.moreReasons ?? []].flatMap((reason, index): [string, string][] =>
      reason ? [[index === 0 ? "reason" : "", reason.text]] : []
    ),
  ];
  const steps = [
    ...(timeline.length > 0 ? timeline : [{ at: began, text: "began" }]).map(({ at, text }) => ({ at, text })),
    ...events.map((event) => ({ at: event.created, text: eventText(event) })),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return [
    ...rows.map(([name, value]) => `${name.padEnd(11)}${oneLine(value)}`),
    "",
    ...steps.map(({ at, text }) => `${time(at)}  ${oneLine(text)}`),
    "",
  ].join("\n");
}

function eventText({ id, event, state, attempts, to, tookMs, why }: ShownCallEvent): string {
  const took = tookMs === undefined ? "" : ` after ${tookMs < 2000 ? `${Math.round(tookMs)} ms` : ago(tookMs)}`;
  return `${event} (event ${id})${to === undefined ? "" : ` to ${to}`}: ${state}${took}, ${count(attempts, "attempt")}${
    why === undefined ? "" : `: ${why}`
  }`;
}
