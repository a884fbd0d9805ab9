/**
 * What the driver says to FreeSWITCH, and what its answers mean. Pure text. Everything that comes from outside has been
 * checked before it gets here; `link.ts` refuses control characters once more.
 */
import type { CommandResult } from "../../src/core/line.ts";
import { agentName } from "./acd.ts";
import { handsetFailure } from "../parts/causes.ts";
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
