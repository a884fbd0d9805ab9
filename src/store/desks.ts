/** Conversion of a desk for the store, and back after a restart. */
import { type Call, hasDial } from "../core/call.ts";
import { type Desk, unknownLine } from "../core/desk.ts";
import { addressOf } from "../core/destination.ts";

/**
 * The stored form of a desk, without its line, which is read again after every start, and with only the last ended legs: of
 * older ones only those can still cause events that the switch lists after their end, which the desk names separately.
 */
export function written(desk: Desk): string {
  return JSON.stringify({ ...desk, line: unknownLine, recentlyEnded: desk.recentlyEnded.slice(-8) });
}

/** Resets what does not survive a restart: the link, callouts waiting for an answer, the driver's knowledge of a dial. */
export function afterRestart(desk: Desk): Desk {
  return { ...desk, line: unknownLine, calls: desk.calls.map((call) => withDestination(desk, withUnsureDial(call))) };
}

function withUnsureDial(call: Call): Call {
  if (!hasDial(call)) return call;
  const { answer = { ok: true }, unsure = "telesetd was restarted" } = call.dial;
  return { ...call, dial: { ...call.dial, waiting: [], settled: true, answer, unsure } };
}

/** Adds the destination to a call stored by an older telesetd, which always used the registered agent. */
function withDestination({ registration }: Desk, call: Call): Call {
  return call.to === undefined && registration?.agent === call.agent ? { ...call, to: addressOf(registration) } : call;
}
