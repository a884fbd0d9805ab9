/** The dialogs of a document, each once. Pure. */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Dialog } from "./dialog-info.ts";

const ranks: readonly Dialog["state"][] = ["trying", "proceeding", "early", "confirmed", "terminated"];

/** What distinguishes a dialog from others (RFC 4235, section 4.1). */
export type DialogTags = Pick<Dialog, "id" | "callId" | "localTag" | "remoteTag">;

/** A dialog of a document, in its furthest state. */
export interface Merged {
  readonly dialog: Dialog;
  /** The furthest live state, if the document shows the dialog as both confirmed and ended, and it is unknown which counts. */
  readonly confirmed?: Dialog;
}

/**
 * FreeSWITCH lists a dialog once for each registration, Kamailio once for each publication: the furthest state counts.
 * The branches of a forked call may share an id: their tags distinguish them.
 */
export function merge(dialogs: readonly Dialog[]): Merged[] {
  return groupsOf(dialogs).map((reports) => {
    const dialog = reports.reduce(furthest);
    const live = reports.filter(({ state }) => state !== "terminated");
    const isDoubtful = live.length < reports.length && live.some(({ state }) => state === "confirmed");
    return { dialog, ...(isDoubtful ? { confirmed: live.reduce(furthest) } : {}) };
  });
}

/** Whether the names and tags of both allow them to be one dialog. */
export function isSameDialog(a: DialogTags, b: DialogTags): boolean {
  return a.id === b.id && !differ(a.callId, b.callId) && !differ(a.localTag, b.localTag) && !differ(a.remoteTag, b.remoteTag);
}

/** The names and tags that a dialog has. */
export function tagsOf({ id, callId, localTag, remoteTag }: DialogTags): DialogTags {
  return { id, ...omitUndefined({ callId, localTag, remoteTag }) };
}

/** Whether two values are known and different. */
export function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** One dialog of a document: its reports, and their names and tags together. */
interface Group {
  names: DialogTags;
  readonly reports: Dialog[];
}

/** The number of dialogs of one id that are distinguished; the others are ignored, ended ones first. */
const maxBranches = 100;

/** Reports without tags go to the first branch that they may belong to, so they are placed last. */
function groupsOf(dialogs: readonly Dialog[]): Dialog[][] {
  const tagged = dialogs.filter(({ localTag, remoteTag }) => localTag !== undefined || remoteTag !== undefined);
  const placed = [...new Set([...tagged, ...dialogs])];
  const isOver = ({ state }: Dialog) => Number(state === "terminated");
  const byId = new Map<string, Group[]>();
  for (const dialog of placed.length > maxBranches ? placed.toSorted((a, b) => isOver(a) - isOver(b)) : placed) {
    const groups = byId.get(dialog.id) ?? [];
    const group = groups.find(({ names }) => isSameDialog(names, dialog));
    if (group) {
      group.names = { ...group.names, ...tagsOf(dialog) };
      group.reports.push(dialog);
    } else if (groups.length < maxBranches) {
      groups.push({ names: tagsOf(dialog), reports: [dialog] });
      byId.set(dialog.id, groups);
    }
  }
  return [...byId.values()].flatMap((groups) => groups.map(({ reports }) => reports));
}

function furthest(before: Dialog, dialog: Dialog): Dialog {
  const isFurther = ranks.indexOf(before.state) < ranks.indexOf(dialog.state);
  return isFurther ? { ...before, ...dialog } : { ...dialog, ...before };
}
