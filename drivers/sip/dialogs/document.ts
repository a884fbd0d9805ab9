/**
 * The meaning of a document about a phone's dialogs: a full one, a partial one, and a full one without some live dialogs, which
 * means their end only if the notifier lists all. Pure.
 */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import { unlisted } from "./end-reason.ts";
import type { Dialog } from "./dialog-info.ts";
import { type Match, matchDialogs } from "./match.ts";
import { listsEnds } from "./notifier.ts";
import {
  andThen,
  applyDialog,
  type Change,
  type DialogTable,
  endDialog,
  growDialog,
  inTurn,
  type LiveDialog,
  liveDialogs,
  reportFor,
  unchanged,
  withEntry,
} from "./table.ts";

/** What is known when a document arrives. */
export interface Known {
  readonly table: DialogTable;
  /** The next full document answers a SUBSCRIBE: it lists all dialogs, whatever the notifier. */
  readonly isFresh: boolean;
  /** The full state was requested, and has not arrived yet. */
  readonly isAsked: boolean;
}

/** The result of a document. */
export interface Verdict extends Change {
  /** It shows all dialogs. */
  readonly isWhole: boolean;
  /** Why the full state must be requested. */
  readonly why?: string;
}

/** A full document. */
export function onFull(known: Known, dialogs: readonly Dialog[]): Verdict {
  const listed = new Set(matched(known, dialogs).map(({ leg }) => leg));
  const absent = liveDialogs(known.table).filter(({ leg }) => !listed.has(leg));
  if (absent.length > 0 && !isWhole(known, dialogs)) return onOne(known, dialogs[0], absent);
  // A renewal that crosses the first report of a call omits the call (Kamailio, with several processes).
  const isTrusted = known.isFresh || known.isAsked || !listsEnds(known.table.notifier);
  const young = isTrusted ? [] : absent.filter(({ reports }) => reports <= 1);
  const verdict = whole(known, dialogs, young);
  return young.length === 0 ? verdict : { ...verdict, why: "a document omits a call that has just started" };
}

/** Whether live dialogs that a full document omits have ended. FreeSWITCH includes the Call-ID only on request. */
function isWhole({ isFresh, isAsked, table: { notifier } }: Known, dialogs: readonly Dialog[]): boolean {
  const [only, ...others] = dialogs;
  if (isFresh || others.length > 0) return true;
  if (notifier.lists === "changed") return only ? only.callId !== undefined : isAsked;
  return notifier.lists === "all" || only === undefined || isAsked;
}

/** The full list of dialogs: all others have ended, except those in `young`, which are in question. */
export function whole(known: Known, dialogs: readonly Dialog[], young: readonly LiveDialog[] = []): Verdict {
  const found = matched(known, dialogs);
  const alive = new Set([...found, ...young].map(({ leg }) => leg));
  const asked = withAbsent(known.table, young);
  const gone = liveDialogs(asked).filter(({ leg }) => !alive.has(leg));
  const ended = inTurn(asked, gone, (table, entry) => endDialog(table, entry, unlisted));
  const came = { isFresh: known.isFresh, afterGap: false };
  const show = (table: DialogTable, { dialog, leg }: Match) =>
    andThen(answered(table, dialog, leg), (table) => applyDialog(table, dialog, leg, came));
  return { ...andThen(ended, (table) => inTurn(table, found, show)), isWhole: true };
}

/** A report that may have been a dialog's end was not, if the full state shows the dialog as confirmed. */
function answered(table: DialogTable, { state }: Dialog, leg: string | undefined): Change {
  const entry = leg === undefined ? undefined : table.live.get(leg);
  return entry?.question && state === "confirmed" ? growDialog(table, entry, entry.question, { counts: true }) : unchanged(table);
}

/**
 * The only dialog of a document that omits others. FreeSWITCH: a report of a known dialog may be its end, which it reports as
 * `confirmed` (or `early`) while another is active; not if it is new or held. Unknown notifiers: the others may have ended, too.
 */
function onOne(known: Known, dialog: Dialog | undefined, absent: readonly LiveDialog[]): Verdict {
  if (!dialog) return { ...unchanged(known.table), isWhole: false, why: "an empty document arrived while calls are active" };
  const [match] = matched(known, [dialog]);
  const entry = match?.leg === undefined ? undefined : known.table.live.get(match.leg);
  const isOver = dialog.state === "terminated";
  const listsChanged = known.table.notifier.lists === "changed";
  const question = reportFor(known.table, dialog);
  if (entry && !isOver && question.rendering !== false) {
    const marked = listsChanged ? known.table : withAbsent(known.table, absent);
    return {
      table: withEntry(marked, { ...entry, question }),
      facts: [],
      isWhole: false,
      why: "it is unclear whether a call was answered or has ended",
    };
  }
  // FreeSWITCH reports the end only of the last call: the doubtful ones have ended before it.
  const isLast = isOver && entry !== undefined && listsChanged;
  const doubtful = isLast ? absent.filter(({ question }) => question) : [];
  const before = inTurn(known.table, doubtful, (table, missing) => endDialog(table, missing, unlisted));
  const change = andThen(before, (table) => applyDialog(table, dialog, match?.leg, { isFresh: known.isFresh, afterGap: false }));
  const left = isLast || !listsChanged ? absent.filter(({ leg }) => change.table.live.has(leg)) : [];
  if (left.length === 0) return { ...change, isWhole: false };
  return {
    table: withAbsent(change.table, left),
    facts: change.facts,
    isWhole: false,
    why: "a document omits active calls",
  };
}

function withAbsent(table: DialogTable, absent: readonly LiveDialog[]): DialogTable {
  return absent.reduce((table, entry) => withEntry(table, { ...entry, missed: entry.missed ?? "absent" }), table);
}

/**
 * A partial document.
 * @param gap why other changes may be missing.
 */
export function onPartial(known: Known, dialogs: readonly Dialog[], gap: string | undefined): Verdict {
  const found = matched(known, dialogs);
  const came = { isFresh: known.isFresh, afterGap: gap !== undefined };
  const change = inTurn(known.table, found, (table, { dialog, leg }) => applyDialog(table, dialog, leg, came));
  const hasId = (id: string) => liveDialogs(change.table).some((entry) => entry.id === id);
  const isBranchOver = found.some(({ dialog, leg }) => dialog.state === "terminated" && leg === undefined && hasId(dialog.id));
  const why = gap ?? (isBranchOver ? "another branch of a call has ended" : undefined);
  return { ...change, isWhole: false, ...omitUndefined({ why }) };
}

/**
 * Dialogs that a document shows as both confirmed and ended: neither is believed until the full state repeats it, or does not
 * arrive.
 */
export function inDoubt(known: Known, verdict: Verdict, doubtful: readonly Dialog[]): Verdict {
  const marked = matched({ ...known, table: verdict.table }, doubtful).reduce((table, { leg }) => {
    const entry = leg === undefined ? undefined : table.live.get(leg);
    return entry ? withEntry(table, { ...entry, missed: "over" }) : table;
  }, verdict.table);
  return { ...verdict, table: marked, why: verdict.why ?? "a document shows a call as confirmed and as over" };
}

/** Whether a dialog of a document is known to be alive. */
export function isLive(known: Known, dialog: Dialog): boolean {
  return matched(known, [dialog])[0]?.leg !== undefined;
}

function matched({ table: { live }, isFresh }: Known, dialogs: readonly Dialog[]): Match[] {
  return matchDialogs([...live.values()], dialogs, isFresh);
}
