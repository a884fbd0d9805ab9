/** SIP statuses as sentences for the agent, by the causes of Q.850 for them (RFC 4497, table 2; Q.850 by RFC 3398). Pure. */
import type { Failure } from "../../../src/core/line.ts";
import { farEnd, handsetFailure } from "../../shared/causes.ts";

const handset: Readonly<Record<number, string>> = {
  408: "RECOVERY_ON_TIMER_EXPIRE",
  415: "INCOMPATIBLE_DESTINATION",
  486: "USER_BUSY",
  487: "ORIGINATOR_CANCEL",
  488: "INCOMPATIBLE_DESTINATION",
  500: "NORMAL_TEMPORARY_FAILURE",
  502: "NORMAL_TEMPORARY_FAILURE",
  503: "NORMAL_TEMPORARY_FAILURE",
  504: "RECOVERY_ON_TIMER_EXPIRE",
  600: "USER_BUSY",
  603: "CALL_REJECTED",
  606: "INCOMPATIBLE_DESTINATION",
};

const far: Readonly<Record<number, string>> = {
  403: "OUTGOING_CALL_BARRED",
  404: "UNALLOCATED_NUMBER",
  408: "NO_ANSWER",
  410: "NUMBER_CHANGED",
  480: "NO_ANSWER",
  484: "INVALID_NUMBER_FORMAT",
  486: "USER_BUSY",
  487: "ORIGINATOR_CANCEL",
  500: "NORMAL_TEMPORARY_FAILURE",
  502: "DESTINATION_OUT_OF_ORDER",
  504: "RECOVERY_ON_TIMER_EXPIRE",
  600: "USER_BUSY",
  603: "CALL_REJECTED",
  604: "UNALLOCATED_NUMBER",
};

/** drachtio-server did not reach the switch, so the phone was not rung. */
export function switchSilent(extension: string): Failure {
  return { cause: "SIP 408", why: `The switch did not answer the request to ring phone ${extension}: try again.` };
}

/** The phone rang until the deadline. */
export function notAnswered(extension: string): Failure {
  return handsetFailure("NO_ANSWER", extension);
}

/** The switch has accepted the call, but the phone did not ring: it is registered, but does not answer the switch. */
export function phoneSilent(extension: string): Failure {
  return handsetFailure("RECOVERY_ON_TIMER_EXPIRE", extension);
}

/** The phone is on a call, and the switch would not report another one. */
export function occupied(extension: string, what: "talking" | "ringing"): Failure {
  const [is, first] = what === "talking" ? ["is on a call", "end"] : ["is ringing", "answer or decline"];
  const why = `Phone ${extension} ${is}, and this phone system shows only one call of a phone: ${first} that call first.`;
  return { cause: "PHONE_OCCUPIED", why };
}

/** A call was answered that the switch does not report. */
export function notThePhone(extension: string): Failure {
  const why = `Something other than phone ${extension} answered, perhaps a voicemail: the number was not dialled.`;
  return { cause: "NOT_THE_PHONE", why };
}

/** The phone was asked to dial, and does not support that. */
export function refusesRefer(status: number, extension: string): Failure {
  const why = `Phone ${extension} does not accept a REFER (${status}): ask the administrator to change line.dialMethod.`;
  return { cause: `REFER ${status}`, why };
}

/** The phone was asked to dial, and shows no call. */
export function didNotDial(extension: string): Failure {
  return { cause: "NO_ANSWER", why: `Phone ${extension} accepted the REFER, but did not dial.` };
}

/**
 * Whether an answer to an INVITE means that the phone is not registered. A switch that lets us watch the extension knows it: if
 * it finds no contact (Asterisk: 404, Q.850 cause 3), no phone has registered.
 * @param cause see `handsetAnswer`.
 */
export function isAbsent(status: number, cause: string | undefined): boolean {
  if (cause === "USER_NOT_REGISTERED" || cause === "SUBSCRIBER_ABSENT") return true;
  return [404, 410, 604].includes(status) && (cause === undefined || cause === "NO_ROUTE_TO_DESTINATION");
}

/**
 * Why the phone could not be rung or was not answered.
 * @param cause the name of the cause in the answer's Reason header, where the switch gives one.
 */
export function handsetAnswer(status: number, cause: string | undefined, extension: string): Failure {
  if (cause !== "USER_NOT_REGISTERED" && isAbsent(status, cause)) {
    const why =
      `Phone ${extension} is probably not registered: the switch cannot ring it (${status}). Check its cable and power.`;
    return { cause: cause ?? `SIP ${status}`, why };
  }
  if (cause !== undefined) return handsetFailure(cause, extension);
  if (status === 480) {
    const why = `Phone ${extension} cannot be reached: it is not registered, or set not to be disturbed.`;
    return { cause: "SIP 480", why };
  }
  if (status === 401 || status === 403 || status === 407) {
    const why = `The switch does not allow this box to ring phone ${extension}: ask the administrator.`;
    return { cause: `SIP ${status}`, why };
  }
  return handsetFailure(handset[status] ?? `SIP ${status}`, extension);
}

/** The meaning of a status that the dialled number gave, after the phone was answered. */
export function farAnswer(status: number): Failure {
  if (status === 503) {
    // Asterisk says it of every number that was not reached, also of one that does not exist (res_pjsip_refer.c).
    const words = "The number was not reached (503): check it, or try again in a moment.";
    return { cause: "SIP 503", why: words, far: words };
  }
  const cause = far[status] ?? `SIP ${status}`;
  const words = farEnd(cause);
  return { cause, why: words, far: words };
}

/** The transfer failed: the phone's call was ended, and the number was never called. */
export function notTransferred(status: number): Failure {
  const why = status === 481
    ? "The handset was put down before the number was dialled."
    : `The switch refuses to transfer the phone (${status}): dial the number on the phone itself.`;
  return { cause: `REFER ${status}`, why, far: why };
}
