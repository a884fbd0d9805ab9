/** The dialogs of a phone that are over: what still arrives about them is an echo, unless their name stands for the next call. Pure. */
import type { Party } from "../../../src/core/line.ts";
import type { Dialog } from "./dialog-info.ts";
import { type DialogTags, differ, isSameDialog, tagsOf } from "./merge.ts";
import type { Notifier } from "./notifier.ts";

/** How many ended dialogs are remembered. */
const maxEnded = 64;

/** What was known of a dialog before its end. */
export type Seen = "unseen" | "ringing" | "answered";

interface Ended extends DialogTags {
  /** The far end as it was named last. */
  readonly other?: Party;
  readonly seen: Seen;
}

/** The ended dialogs of one phone. */
export class EndedDialogs {
  readonly #notifier: Notifier;
  #ended: readonly Ended[] = [];
  /** The id of the last call, and whether calls have had different ones. */
  #lastId: string | undefined;
  #hasManyIds = false;

  constructor(notifier: Notifier) {
    this.#notifier = notifier;
  }

  clear(): void {
    this.#ended = [];
  }

  /** A dialog has begun. */
  begun({ id }: Dialog): void {
    this.#hasManyIds ||= differ(this.#lastId, id);
    this.#lastId = id;
  }

  /** A dialog is over, whether its beginning was seen or not. */
  add(dialog: DialogTags, other: Party | undefined, seen: Seen): void {
    const naming = this.#notifier.naming(dialog);
    if (naming === "phone" || naming === "counter") return;
    const ended: Ended = { ...tagsOf(dialog), seen, ...(other === undefined ? {} : { other }) };
    const known = this.#ended.find((before) => isSameDialog(before, ended));
    // A switch that lists what is over for minutes says nothing new.
    if (known) return this.#renew(known);
    this.#ended = [...this.#ended, ended].slice(-maxEnded);
  }

  /** Whether a dialog is known to be over. */
  has(dialog: DialogTags): boolean {
    return this.#ended.some((before) => isSameDialog(before, dialog));
  }

  /**
   * Whether a live report is an echo of a dialog that is over. It is a new call when it is with another party, or when its name has not
   * proven to be one call's; the name is then known to stand for more than one.
   */
  isEcho(dialog: Dialog, other: Party | undefined): boolean {
    const naming = this.#notifier.naming(dialog);
    if (naming === "phone" || naming === "counter") return false;
    const ended = this.#ended.find((before) => isSameDialog(before, dialog) || isBranch(before, dialog));
    if (!ended) return false;
    if (this.#isEchoOf(ended, other, naming === "unique" || ended.callId !== undefined)) {
      this.#renew(ended);
      return true;
    }
    this.#ended = this.#ended.filter((before) => before !== ended);
    if (naming === "unproven") this.#notifier.share(dialog.id);
    return false;
  }

  #isEchoOf(ended: Ended, other: Party | undefined, isUnique: boolean): boolean {
    // FreeSWITCH's ids are channel UUIDs, whoever is at the other end later.
    if (this.#notifier.holds === "one") return true;
    if (differ(ended.other?.identity, other?.identity)) return false;
    return isUnique || ended.seen === "unseen" || this.#hasManyIds;
  }

  #renew(ended: Ended): void {
    this.#ended = [...this.#ended.filter((before) => before !== ended), ended];
  }
}

/** Whether a report is about another branch of a call that was answered and is over: no branch of it rings any more. */
function isBranch({ id, callId, seen }: Ended, dialog: Dialog): boolean {
  return seen === "answered" && dialog.state !== "confirmed" && id === dialog.id && callId !== undefined &&
    callId === dialog.callId;
}
