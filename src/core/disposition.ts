/** The dispositions of calls: how each has ended, for the counters and the log. Pure. */
import type { Call } from "./call.ts";

/** The kinds of calls. */
export const callKinds = ["inbound", "outbound", "internal"] as const;
export type CallKind = (typeof callKinds)[number];

/**
 * How a call has ended: both ends were connected; it was not answered in time; the caller (or the agent who dialled) hung up;
 * another phone took it; refused; busy; not known (the link to the switch was down, or the switch does not report answers);
 * anything else.
 */
export const dispositions = ["answered", "no_answer", "abandoned", "elsewhere", "rejected", "busy", "unknown", "failed"] as const;
export type Disposition = (typeof dispositions)[number];

/** The dispositions of unanswered calls by cause (FreeSWITCH: switch_types.h; Q.850). */
const unanswered: ReadonlyMap<string, Disposition> = new Map(Object.entries<Disposition>({
  NO_ANSWER: "no_answer",
  NO_USER_RESPONSE: "no_answer",
  ALLOTTED_TIMEOUT: "no_answer",
  PROGRESS_TIMEOUT: "no_answer",
  ORIGINATOR_CANCEL: "abandoned",
  NORMAL_CLEARING: "abandoned",
  LOSE_RACE: "elsewhere",
  PICKED_OFF: "elsewhere",
  BLIND_TRANSFER: "elsewhere",
  ATTENDED_TRANSFER: "elsewhere",
  CALL_REJECTED: "rejected",
  USER_BUSY: "busy",
  // The leg continues, with another party (screenPop.onPartyChange).
  PARTY_CHANGED: "elsewhere",
  GONE: "unknown",
  UNKNOWN: "unknown",
  // The ends of dialogs (RFC 4235 section 4.1.2), and SIP status codes, which are more precise (RFC 3261 section 21).
  terminated: "unknown",
  cancelled: "abandoned",
  "local-bye": "abandoned",
  "remote-bye": "abandoned",
  timeout: "no_answer",
  replaced: "elsewhere",
  rejected: "rejected",
  "408": "no_answer",
  "480": "no_answer",
  "486": "busy",
  "487": "abandoned",
  "600": "busy",
  "603": "rejected",
}));

/** How a call has ended. `cause`: as the switch names it. */
export function dispositionOf(call: Call, cause: string): Disposition {
  if (call.answered) return "answered";
  if (call.answerUnreported) return "unknown";
  const disposition = unansweredDisposition(cause);
  // A phone that has rung was not busy: the agent pressed Reject, which many phones report as 486.
  return disposition === "busy" && call.origin === "called" && call.rang ? "rejected" : disposition;
}

/** FreeSWITCH gives one name, a SIP dialog a word and a status: `rejected 486`. Most statuses are more precise than the word. */
function unansweredDisposition(cause: string): Disposition {
  const [word = cause, status] = cause.split(" ");
  if (status === undefined) return unanswered.get(word) ?? "failed";
  return unanswered.get(status) ?? (word === "rejected" ? "failed" : unanswered.get(word) ?? "failed");
}
