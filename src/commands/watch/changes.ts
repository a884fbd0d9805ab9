/** What `telesetd watch` prints where there is no terminal: a line for each change. Pure. */
import { reasonsText } from "../../history/calls.ts";
import { oneLine } from "../../platform/text.ts";
import { boxParts, deskParts, type Part } from "../../status/health.ts";
import type { LiveCall } from "../../status/calls.ts";
import type { WatchedState } from "../../status/watch.ts";
import { outcomeText, partyText, sentText } from "../calls.ts";

/** The changes since the state before; at first everything that there is. */
export function changes(before: WatchedState | undefined, now: WatchedState): readonly string[] {
  return [...changedParts(before, now), ...changedCalls(before?.calls ?? [], now), ...endedCalls(before, now)].map(oneLine);
}

function changedParts(before: WatchedState | undefined, now: WatchedState): string[] {
  const known = new Map(before === undefined ? [] : namedParts(before).map(({ name, part }) => [name, keyOf(part)]));
  return namedParts(now).filter(({ name, part }) => known.get(name) !== keyOf(part)).map(
    ({ name, part: { message, state, advice } }) => {
      const next = advice === undefined || state === "good" || state === "idle" ? "" : ` ${advice}`;
      return `${name}: ${message}${next}`;
    },
  );
}

function namedParts({ at, status }: WatchedState): { readonly name: string; readonly part: Part }[] {
  const ofDesks = status.desks.flatMap((desk) =>
    deskParts(desk, status, Date.parse(at)).map((part) => ({ name: `desk ${desk.extension}, ${part.name}`, part }))
  );
  return [...ofDesks, ...boxParts(status).map((part) => ({ name: part.name, part }))];
}

/** The sentence about the outbox contains an age, which always changes. */
function keyOf({ name, state, message }: Part): string {
  return name === "Outbox" ? state : `${state} ${message}`;
}

function changedCalls(before: readonly LiveCall[], { calls }: WatchedState): string[] {
  const known = new Map(before.map((call) => [`${call.desk} ${call.id}`, callText(call)]));
  return calls.filter((call) => known.get(`${call.desk} ${call.id}`) !== callText(call)).map(callText);
}

function callText({ who, kind, desk, state, sent }: LiveCall): string {
  return `desk ${desk}, ${kind} call ${who}: ${state}; ${sent.length === 0 ? "nothing sent yet" : `sent: ${sent.join(", ")}`}`;
}

/** The calls that have ended since; a call that was on record before the command was started is old news. */
function endedCalls(before: WatchedState | undefined, { ended }: WatchedState): string[] {
  if (before === undefined) return [];
  const known = new Set(before.ended.map(({ desk, id }) => `${desk} ${id}`));
  return ended.filter(({ desk, id }) => !known.has(`${desk} ${id}`)).toReversed().map((call) =>
    `desk ${call.desk}, ${call.direction} call ${partyText(call)}: ended, ${outcomeText(call)}; ${sentText(call)}${
      call.reason ? `. ${reasonsText(call)}` : ""
    }`
  );
}
