/**
 * The commands that the driver sends to FreeSWITCH, and what the replies mean. Pure text. Everything from outside has been
 * checked before it gets here; `link.ts` refuses control characters once more.
 */
import { agentName } from "./acd.ts";
import { autoAnswer } from "./auto-answer.ts";
import type { FreeswitchConfig } from "./config.ts";

/**
 * The events that matter for a line. CHANNEL_HANGUP is fired once for each leg that ends, with all headers and variables
 * (switch_channel_perform_hangup in switch_channel.c is the only function that ends a leg). CHANNEL_HANGUP_COMPLETE
 * (switch_core_session_reporting_state) and CHANNEL_DESTROY (switch_core_session.c) follow it with the largest texts of all; what
 * they add, such as sip_hangup_disposition, is not needed. CUSTOM must come last: everything after it is a subclass
 * (mod_event_socket.c).
 */
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
  "BACKGROUND_JOB",
  "HEARTBEAT",
  "SHUTDOWN",
  "CUSTOM",
  "sofia::register",
  "sofia::unregister",
  "sofia::expire",
  "callcenter::info",
] as const;

/** A desk and its names on the switch. */
export interface DeskNames {
  readonly extension: string;
  /** Presence ids of the handset's legs: `1001@domain`, and aliases. */
  readonly presence: readonly string[];
}

/** The login command: the password of the socket, or a directory user with narrow rights. */
export function login({ user, password }: Pick<FreeswitchConfig, "user" | "password">): string {
  return user === undefined ? `auth ${password}` : `userauth ${user}:${password}`;
}

/** The filters that pass only the events of these desks. Positive filters are OR-ed; each is a whole value. */
export function filters(desks: readonly DeskNames[], config: Pick<FreeswitchConfig, "acdAgent">): string[] {
  const perDesk = desks.flatMap(({ extension, presence }) => {
    const users = [...new Set(presence.map((id) => id.split("@")[0] ?? id))];
    return [
      ...presence.map((id) => `Channel-Presence-ID ${id}`),
      ...users.flatMap((user) => [`from-user ${user}`, `user ${user}`, `to-user ${user}`]),
      ...(config.acdAgent.includes("{agent}") ? [] : [`CC-Agent ${agentName(config.acdAgent, extension, "")}`]),
    ];
  });
  return [...perDesk, "Event-Name HEARTBEAT", "Event-Name SHUTDOWN"].map((filter) => `filter ${filter}`);
}

/** Requests events as JSON: the plain format loses repeated headers. */
export function subscribe(names: readonly string[] = eventNames): string {
  return `event json ${names.join(" ")}`;
}

/**
 * The click-to-dial command: rings every registered contact of the extension, and sends the first that answers into the
 * dialplan with the number. The number goes to the dialplan, never to an application. `telesetd_call` marks each leg: an
 * `origination_uuid` would be given to all of them, and only the first could ring ("Duplicate UUID!", switch_core_session.c).
 * Early media of a phone would count as an answer (switch_ivr_originate.c), hence `ignore_early_media`.
 * @throws RangeError if the call or number contains characters that could change the command.
 */
export function originate(call: string, number: string, desk: DeskNames, config: FreeswitchConfig): string {
  if (!/^[0-9*#+]{1,32}$/.test(number)) {
    throw new RangeError(`The number to dial is ${JSON.stringify(number)}: expected at most 32 of 0-9 * # +`);
  }
  if (!/^[0-9A-Za-z-]{1,60}$/.test(call)) {
    throw new RangeError(`The call id is ${JSON.stringify(call)}: expected at most 60 letters, digits and -`);
  }
  const variables = [
    `telesetd_call=${call}`,
    `origination_caller_id_number=${number}`,
    `origination_caller_id_name=${number}`,
    "ignore_early_media=true",
    ...autoAnswer(config.phoneMake),
    `originate_timeout=${config.ringSeconds}`,
  ];
  return `bgapi originate {${variables.join(",")}}user/${desk.extension}@${config.domain} ${number} XML ${config.context}`;
}

/** How an originate job ended: `+OK uuid` names the leg that was answered, `-ERR CAUSE` is the reason why none was. */
export function originateResult(body: string): { readonly answered: string } | { readonly cause: string } {
  const text = body.trim();
  const [, answered] = /^\+OK\s*(\S*)/.exec(text) ?? [];
  return answered === undefined ? { cause: text.replace(/^-ERR\s*/, "") } : { answered };
}
