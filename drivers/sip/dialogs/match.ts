/** Matches the dialogs of a document with the live dialogs. Pure. */
import type { Dialog } from "./dialog-info.ts";
import { type DialogTags, isSameDialog } from "./merge.ts";

/** A live dialog, by what distinguishes it from others. */
export interface Row extends DialogTags {
  readonly leg: string;
}

/** A dialog of a document, and the leg of the live dialog that it refers to; without one it is new, or not known to be alive. */
export interface Match {
  readonly dialog: Dialog;
  readonly leg?: string;
}

/**
 * The live dialog that each dialog of a document refers to, each at most once.
 * @param isFresh whether the document is the first of a new subscription, which may give dialogs new ids: the Call-ID stays.
 */
export function matchDialogs(live: readonly Row[], dialogs: readonly Dialog[], isFresh: boolean): Match[] {
  const byId = Map.groupBy(live, ({ id }) => id);
  const taken = new Set<Row>();
  const match = (dialog: Dialog, rows: readonly Row[] | undefined, means: (row: Row) => boolean): Match => {
    const row = rows?.find((row) => !taken.has(row) && means(row));
    if (!row) return { dialog };
    taken.add(row);
    return { dialog, leg: row.leg };
  };
  const exact = dialogs.map((dialog) => match(dialog, byId.get(dialog.id), (row) => isSameDialog(row, dialog)));
  return exact.map(({ dialog, leg }) => {
    if (leg !== undefined) return { dialog, leg };
    const { id, callId, state } = dialog;
    const moved = isFresh && callId !== undefined ? match(dialog, live, (row) => row.callId === callId) : { dialog };
    // The end of a dialog whose tags or Call-ID differ from a live one's is not its end; a live report may show it otherwise.
    return moved.leg !== undefined || state === "terminated" ? moved : match(dialog, byId.get(id), () => true);
  });
}
