/** What a hangup cause means when it was the far end's (switch_types.h, Q.850), in words for the agent. */
export function farEnd(cause: string): string {
  const words: Record<string, string> = {
    USER_BUSY: "The number is busy.",
    NO_ANSWER: "Nobody answers.",
    NO_USER_RESPONSE: "Nobody answers.",
    CALL_REJECTED: "The call was declined.",
    UNALLOCATED_NUMBER: "There is no such number: check it.",
    INVALID_NUMBER_FORMAT: "There is no such number: check it.",
    NO_ROUTE_DESTINATION: "The switch has no way to this number: check it.",
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
  const known = Object.hasOwn(words, cause) ? words[cause] : undefined;
  return known ??
    `The number was not reached: the switch says ${cause.replace(/[^A-Za-z0-9_ .:-]/g, "").slice(0, 60) || "nothing"}.`;
}
