/** A phone's ended dialogs: later reports of them are echoes, unless the name now belongs to another call. Pure. */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Party } from "../../../src/core/line.ts";
import type { Dialog } from "./dialog-info.ts";
import { type DialogTags, differ, isSameDialog, tagsOf } from "./merge.ts";
import { namingOf, type Notifier } from "./notifier.ts";

/** The number of ended dialogs that are remembered. */
const maxEnded = 64;

/** The last state that was seen of a dialog before it ended. */
export type SeenBeforeEnd = "unseen" | "ringing" | "answered";

interface EndedDialog extends DialogTags {
  /** The far end as named last. */
  readonly party?: Party;
  readonly seen: SeenBeforeEnd;
  /** Its leg; absent if its start was not seen. */
  readonly leg?: string;
  /** The dial that created it. */
  readonly call?: string;
  /** It was listed as alive after its end. */
  readonly isEchoed?: true;
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

/** Forgets the ended dialogs, and keeps what is known about the ids. */
export function withoutEnded(ended: EndedDialogs): EndedDialogs {
  return { ...ended, dialogs: [] };
}

/** A dialog with this id has started. */
export function withBegun(ended: EndedDialogs, { id }: Pick<Dialog, "id">): EndedDialogs {
  return { ...ended, lastId: id, hasManyIds: ended.hasManyIds || differ(ended.lastId, id) };
}

/** A dialog has ended, whether its start was seen or not. */
export function withEnded(
  ended: EndedDialogs,
  notifier: Notifier,
  dialog: DialogTags,
  { party, ...facts }: Omit<EndedDialog, keyof DialogTags>,
): EndedDialogs {
  const naming = namingOf(notifier, dialog);
  if (naming === "phone" || naming === "counter") return ended;
  const added: EndedDialog = { ...tagsOf(dialog), ...facts, ...omitUndefined({ party }) };
  const known = ended.dialogs.find((before) => isSameDialog(before, added));
  // A switch may list ended dialogs for minutes: that is not news.
  if (known) return moved(ended, known);
  return { ...ended, dialogs: [...ended.dialogs, added].slice(-maxEnded) };
}

/** Whether a dialog is known to have ended. */
export function hasEnded({ dialogs }: EndedDialogs, dialog: DialogTags): boolean {
  return dialogs.some((before) => isSameDialog(before, dialog));
}

/** Whether a live report is an echo, and the ended dialogs after it. */
export interface EchoCheck {
  readonly isEcho: boolean;
  /** The ended dialog, at its first echo. */
  readonly first?: Pick<EndedDialog, "leg" | "call">;
  readonly ended: EndedDialogs;
  /** The id has turned out to stand for more than one call. */
  readonly isShared?: true;
}

/**
 * Whether a live report is an echo of an ended dialog. It is a new call if it has another party, or if its name was not
 * proven to be that of one call; the name is then known to stand for more than one.
 */
export function checkEcho(ended: EndedDialogs, notifier: Notifier, dialog: Dialog, party: Party | undefined): EchoCheck {
  const naming = namingOf(notifier, dialog);
  if (naming === "phone" || naming === "counter") return { isEcho: false, ended };
  const known = ended.dialogs.find((before) =>
    before.id === dialog.id && (isSameDialog(before, dialog) || isBranch(before, dialog))
  );
  if (!known) return { isEcho: false, ended };
  const isUnique = naming === "unique" || known.callId !== undefined;
  // FreeSWITCH's ids are channel UUIDs, which do not change when the party changes.
  const isEcho = notifier.lists === "changed" ||
    (!differ(known.party?.identity, party?.identity) && (isUnique || known.seen === "unseen" || ended.hasManyIds));
  if (isEcho) {
    return { isEcho, ended: moved(ended, known, { ...known, isEchoed: true }), ...(known.isEchoed ? {} : { first: known }) };
  }
  const forgotten = { ...ended, dialogs: ended.dialogs.filter((before) => before !== known) };
  return { isEcho, ended: forgotten, ...(naming === "unproven" ? { isShared: true } : {}) };
}

/** The dialog was reported again: it becomes the last to be forgotten. */
function moved(ended: EndedDialogs, dialog: EndedDialog, now = dialog): EndedDialogs {
  return { ...ended, dialogs: [...ended.dialogs.filter((before) => before !== dialog), now] };
}

/** Whether a report is about another branch of a call that was answered and has ended: no branch of it rings any longer. */
function isBranch({ callId, seen }: EndedDialog, dialog: Dialog): boolean {
  return seen === "answered" && dialog.state !== "confirmed" && callId !== undefined && callId === dialog.callId;
}
