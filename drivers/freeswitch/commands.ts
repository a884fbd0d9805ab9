/**
 * What the driver says to FreeSWITCH, and what its answers mean. Pure text. Everything that comes from outside has been
 * checked before it gets here; `link.ts` refuses control characters once more.
 */
import type { CommandResult, Failure } from "../../src/core/line.ts";
import { agentName } from "./acd.ts";
import { autoAnswer } from "./autoanswer.ts";
import type { FreeswitchConfig } from "./config.ts";

/** The events that say something about a line. CUSTOM must stand last: what follows are subclasses (mod_event_socket.c). */
export const eventNames = [
  "CHANNEL_CREATE",
  "CHANNEL_PROGRESS",
  "CHANNEL_PROGRESS_MEDIA",
  "CHANNEL_CALLSTATE",
  "CHANNEL_ANSWER",
  "CHANNEL_BRIDGE",
  "CHANNEL_UNBRIDGE",
  "CHANNEL_HOLD",
  "CHANNEL_UNHOLD",
  "CALL_UPDATE",
  "CHANNEL_UUID",
  "CHANNEL_HANGUP",
  "CHANNEL_HANGUP_COMPLETE",
  "CHANNEL_DESTROY",
  "BACKGROUND_JOB",
  "HEARTBEAT",
  "SHUTDOWN",
  "CUSTOM",
  "sofia::register",
  "sofia::unregister",
  "sofia::expire",
  "callcenter::info",
] as const;

/** A desk as the driver sees it. */
export interface DeskNames {
  readonly extension: string;
  /** Presence ids of the handset's legs: `1001@domain`, and aliases. */
  readonly presence: readonly string[];
}

/** The login command: the password of the socket, or a directory user with narrow rights. */
export function login({ user, password }: Pick<FreeswitchConfig, "user" | "password">): string {
  return user === undefined ? `auth ${password}` : `userauth ${user}:${password}`;
}

/** The filters that let only these desks' events through. Positive filters are OR-ed; each is a whole value. */
export function filters(desks: readonly DeskNames[], config: Pick<FreeswitchConfig, "agent">): string[] {
  const perDesk = desks.flatMap(({ extension, presence }) => {
    const users = [...new Set(presence.map((id) => id.split("@")[0] ?? id))];
    return [
      ...presence.map((id) => `Channel-Presence-ID ${id}`),
      ...users.flatMap((user) => [`from-user ${user}`, `user ${user}`, `to-user ${user}`]),
      ...(config.agent.includes("{agent}") ? [] : [`CC-Agent ${agentName(config.agent, extension, "")}`]),
    ];
  });
  return [...perDesk, "Event-Name HEARTBEAT", "Event-Name SHUTDOWN"].map((filter) => `filter ${filter}`);
}

/** Asks for events as JSON: the plain format loses repeated headers. */
export function subscribe(names: readonly string[] = eventNames): string {
  return `event json ${names.join(" ")}`;
}

/**
 * The click-to-dial command: rings the handset, and when it is lifted sends it into the dialplan with the number. The
 * number goes to the dialplan, never to an application. `telesetd_call` marks every leg of the handset: when two phones
 * share the extension, only the first gets our origination_uuid (switch_core_session.c).
 * @throws RangeError if call or number could break out of their places.
 */
export function originate(call: string, number: string, desk: DeskNames, config: FreeswitchConfig): string {
  if (!/^[0-9*#+]{1,32}$/.test(number)) throw new RangeError(`number to dial is ${JSON.stringify(number)}: want 0-9 * # +`);
  if (!/^[0-9A-Za-z-]{1,60}$/.test(call)) throw new RangeError(`call id is ${JSON.stringify(call)}: want letters, digits and -`);
  const variables = [
    `origination_uuid=${call}`,
    `telesetd_call=${call}`,
    `origination_caller_id_number=${number}`,
    `origination_caller_id_name=${number}`,
    ...autoAnswer(config.phone),
    `originate_timeout=${config.ringSeconds}`,
  ];
  return `bgapi originate {${variables.join(",")}}user/${desk.extension}@${config.domain} ${number} XML ${config.context}`;
}

/** What the end of an originate job says: `+OK uuid` (lifted) or `-ERR CAUSE`. */
export function originateResult(body: string, extension: string): CommandResult {
  const text = body.trim();
  if (text.startsWith("+OK")) return { outcome: "done" };
  return { outcome: "failed", ...handsetFailure(text.replace(/^-ERR\s*/, ""), extension) };
}

/**
 * Why the handset could not be rung or was not lifted, in words for the agent. Causes: switch_types.h, Q.850.
 * @param cause the switch's own name, such as `USER_BUSY`.
 */
export function handsetFailure(cause: string, extension: string): Failure {
  const phone = `Phone ${extension}`;
  const words: Record<string, string> = {
    USER_NOT_REGISTERED: `${phone} is not registered: check its cable and power.`,
    SUBSCRIBER_ABSENT: `The switch does not know extension ${extension}: ask the administrator.`,
    NO_ROUTE_DESTINATION: `The switch has no way to extension ${extension}: ask the administrator.`,
    NO_ANSWER: `${phone} was not lifted in time.`,
    ALLOTTED_TIMEOUT: `${phone} was not lifted in time.`,
    ORIGINATOR_CANCEL: `${phone} was rung no longer: the call was cancelled.`,
    USER_BUSY: `${phone} is busy or has declined the call.`,
    CALL_REJECTED: `${phone} has declined the call.`,
    RECOVERY_ON_TIMER_EXPIRE: `${phone} does not answer the switch: check its network.`,
    NORMAL_TEMPORARY_FAILURE: `${phone} could not be reached: try again, then ask the administrator.`,
    INCOMPATIBLE_DESTINATION: `${phone} and the switch have no codec in common: ask the administrator.`,
    NORMAL_CLEARING: `The handset was put down.`,
    LOSE_RACE: `Another phone has taken the call.`,
    PICKED_OFF: `Another phone has picked the call up.`,
  };
  // Chan's errors are words already ("Destination out of order"): they are shown as they come, tamed.
  const name = cause.replace(/[^A-Za-z0-9_ .:-]/g, "").slice(0, 60).trim() || "UNKNOWN";
  const known = Object.hasOwn(words, name) ? words[name] : undefined;
  return { cause: name, why: known ?? `${phone} could not be rung: the switch says ${name}.` };
}
