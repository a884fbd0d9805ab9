/** Names for the legs of dialogs: unique, at most 60 characters, and the same again after a restart where the notifier allows it. */
import { createHash } from "node:crypto";
import type { Dialog } from "./dialog-info.ts";

const longest = 60;

/** How many names of ended legs are remembered. */
const remembered = 256;

/** An id of this length and more is made for one call alone; Asterisk writes the extension, others count. */
const long = 16;

/** Whether a dialog can be told from every other by what its notifier says. */
export function isUnique(dialog: Pick<Dialog, "id" | "callId">): boolean {
  return dialog.callId !== undefined || isLong(dialog);
}

function isLong({ id }: Pick<Dialog, "id">): boolean {
  return id.length >= long;
}

/** Gives names, and never one of an ended leg again. */
export class LegNames {
  readonly #fresh: () => string;
  readonly #used = new Set<string>();
  #adoptable: string[] = [];

  /** @param fresh makes a name that was never used: for dialogs that cannot be told apart by anything else. */
  constructor(fresh: () => string) {
    this.#fresh = fresh;
  }

  /** Legs that the daemon believes to live, after a restart: a dialog without a name of its own goes on as one of them. */
  adopt(legs: readonly string[]): void {
    this.#adoptable = legs.filter((leg) => !this.#used.has(leg));
  }

  /**
   * After a restart the name that the daemon knows. Else a long id: it stands in all documents, the Call-ID only in some (FreeSWITCH,
   * Kamailio). A short one is a counter, or the extension.
   */
  of(dialog: Pick<Dialog, "id" | "callId">): string {
    const own = [...(isLong(dialog) ? [dialog.id] : []), ...(dialog.callId === undefined ? [] : [dialog.callId])].map(fitting);
    const [first] = own;
    const known = own.find((name) => this.#adoptable.includes(name));
    const name = known ?? (first === undefined ? this.#adoptable.shift() ?? this.#fresh() : this.#unused(first, dialog.id));
    this.#adoptable = this.#adoptable.filter((leg) => leg !== name);
    this.#used.add(name);
    const [oldest] = this.#used;
    if (this.#used.size > remembered && oldest !== undefined) this.#used.delete(oldest);
    return name;
  }

  /** Branches of a forked call have one Call-ID, and may ring one after the other. */
  #unused(name: string, id: string): string {
    let free = name;
    for (let n = 1; this.#used.has(free); n++) free = digest(`${name} ${id} ${n}`);
    return free;
  }
}

/** A Call-ID may be of any length and hold quotes and angle brackets (RFC 3261, section 25.1). */
function fitting(name: string): string {
  return name.length <= longest && /^[\w.!%*+`'~()@:;,=$&\/?{}\[\]-]+$/.test(name) ? name : digest(name);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
