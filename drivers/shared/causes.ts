/** The causes of Q.850, as switches name them (switch_types.h), as sentences for the agent. */
import type { Failure } from "../../src/core/line.ts";

/** The meaning of a hangup cause of the far end, as a sentence for the agent. */
export function farEnd(cause: string): string {
  const sentences: Record<string, string> = {
    USER_BUSY: "The number is busy.",
    NO_ANSWER: "Nobody answers.",
    NO_USER_RESPONSE: "Nobody answers.",
    CALL_REJECTED: "The call was declined.",
    UNALLOCATED_NUMBER: "There is no such number: check it.",
    INVALID_NUMBER_FORMAT: "There is no such number: check it.",
    NO_ROUTE_DESTINATION: "The switch has no route to this number: check it.",
    NUMBER_CHANGED: "The number has changed.",
    SUBSCRIBER_ABSENT: "The number cannot be reached now.",
    DESTINATION_OUT_OF_ORDER: "The number cannot be reached now.",
    NORMAL_CIRCUIT_CONGESTION: "All lines are busy: try again in a moment.",
    NORMAL_TEMPORARY_FAILURE: "The number could not be reached: try again.",
    RECOVERY_ON_TIMER_EXPIRE: "The number could not be reached: try again.",
    GATEWAY_DOWN: "The switch has no line to the outside: ask the administrator.",
    OUTGOING_CALL_BARRED: "The switch does not allow this number.",
    NORMAL_CLEARING: "The call was ended before it was answered.",
    ORIGINATOR_CANCEL: "The call was ended before it was answered.",
  };
  const known = Object.hasOwn(sentences, cause) ? sentences[cause] : undefined;
  return known ??
    `The number was not reached: the switch says ${cause.replace(/[^A-Za-z0-9_ .:-]/g, "").slice(0, 60) || "nothing"}.`;
}

/**
 * Why the phone could not be rung or was not answered, as a sentence for the agent.
 * @param cause the switch's own name, such as `USER_BUSY`.
 */
export function handsetFailure(cause: string, extension: string): Failure {
  const phone = `Phone ${extension}`;
  const sentences: Record<string, string> = {
    USER_NOT_REGISTERED: `${phone} is not registered: check its cable and power.`,
    INVALID_PROFILE: `${phone} cannot be rung: its SIP profile does not run on the switch. Ask the administrator.`,
    SUBSCRIBER_ABSENT: `The switch does not know extension ${extension}: ask the administrator.`,
    NO_ROUTE_DESTINATION: `The switch has no route to extension ${extension}: ask the administrator.`,
    NO_ANSWER: `${phone} was not answered in time.`,
    ALLOTTED_TIMEOUT: `${phone} was not answered in time.`,
    ORIGINATOR_CANCEL: `${phone} stopped ringing: the call was cancelled.`,
    USER_BUSY: `${phone} is busy or has declined the call.`,
    CALL_REJECTED: `${phone} has declined the call.`,
    RECOVERY_ON_TIMER_EXPIRE: `${phone} does not answer the switch: check its network.`,
    NORMAL_TEMPORARY_FAILURE: `${phone} could not be reached: try again, then ask the administrator.`,
    INCOMPATIBLE_DESTINATION: `${phone} and the switch have no codec in common: ask the administrator.`,
    NORMAL_CLEARING: `The handset was put down.`,
    LOSE_RACE: `Another phone has taken the call.`,
    PICKED_OFF: `Another phone has picked the call up.`,
  };
  // Errors of other channel drivers are words already ("Destination out of order"): they are shown without special characters.
  const name = cause.replace(/[^A-Za-z0-9_ .:-]/g, "").slice(0, 60).trim() || "UNKNOWN";
  const known = Object.hasOwn(sentences, name) ? sentences[name] : undefined;
  return { cause: name, why: known ?? `${phone} could not be rung: the switch says ${name}.` };
}
