/** The calls in progress, for people: customers' numbers are masked as in the log. Pure. */
import { type Call, kindOf } from "../core/call.ts";
import type { Desk } from "../core/desk.ts";
import { omitUndefined } from "../core/omit-undefined.ts";
import { maskedIdentity } from "../log/log.ts";
import { stateOf } from "./status.ts";

/** A call in progress. */
export interface LiveCall {
  readonly id: string;
  readonly desk: string;
  /** `inbound`, `outbound` or `internal`. */
  readonly kind: string;
  /** `new`, `ringing`, `answered`, `held`, `called`, `not known`. */
  readonly state: string;
  /** The far party, masked; what a stranger has sent. */
  readonly who: string;
  /** When it started (ISO 8601). */
  readonly since: string;
  readonly agent?: string;
  /** The events of its ScreenPop and its answer that the CRM is sent. */
  readonly sent: readonly string[];
}

/** The calls in progress at all desks. `mask`: hides numbers. */
export function liveCalls(desks: readonly Desk[], mask: (identity: string) => string = maskedIdentity): LiveCall[] {
  return desks.flatMap(({ extension, calls }) => calls.map((call) => liveCall(extension, call, mask)));
}

function liveCall(desk: string, call: Call, mask: (identity: string) => string): LiveCall {
  const { id, since, agent, popped, established, party, dial } = call;
  const identity = party?.identity ?? dial?.number;
  return {
    id,
    desk,
    kind: kindOf(call),
    state: stateOf(call),
    who: identity === undefined ? "Not known yet" : identity === "" ? "Withheld" : mask(identity),
    since: new Date(since).toISOString(),
    ...omitUndefined({ agent: agent ?? undefined }),
    sent: [...(popped ? ["ScreenPop"] : []), ...(established ? ["CallEstablished"] : [])],
  };
}
