/**
 * What a notifier's documents have revealed about it: what a full one lists, and how reliable its names for dialogs are. Pure.
 */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Dialog } from "./dialog-info.ts";
import { addressOf, unescaped } from "./party.ts";

/**
 * How reliable a dialog's name is: `unique` names this call alone; `unproven` is long enough for that, but may turn out to stand
 * for every call; `counter` is a number that is used again; `phone` names the phone, and stands for all of its calls.
 */
export type Naming = "unique" | "unproven" | "counter" | "phone";

/** An id of at least this length may be unique to one call; a shorter one is a counter. */
const minUniqueLength = 16;

/** The number of ids that are remembered as standing for more than one call. */
const maxSharedIds = 64;

/** The users of a desk with these aliases (`user@domain`). */
export function usersOf(extension: string, aliases: readonly string[]): string[] {
  return [extension, ...aliases.map((alias) => alias.replace(/@.*$/, ""))];
}

/** The parts of a dialog that name it. */
export type DialogNames = Pick<Dialog, "id" | "callId">;

/** The notifier of one desk's phone, as its documents have shown it. */
export interface Notifier {
  /** All users by which the switch may call the phone, in lower case. */
  readonly users: readonly string[];
  /**
   * What an unrequested full document lists: all dialogs, or only the one that has changed (FreeSWITCH). Absent until the
   * notifier has shown it.
   */
  readonly lists?: "all" | "changed";
  /** It was seen to list ended dialogs. */
  readonly showsEnds: boolean;
  /** Ids that were seen to stand for more than one call. */
  readonly sharedIds: readonly string[];
}

/** A notifier about which nothing is known yet. */
export function newNotifier(users: readonly string[]): Notifier {
  return { users: users.map((user) => user.toLowerCase()), showsEnds: false, sharedIds: [] };
}

/** Another notifier may answer after the next connect. The reliability of its ids is kept, because it takes long to learn. */
export function afterReconnect({ users, sharedIds }: Notifier): Notifier {
  return { users, showsEnds: false, sharedIds };
}

/** Whether full documents list all dialogs, including ended ones: a missing dialog has not been reported yet. */
export function listsEnds({ lists, showsEnds }: Notifier): boolean {
  return showsEnds && lists === "all";
}

/** Whether a URI is about the phone. */
export function isUser({ users }: Notifier, uri: string): boolean {
  return users.includes(addressOf(uri).user.toLowerCase());
}

/** The parts of a document that show which switch wrote it. */
export interface Sample {
  readonly dialogs: readonly Dialog[];
  readonly isFull: boolean;
  /** It answers a SUBSCRIBE of ours, so that it lists all dialogs, whatever the notifier. */
  readonly isAnswer: boolean;
  /** The User-Agent or Server of the NOTIFY. */
  readonly userAgent?: string;
}

/** The notifier after a document. */
export function learn(notifier: Notifier, sample: Sample): Notifier {
  const { dialogs, isFull, userAgent = "" } = sample;
  const lists = listing(notifier, sample);
  const showsEnds = notifier.showsEnds || /kamailio|opensips/i.test(userAgent) ||
    (isFull && dialogs.some(({ state }) => state === "terminated"));
  return { ...notifier, showsEnds, ...omitUndefined({ lists }) };
}

/**
 * FreeSWITCH, whatever its User-Agent, puts `**` before the extension in the far end's target; it never sends `partial`,
 * `trying` or `proceeding`. Any other switch that lists several dialogs on its own lists all.
 */
function listing({ lists }: Notifier, { dialogs, isFull, isAnswer, userAgent = "" }: Sample): Notifier["lists"] {
  if (dialogs.some(({ remote }) => remote?.target !== undefined && addressOf(remote.target).user.startsWith("**"))) {
    return "changed";
  }
  if (!isFull || dialogs.some(({ state }) => state === "trying" || state === "proceeding")) return "all";
  if (lists !== undefined) return lists;
  if (userAgent !== "") return /freeswitch/i.test(userAgent) ? "changed" : "all";
  return dialogs.length > 1 && !isAnswer ? "all" : undefined;
}

/**
 * The answer to a SUBSCRIBE that lists one ended dialog, with nothing but its id, shows an idle phone under the name that its
 * calls will have too (Asterisk, MikoPBX).
 */
export function learnIdle(notifier: Notifier, [only, ...others]: readonly Dialog[]): Notifier {
  if (!only || others.length > 0 || notifier.lists === "changed") return notifier;
  const { id, state, ...more } = only;
  return state === "terminated" && Object.keys(more).length === 0 ? withSharedId(notifier, id) : notifier;
}

/** An id has been seen to stand for more than one call. */
export function withSharedId(notifier: Notifier, id: string): Notifier {
  if (notifier.sharedIds.includes(id)) return notifier;
  return { ...notifier, sharedIds: [...notifier.sharedIds, id].slice(-maxSharedIds) };
}

/** How reliable the names of a dialog are. Length alone proves nothing. */
export function namingOf(notifier: Notifier, { id, callId }: DialogNames): Naming {
  if (callId !== undefined) return "unique";
  if (isPhones(notifier, id) || notifier.sharedIds.includes(id)) return "phone";
  if (id.length < minUniqueLength) return "counter";
  // FreeSWITCH writes the UUID of its own leg.
  return notifier.lists === "changed" ? "unique" : "unproven";
}

/** Whether an id is neither a counter nor derived from the phone's name. */
export function isDistinct(notifier: Notifier, id: string): boolean {
  return id.length >= minUniqueLength && !isPhones(notifier, id);
}

/**
 * A Call-ID that is not a call's: derived from the phone's name, or the subscription's own (Asterisk's chan_sip:
 * `pickup-` and the subscription's Call-ID).
 * @param subscription the Call-ID of the subscription.
 */
export function withoutForeignCallId(notifier: Notifier, dialog: Dialog, subscription?: string): Dialog {
  const { callId, ...rest } = dialog;
  if (callId === undefined) return dialog;
  const isForeign = callId.startsWith("pickup-") || callId === subscription || isPhones(notifier, callId);
  return isForeign ? rest : dialog;
}

/**
 * Whether a name is derived from the phone's own: its user or URI, with or without scheme, host, port and parameters, perhaps
 * with other text around it (`PJSIP/1001`). With another number beside it, it belongs to a call.
 */
function isPhones(notifier: Notifier, name: string): boolean {
  if (isUser(notifier, name)) return true;
  const text = unescaped(name).toLowerCase();
  // Almost every name is decided here, and a document asks several times.
  if (!notifier.users.some((user) => text.includes(user))) return false;
  const parts = text.replace(/\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?/g, " ").split(/[^a-z0-9*#+]+/);
  const isOurs = (part: string) => notifier.users.includes(part) || notifier.users.includes(part.replace(/^[a-z]+/, ""));
  return parts.some(isOurs) && parts.every((part) => isOurs(part) || /^[a-z]*$/.test(part));
}
