/** The live dialogs of a phone, and which of them the dialogs of a document are. */
import type { Dialog } from "./dialog-info.ts";
import { type DialogTags, differ, isSameDialog } from "./merge.ts";

interface Row extends DialogTags {
  readonly leg: string;
}

/** Live dialogs by the names of their legs. */
export class DialogTable<R extends Row> {
  readonly #rows = new Map<string, R>();

  get size(): number {
    return this.#rows.size;
  }

  all(): R[] {
    return [...this.#rows.values()];
  }

  get(leg: string): R | undefined {
    return this.#rows.get(leg);
  }

  put(row: R): void {
    this.#rows.set(row.leg, row);
  }

  remove(leg: string): void {
    this.#rows.delete(leg);
  }

  clear(): void {
    this.#rows.clear();
  }

  /** The other branches of a forked call that go by the same id. */
  branchesOf({ leg, id, callId }: R): R[] {
    return this.all().filter((row) => row.leg !== leg && row.id === id && !differ(row.callId, callId));
  }

  /** Whether a dialog of this id lives, whatever its Call-ID and tags. */
  hasId(id: string): boolean {
    return this.all().some((row) => row.id === id);
  }

  /**
   * The live dialog that each dialog of a document means, none twice.
   * @param isFresh whether the document begins a new subscription, which may give dialogs new ids: the Call-ID stays.
   */
  found(dialogs: readonly Dialog[], isFresh: boolean): { readonly dialog: Dialog; readonly entry: R | undefined }[] {
    const taken = new Set<string>();
    const take = (dialog: Dialog, find: (free: readonly R[]) => R | undefined) => {
      const entry = find(this.all().filter(({ leg }) => !taken.has(leg)));
      if (entry) taken.add(entry.leg);
      return { dialog, entry };
    };
    const exact = dialogs.map((dialog) => take(dialog, (free) => free.find((row) => isSameDialog(row, dialog))));
    return exact.map(({ dialog, entry }) => entry ? { dialog, entry } : take(dialog, (free) => loosely(dialog, free, isFresh)));
  }
}

/** Other tags, or another Call-ID, under the id of a live dialog that the document does not show otherwise. */
function loosely<R extends Row>(dialog: Dialog, free: readonly R[], isFresh: boolean): R | undefined {
  const { id, callId, state } = dialog;
  const moved = isFresh && callId !== undefined ? free.find((row) => row.callId === callId) : undefined;
  if (moved) return moved;
  // The end of a dialog that is told from this one is not its end.
  return state === "terminated" ? undefined : free.find((row) => row.id === id);
}
