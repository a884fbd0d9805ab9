/** Which calls may send their first event soon, so that a connection to the CRM can be made ahead of it. */
import { type Call, kindOf, type PopPolicy } from "./call.ts";
import type { Address, Expected } from "./crm.ts";
import type { Desk } from "./desk.ts";
import { isSameAddress } from "./destination.ts";

/** What a step has changed: calls that may send their first event soon, and calls that have ended or moved before it. */
export function expectedCalls(before: Desk, after: Desk, policy: PopPolicy): Expected[] {
  if (before.calls === after.calls) return [];
  const started = after.calls.flatMap((call): Expected[] => {
    const to = firstEventTo(call, policy);
    return to && !isSameAddress(to, firstEventTo(sameCall(before, call), policy)) ? [{ call: call.id, to, soon: true }] : [];
  });
  const over = before.calls.flatMap((call): Expected[] => {
    const [to, now] = [firstEventTo(call, policy), sameCall(after, call)];
    return to && !now?.popped && !isSameAddress(to, firstEventTo(now, policy)) ? [{ call: call.id, to, soon: false }] : [];
  });
  return [...started, ...over];
}

function sameCall({ calls }: Desk, { id }: Call): Call | undefined {
  return calls.find((call) => call.id === id);
}

/** Where the first event of a call will be sent; undefined if it has been sent, or none will be. */
function firstEventTo(call: Call | undefined, policy: PopPolicy): Address | undefined {
  const mayPop = call && call.legs.length > 0 && !call.popped && call.agent !== null && policy[kindOf(call)] !== "never";
  return mayPop ? call.to ?? undefined : undefined;
}
