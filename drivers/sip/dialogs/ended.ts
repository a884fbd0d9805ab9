/** A phone's dialogs that are over: later reports of them are echoes, unless the name now belongs to the next call. Pure. */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Party } from "../../../src/core/line.ts";
import type { Dialog } from "./dialog-info.ts";
import { type DialogTags, differ, isSameDialog, tagsOf } from "./merge.ts";
import { namingOf, type Notifier } from "./notifier.ts";

/** The number of ended dialogs that are remembered. */
const maxEnded = 64;

/** How far a dialog had come, as far as it was seen, when it ended. */
export type SeenBeforeEnd = "unseen" | "ringing" | "answered";

interface EndedDialog extends DialogTags {
  /** The far end as it was named last. */
  readonly party?: Party;
  readonly seen: SeenBeforeEnd;
}

/** The ended dialogs of one phone, the most recently reported one last. */
export interface EndedDialogs {
  readonly dialogs: readonly EndedDialog[];
  /** The id of the last call. */
  readonly lastId?: string;
  /** Calls have had different ids. */
  readonly hasManyIds: boolean;
}

export const noneEnded: EndedDialogs = { dialogs: [], hasManyIds: false };

/** Forgets the ended dialogs, and keeps what is known of the ids. */
export function withoutEnded(ended: EndedDialogs): EndedDialogs {
  return { ...ended, dialogs: [] };
}

/** A dialog of this id has begun. */
export function withBegun(ended: EndedDialogs, { id }: Pick<Dialog, "id">): EndedDialogs {
  return { ...ended, lastId: id, hasManyIds: ended.hasManyIds || differ(ended.lastId, id) };
}

/** A dialog is over, whether its beginning was seen or not. */
export function withEnded(
  ended: EndedDialogs,
  notifier: Notifier,
  dialog: DialogTags,
  { party, seen }: Pick<EndedDialog, "party" | "seen">,
): EndedDialogs {
  const naming = namingOf(notifier, dialog);
  if (naming === "phone" || naming === "counter") return ended;
  const added: EndedDialog = { ...tagsOf(dialog), seen, ...omitUndefined({ party }) };
  const known = ended.dialogs.find((before) => isSameDialog(before, added));
  // A switch may list ended dialogs for minutes: that is not news.
  if (known) return moved(ended, known);
  return { ...ended, dialogs: [...ended.dialogs, added].slice(-maxEnded) };
}

/** Whether a dialog is known to be over. */
export function hasEnded({ dialogs }: EndedDialogs, dialog: DialogTags): boolean {
  return dialogs.some((before) => isSameDialog(before, dialog));
}

/** Whether a live report is an echo, and the ended dialogs after it. */
export interface EchoCheck {
  readonly isEcho: boolean;
  readonly ended: EndedDialogs;
  /** The id has turned out to stand for more than one call. */
  readonly isShared?: true;
}

/**
 * Whether a live report is an echo of a dialog that is over. It is a new call if it has another party, or if its name was not
 * proven to be that of one call; the name is then known to stand for more than one.
 */
export function checkEcho(ended: EndedDialogs, notifier: Notifier, dialog: Dialog, party: Party | undefined): EchoCheck {
  const naming = namingOf(notifier, dialog);
  if (naming === "phone" || naming === "counter") return { isEcho: false, ended };
  const known = ended.dialogs.find((before) => isSameDialog(before, dialog) || isBranch(before, dialog));
  if (!known) return { isEcho: false, ended };
  const isUnique = naming === "unique" || known.callId !== undefined;
  // FreeSWITCH's ids are channel UUIDs, which stay with the call when the party changes.
  const isEcho = notifier.lists === "changed" ||
    (!differ(known.party?.identity, party?.identity) && (isUnique || known.seen === "unseen" || ended.hasManyIds));
  if (isEcho) return { isEcho, ended: moved(ended, known) };
  const forgotten = { ...ended, dialogs: ended.dialogs.filter((before) => before !== known) };
  return { isEcho, ended: forgotten, ...(naming === "unproven" ? { isShared: true } : {}) };
}

/** The dialog was reported again: it is forgotten last. */
function moved(ended: EndedDialogs, dialog: EndedDialog): EndedDialogs {
  return { ...ended, dialogs: [...ended.dialogs.filter((before) => before !== dialog), dialog] };
}

/** Whether a report is about another branch of a call that was answered and is over: no branch of it rings any more. */
function isBranch({ id, callId, seen }: EndedDialog, dialog: Dialog): boolean {
  return seen === "answered" && dialog.state !== "confirmed" && id === dialog.id && callId !== undefined &&
    callId === dialog.callId;
}
