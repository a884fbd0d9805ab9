/** Compares the events that the CRM got with the actual calls, and finds violations of the delivery guarantees. */
import type { Post } from "../faults/wild-crm.ts";
import type { TrueCall } from "./people.ts";

/** A POST, the life of the daemon in which it arrived, and how long before the end of that life, in ms. */
export interface Entry extends Post {
  readonly period: number;
  beforeKill: number;
}

/** The result of the comparison. */
export interface Verdict {
  readonly popped: number;
  readonly posts: number;
  readonly events: number;
  /** Calls that started and ended while the daemon was dead. */
  readonly unseen: number;
  /** Repeats of an event that the CRM had not confirmed. */
  readonly repeats: number;
  /** Repeats of an event that the CRM had confirmed: a kill cut the confirmation off. */
  readonly repeatsOfConfirmed: number;
  /** The longest time from such a confirmation to the kill, in ms. */
  readonly longestCutOff: number;
  /** Violations, a sentence each. */
  readonly problems: readonly string[];
}

const order = ["ScreenPop", "CallEstablished", "CallReleased"];

/** Judges all events that the CRM has received. */
export function judge(entries: readonly Entry[], calls: readonly TrueCall[]): Verdict {
  const truth = new Map(calls.map((call) => [call.id, call]));
  const byCall = Map.groupBy(entries, ({ call }) => call);
  const problems = [...byCall].flatMap(([id, received]) => {
    const call = truth.get(id);
    return call
      ? problemsOf(call, received)
      : [`${id} is not a call of the switch: ${received.map(({ name }) => name).join(", ")}`];
  });
  const events = [...byCall.values()].flatMap((received) => [...Map.groupBy(received, ({ name }) => name).values()]);
  const confirmed = events.map((posts) => afterConfirmation(posts));
  return {
    popped: byCall.size,
    posts: entries.length,
    events: events.length,
    unseen: calls.filter(unseen).length,
    repeats: entries.length - events.length - sum(confirmed.map(({ repeats }) => repeats)),
    repeatsOfConfirmed: sum(confirmed.map(({ repeats }) => repeats)),
    longestCutOff: Math.max(0, ...confirmed.map(({ cutOff }) => cutOff)),
    problems,
  };
}

function problemsOf(call: TrueCall, received: readonly Entry[]): string[] {
  const about = `${call.id} of desk ${call.desk} (${
    received.map(({ name, mood, period }) => `${name} ${period} ${mood}`).join(", ")
  })`;
  const names = received.map(({ name }) => name);
  const first = [...new Set(names)];
  const expected = order.filter((name) => first.includes(name));
  return [
    ...(names.includes("CallReleased") ? [] : ["never released"]),
    ...(first[0] === "ScreenPop" ? [] : ["begins without a ScreenPop"]),
    ...(first.join() === expected.join() ? [] : ["out of order"]),
    // The next event is sent only after the confirmation of the previous one is committed; there is no way back then.
    ...(names.every((name, at) => names.slice(0, at).every((before) => order.indexOf(before) <= order.indexOf(name)))
      ? []
      : ["sent again after its confirmation was committed"]),
    ...(names.includes("CallEstablished") && !call.answered ? ["established, but nobody answered"] : []),
    ...(unseen(call) ? ["sent, although the call came and went while the daemon was dead"] : []),
    ...(received.every(({ ani }) => ani === undefined || ani === call.ani) ? [] : [`another's number: expected ${call.ani}`]),
    ...(repeatedWithinALife(received) ? ["sent again in the same life of the daemon, although it was confirmed"] : []),
  ].map((problem) => `${problem}: ${about}`);
}

/** Born and ended in the same odd period. */
function unseen({ began, ended }: TrueCall): boolean {
  return began === ended && began % 2 === 1;
}

function repeatedWithinALife(received: readonly Entry[]): boolean {
  return received.some(({ name, period, mood }, at) =>
    mood === "answers" && received.slice(at + 1).some((later) => later.name === name && later.period === period)
  );
}

/** How often it was sent after it was confirmed, and how long before the kill the confirmation was. */
function afterConfirmation(posts: readonly Entry[]): { repeats: number; cutOff: number } {
  const first = posts.findIndex(({ mood }) => mood === "answers");
  const repeats = first < 0 ? 0 : posts.length - 1 - first;
  return { repeats, cutOff: repeats > 0 ? Math.round(posts[first]?.beforeKill ?? 0) : 0 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
