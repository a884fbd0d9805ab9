/** Names for the legs of dialogs: unique, at most 60 characters, and the same again after a restart where the notifier allows it. */
import { createHash } from "node:crypto";
import type { Dialog } from "./dialog-info.ts";
import type { Notifier } from "./notifier.ts";

const longest = 60;

/** How many names of ended legs are remembered. */
const remembered = 256;

/** An id of this shape was made by chance (RFC 9562). */
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Gives names, and never one of an ended leg again. */
export class LegNames {
  readonly #notifier: Notifier;
  readonly #fresh: () => string;
  readonly #used = new Set<string>();
  #adoptable: string[] = [];

  /** @param fresh makes a name that was never used, of at most 36 characters: for dialogs that cannot be told apart by anything else. */
  constructor(notifier: Notifier, fresh: () => string) {
    this.#notifier = notifier;
    this.#fresh = fresh;
  }

  /** Legs that the daemon believes to live, after a restart: a dialog without a name of its own goes on as one of them. */
  adopt(legs: readonly string[]): void {
    this.#adoptable = legs.filter((leg) => !this.#used.has(leg));
  }

  /** The dialogs of these legs are forgotten, not over: they may have their names again. */
  release(legs: readonly string[]): void {
    for (const leg of legs) this.#used.delete(leg);
  }

  /** After a restart the name that the daemon knows, else a new one. */
  of(dialog: Pick<Dialog, "id" | "callId">): string {
    const name = this.#known(dialog) ?? this.#made(dialog);
    this.#adoptable = this.#adoptable.filter((leg) => leg !== name);
    this.#used.add(name);
    const [oldest] = this.#used;
    if (this.#used.size > remembered && oldest !== undefined) this.#used.delete(oldest);
    return name;
  }

  /** The name that a dialog had before the restart. */
  #known(dialog: Pick<Dialog, "id" | "callId">): string | undefined {
    const { id, callId } = dialog;
    const own = [id, ...(callId === undefined ? [] : [callId])].map(fitting);
    const isDistinct = this.#notifier.isDistinct(id);
    const known = this.#adoptable.find((leg) => own.includes(leg) || (isDistinct && leg.startsWith(prefixOf(id))));
    return known ?? (callId === undefined && !isDistinct ? this.#adoptable[0] : undefined);
  }

  /**
   * A long id of a unique dialog first: it stands in all documents, the Call-ID only in some (FreeSWITCH, Kamailio). An id that may
   * yet turn out to stand for every call is made unique: after a restart nobody here remembers that it was used.
   */
  #made(dialog: Pick<Dialog, "id" | "callId">): string {
    const { id, callId } = dialog;
    const isDistinct = this.#notifier.isDistinct(id);
    const isShared = this.#notifier.naming({ id }) === "phone";
    const isSure = isDistinct && !isShared && (this.#notifier.naming(dialog) === "unique" || uuid.test(id));
    const [first, ...others] = [...(isSure ? [id] : []), ...(callId === undefined ? [] : [callId])].map(fitting);
    if (first === undefined) return isDistinct ? `${prefixOf(id)}${this.#fresh()}` : this.#fresh();
    const free = [first, ...others].find((name) => !this.#used.has(name));
    if (free !== undefined) return free;
    return callId === undefined ? `${prefixOf(id)}${this.#fresh()}` : this.#unused(first, id);
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

/** What the names of all calls with this id begin with. */
function prefixOf(id: string): string {
  return `${digest(id).slice(0, 16)}-`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
