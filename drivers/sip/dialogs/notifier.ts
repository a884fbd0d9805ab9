/** What is known of the switch that writes the documents: what a full one holds, and what its names for dialogs are worth. Pure. */
import type { Dialog } from "./dialog-info.ts";
import { addressOf, unescaped } from "./party.ts";

/**
 * What a dialog's name is worth: `unique` names this call alone; `unproven` is long enough for that, but may turn out to stand for
 * every call; `counter` is a number that comes again; `phone` names the phone, and stands for all of its calls.
 */
export type Naming = "unique" | "unproven" | "counter" | "phone";

/** An id of this length and more may be made for one call alone; a shorter one is a counter. */
const shortestUnique = 16;

/** How many ids are remembered as standing for more than one call. */
const maxSharedIds = 64;

/** The users of a desk with these aliases (`user@domain`). */
export function usersOf(extension: string, aliases: readonly string[]): string[] {
  return [extension, ...aliases.map((alias) => alias.replace(/@.*$/, ""))];
}

/** The parts of a dialog that name it. */
export type DialogNames = Pick<Dialog, "id" | "callId">;

/** The notifier of one desk's phone, learned from its documents. */
export class Notifier {
  readonly #users: readonly string[];
  /** Whether full documents hold all dialogs, or only the one that has changed; unknown until the notifier has shown it. */
  #holds: "all" | "one" | undefined;
  #listsEnds = false;
  /** Ids that were seen to stand for more than one call. */
  readonly #shared = new Set<string>();

  /** @param users all users by which the switch may call the phone. */
  constructor(users: readonly string[]) {
    this.#users = users.map((user) => user.toLowerCase());
  }

  /** Whether full documents hold all dialogs, or only the one that has changed (FreeSWITCH). */
  get holds(): "all" | "one" | undefined {
    return this.#holds;
  }

  /** Whether full documents hold all dialogs and list those that are over as such: what is missing has not been told yet. */
  get listsEnds(): boolean {
    return this.#listsEnds && this.#holds === "all";
  }

  /** Another notifier may answer after the next connect. What it names its dialogs by is kept: that is seldom learned. */
  reconnected(): void {
    this.#holds = undefined;
    this.#listsEnds = false;
  }

  /** Whether a URI is about the phone. */
  isUser(uri: string): boolean {
    return this.#users.includes(addressOf(uri).user.toLowerCase());
  }

  /**
   * Learns which switch writes the documents. FreeSWITCH puts `**` before the extension in the far end's target, whatever name it goes by; it never says
   * `partial`, `trying` or `proceeding`. No other switch lists several dialogs without being asked and means less than all.
   */
  learn(dialogs: readonly Dialog[], full: boolean, asked: boolean, userAgent = ""): void {
    const marked = dialogs.some(({ remote }) => remote?.target !== undefined && addressOf(remote.target).user.startsWith("**"));
    this.#listsEnds ||= /kamailio|opensips/i.test(userAgent) || (full && dialogs.some(({ state }) => state === "terminated"));
    const exact = !full || dialogs.some(({ state }) => state === "trying" || state === "proceeding");
    if (marked) this.#holds = "one";
    else if (exact) this.#holds = "all";
    else if (userAgent !== "") this.#holds ??= /freeswitch/i.test(userAgent) ? "one" : "all";
    else if (dialogs.length > 1 && !asked) this.#holds ??= "all";
  }

  /**
   * The answer to a SUBSCRIBE that lists one dialog as over, with nothing but its id, shows an idle phone under the name that its
   * calls will have too (Asterisk, MikoPBX).
   */
  learnIdle([only, ...others]: readonly Dialog[]): void {
    if (!only || others.length > 0 || this.#holds === "one") return;
    const { id, state, ...more } = only;
    if (state === "terminated" && Object.keys(more).length === 0) this.share(id);
  }

  /** An id has been seen to stand for more than one call. */
  share(id: string): void {
    this.#shared.add(id);
    const [oldest] = this.#shared;
    if (this.#shared.size > maxSharedIds && oldest !== undefined) this.#shared.delete(oldest);
  }

  /** What the names of a dialog are worth. Length alone proves nothing. */
  naming({ id, callId }: DialogNames): Naming {
    if (callId !== undefined) return "unique";
    if (this.#isPhones(id) || this.#shared.has(id)) return "phone";
    if (id.length < shortestUnique) return "counter";
    // FreeSWITCH writes the UUID of its own leg.
    return this.#holds === "one" ? "unique" : "unproven";
  }

  /** Whether an id is neither a counter nor made of the phone's name. */
  isDistinct(id: string): boolean {
    return id.length >= shortestUnique && !this.#isPhones(id);
  }

  /**
   * The dialog without a Call-ID that is no call's: made of the phone's name, or the subscription's own (Asterisk's chan_sip:
   * `pickup-` and the subscription's Call-ID).
   * @param subscription the Call-ID of the subscription.
   */
  cleaned(dialog: Dialog, subscription?: string): Dialog {
    const { callId, ...rest } = dialog;
    if (callId === undefined) return dialog;
    const isNoCalls = callId.startsWith("pickup-") || callId === subscription || this.#isPhones(callId);
    return isNoCalls ? rest : dialog;
  }

  /**
   * Whether a name is made of the phone's own: its user or URI, with or without scheme, host, port and parameters, perhaps with words
   * around it (`PJSIP/1001`). A number of its own beside it makes it a call's.
   */
  #isPhones(name: string): boolean {
    if (this.isUser(name)) return true;
    const parts = unescaped(name).toLowerCase().replace(/\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?/g, " ").split(/[^a-z0-9*#+]+/);
    const isUser = (part: string) => this.#users.includes(part) || this.#users.includes(part.replace(/^[a-z]+/, ""));
    return parts.some(isUser) && parts.every((part) => isUser(part) || /^[a-z]*$/.test(part));
  }
}
