/** A desk as the store has it: what is written of it, and what is true of it after a restart. */
import type { Call } from "../core/call.ts";
import { type Desk, unknownLine } from "../core/desk.ts";
import { addressOf } from "../core/destination.ts";

/**
 * A desk as it is written. The line is looked at afresh after every start, and of the legs that have ended only the last can
 * still echo then: neither is worth the pages.
 */
export function written(desk: Desk): string {
  return JSON.stringify({ ...desk, line: unknownLine, gone: desk.gone.slice(-8) });
}

/** What cannot be true any more after a restart: the link, callouts that wait for an answer, a driver that knows of a dial. */
export function afterRestart(desk: Desk): Desk {
  const dial = desk.dial && {
    unsure: "telesetd was started again",
    ...desk.dial,
    waiting: [],
    settled: true,
    answer: desk.dial.answer ?? { ok: true },
  };
  return { ...desk, line: unknownLine, dial, calls: desk.calls.map((call) => withDestination(desk, call)) };
}

/** A call that an older telesetd has written has no destination: it was always that of the registered agent. */
function withDestination({ registration }: Desk, call: Call): Call {
  return call.to === undefined && registration?.agent === call.agent ? { ...call, to: addressOf(registration) } : call;
}
