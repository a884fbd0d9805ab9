/** `telesetd fleet status` */
import { ago, count } from "../../core/count.ts";
import { adminSubject, type StatusAnswer, type StatusQuestion } from "../../fleet/admin.ts";
import { type FleetRow, isTrouble } from "../../fleet/roster.ts";
import { oneLine } from "../../platform/text.ts";
import type { Io } from "../io.ts";
import { type FleetFolder, NoAnswer, onFleet } from "./folder.ts";
import { type Ask, withBroker } from "./server.ts";

/** How many desks in trouble are shown. */
const maxShown = 40;

/** Shows the state of the fleet, as one of the relays knows it. Exit code 1 if no relay answers. */
export function fleetStatus(
  search: string | undefined,
  options: { readonly folder: string; readonly all?: boolean; readonly json?: boolean },
  io: Io,
  now: () => number = Date.now,
): Promise<number> {
  const { all = false, json = false } = options;
  return onFleet(options, io, async (folder) => {
    const query = search === undefined ? { trouble: !all } : { search };
    const { answer, rows } = await withBroker(folder, "admin", (ask) => askStatus(folder, ask, query), now);
    if (json) io.out(`${JSON.stringify({ ...answer, rows, more: 0 }, null, 2)}\n`);
    else io.out(statusText(answer, rows, all || search !== undefined));
    return 0;
  });
}

/** The state of the desks, by the relay that knows of most. @throws NoAnswer if no relay answers. */
export async function askStatus(
  { facts: { prefix } }: FleetFolder,
  ask: Ask,
  query: Omit<StatusQuestion, "v" | "from">,
): Promise<{ readonly answer: StatusAnswer; readonly rows: readonly FleetRow[] }> {
  const rows: FleetRow[] = [];
  let best: StatusAnswer | undefined;
  do {
    const question: StatusQuestion = { v: 1, ...query, from: rows.length };
    const answers = (await ask(adminSubject(prefix, "status"), JSON.stringify(question))).map((text) =>
      JSON.parse(text) as StatusAnswer
    );
    const known = ({ summary: { desks, silent } }: StatusAnswer): number => desks - silent;
    // All pages of one relay.
    const next = best ? answers.find(({ relay }) => relay === best?.relay) : answers.toSorted((a, b) => known(b) - known(a))[0];
    if (!next) throw new NoAnswer("No relay answers: is telesetd-relay running, and connected to the broker?");
    best = next;
    rows.push(...best.rows);
  } while (best.more > 0);
  return { answer: best, rows };
}

function statusText({ relay, summary }: StatusAnswer, rows: readonly FleetRow[], all: boolean): string {
  const { desks, good, warning, failed, silent, agents, calls, waiting, versions } = summary;
  const shown = all ? rows : rows.slice(0, maxShown);
  return [
    `relay ${oneLine(relay)}: ${count(desks, "desk")}: ${good + warning} ready, ${failed} not ready, ${silent} silent`,
    `${count(agents, "agent")} registered, ${count(calls, "call")} in progress, ${count(waiting, "event")} waiting`,
    ...Object.entries(versions).map(([version, boxes]) => `telesetd ${oneLine(version)} at ${count(boxes, "desk")}`),
    ...shown.flatMap(rowText),
    ...(rows.length > shown.length ? [`and ${count(rows.length - shown.length, "desk")} more: telesetd fleet status --all`] : []),
    "",
  ].join("\n");
}

function rowText(row: FleetRow): string[] {
  const { desk, state, trouble, agent, movedTo, version, slot, refused, calls, heardSeconds } = row;
  const facts = [
    agent === undefined
      ? undefined
      : `agent ${agent}${movedTo === undefined ? "" : ` (has registered at desk ${movedTo} since)`}`,
    version === undefined ? undefined : `telesetd ${version}${slot === undefined ? "" : ` in slot ${slot}`}`,
    calls > 0 ? count(calls, "call") : undefined,
    heardSeconds === undefined ? undefined : `reported ${ago(heardSeconds * 1000)} ago`,
  ].filter((fact) => fact !== undefined);
  const word = isTrouble(row) ? state === "silent" ? "silent" : "in trouble" : "ready";
  return [
    oneLine(`desk ${desk}: ${word}${facts.length > 0 ? `; ${facts.join(", ")}` : ""}`),
    ...(trouble === undefined ? [] : [oneLine(`  ${trouble}`)]),
    ...(refused ? [oneLine(`  refused the configuration of ${new Date(refused.version).toISOString()}: ${refused.why}`)] : []),
  ];
}
