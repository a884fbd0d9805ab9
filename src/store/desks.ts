/** A desk as the store has it: what is written of it, and what is true of it after a restart. */
import { type Call, hasDial } from "../core/call.ts";
import { type Desk, unknownLine } from "../core/desk.ts";
import { addressOf } from "../core/destination.ts";

/**
 * A desk as it is written. The line is looked at afresh after every start, and of the legs that have ended only the last can
 * still echo then: neither is worth the pages.
 */
export function written(desk: Desk): string {
  return JSON.stringify({ ...desk, line: unknownLine, recentlyEnded: desk.recentlyEnded.slice(-8) });
}

/** What cannot be true any more after a restart: the link, callouts that wait for an answer, a driver that knows of a dial. */
export function afterRestart(desk: Desk): Desk {
  return { ...desk, line: unknownLine, calls: desk.calls.map((call) => withDestination(desk, withUnsureDial(call))) };
}

function withUnsureDial(call: Call): Call {
  if (!hasDial(call)) return call;
  const { answer = { ok: true }, unsure = "telesetd was restarted" } = call.dial;
  return { ...call, dial: { ...call.dial, waiting: [], settled: true, answer, unsure } };
}

/** A call that an older telesetd has written has no destination: it was always that of the registered agent. */
function withDestination({ registration }: Desk, call: Call): Call {
  return call.to === undefined && registration?.agent === call.agent ? { ...call, to: addressOf(registration) } : call;
}
