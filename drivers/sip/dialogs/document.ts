/**
 * What a document says of the dialogs of a phone: a full one, a partial one, and a full one that leaves out dialogs that live, which
 * means an end only where the notifier lists all. Pure.
 */
import { present } from "../../../src/core/present.ts";
import { unlisted } from "../dial/outcome.ts";
import type { Dialog } from "./dialog-info.ts";
import { matchDialogs } from "./match.ts";
import { listsEnds } from "./notifier.ts";
import * as table from "./table.ts";

/** What is known when a document comes. */
export interface Known {
  readonly table: table.DialogTable;
  /** The next full document answers a SUBSCRIBE: it is whole, whatever the notifier. */
  readonly isFresh: boolean;
  /** The full state was asked for, and has not come yet. */
  readonly isAsked: boolean;
}

/** What a document comes to. */
export interface Verdict extends table.Change {
  /** It shows all dialogs that there are. */
  readonly isWhole: boolean;
  /** Why the full state must be asked for. */
  readonly why?: string;
}

/** A full document. */
export function onFull(known: Known, dialogs: readonly Dialog[]): Verdict {
  const listed = new Set(matched(known, dialogs).map(({ leg }) => leg));
  const absent = table.liveDialogs(known.table).filter(({ leg }) => !listed.has(leg));
  if (absent.length > 0 && !isWhole(known, dialogs)) return onOne(known, dialogs[0], absent);
  // A renewal that crosses with the first report of a call leaves it out (Kamailio, with several processes).
  const isPlain = known.isFresh || known.isAsked || !listsEnds(known.table.notifier);
  const young = isPlain ? [] : absent.filter(({ reports }) => reports <= 1);
  const verdict = whole(known, dialogs, young);
  return young.length === 0 ? verdict : { ...verdict, why: "a document leaves out a call that has just begun" };
}

/** Whether a full document that leaves live dialogs out means that they have ended. FreeSWITCH names the Call-ID only when it is asked. */
function isWhole({ isFresh, isAsked, table: { notifier } }: Known, dialogs: readonly Dialog[]): boolean {
  const [only, ...others] = dialogs;
  if (isFresh || others.length > 0) return true;
  if (notifier.lists === "changed") return only ? only.callId !== undefined : isAsked;
  return notifier.lists === "all" || only === undefined || isAsked;
}

/** All dialogs there are: what is not among them has ended, except what is `young`, which is in question. */
export function whole(known: Known, dialogs: readonly Dialog[], young: readonly table.LiveDialog[] = []): Verdict {
  const found = matched(known, dialogs);
  const alive = new Set([...found, ...young].map(({ leg }) => leg));
  const asked = young.reduce((now, entry) => table.put(now, { ...entry, missed: "absent" }), known.table);
  const gone = table.liveDialogs(asked).filter(({ leg }) => !alive.has(leg));
  const ended = table.forEach(asked, gone, (now, entry) => table.end(now, entry, unlisted));
  const came = { isFresh: known.isFresh, afterGap: false };
  const change = table.then(
    ended,
    (now) =>
      table.forEach(
        now,
        found,
        (now, { dialog, leg }) => table.then(answered(now, dialog, leg), (now) => table.apply(now, dialog, leg, came)),
      ),
  );
  return { ...change, isWhole: true };
}

/** A report that may have been a dialog's end was not, when the full state shows it as confirmed. */
function answered(now: table.DialogTable, { state }: Dialog, leg: string | undefined): table.Change {
  const entry = leg === undefined ? undefined : now.live.get(leg);
  return entry?.question && state === "confirmed" ? table.grow(now, entry, entry.question, true) : table.unchanged(now);
}

/**
 * One dialog of a document that leaves others out. FreeSWITCH: a report of a known dialog may be its end, which it reports as `confirmed`
 * (or `early`) while another is up; not so when it is new or held. Unknown notifiers: the others may have ended, too.
 */
function onOne(known: Known, dialog: Dialog | undefined, absent: readonly table.LiveDialog[]): Verdict {
  if (!dialog) return { ...table.unchanged(known.table), isWhole: false, why: "an empty document came while calls are up" };
  const [match] = matched(known, [dialog]);
  const entry = match?.leg === undefined ? undefined : known.table.live.get(match.leg);
  const isOver = dialog.state === "terminated";
  const listsChanged = known.table.notifier.lists === "changed";
  const question = table.reportFor(known.table, dialog);
  if (entry && !isOver && question.rendering !== false) {
    const marked = listsChanged ? known.table : withAbsent(known.table, absent);
    return { table: table.put(marked, { ...entry, question }), facts: [], isWhole: false, why: "a call is confirmed, or over" };
  }
  // FreeSWITCH says that a call is over only when it was the last: what was doubtful has ended before it.
  const isLast = isOver && entry !== undefined && listsChanged;
  const doubtful = isLast ? absent.filter(({ question }) => question) : [];
  const before = table.forEach(known.table, doubtful, (now, other) => table.end(now, other, unlisted));
  const change = table.then(before, (now) => table.apply(now, dialog, match?.leg, { isFresh: known.isFresh, afterGap: false }));
  const left = isLast || !listsChanged ? absent.filter(({ leg }) => change.table.live.has(leg)) : [];
  if (left.length === 0) return { ...change, isWhole: false };
  return {
    table: withAbsent(change.table, left),
    facts: change.facts,
    isWhole: false,
    why: "a document leaves calls out that are up",
  };
}

function withAbsent(now: table.DialogTable, absent: readonly table.LiveDialog[]): table.DialogTable {
  return absent.reduce((now, entry) => table.put(now, { ...entry, missed: "absent" }), now);
}

/**
 * A partial document.
 * @param gap why it is not all that has changed.
 */
export function onPartial(known: Known, dialogs: readonly Dialog[], gap: string | undefined): Verdict {
  const found = matched(known, dialogs);
  const came = { isFresh: known.isFresh, afterGap: gap !== undefined };
  const change = table.forEach(known.table, found, (now, { dialog, leg }) => table.apply(now, dialog, leg, came));
  const hasId = (id: string) => table.liveDialogs(change.table).some((entry) => entry.id === id);
  const other = found.some(({ dialog, leg }) => dialog.state === "terminated" && leg === undefined && hasId(dialog.id));
  const why = gap ?? (other ? "another branch of a call is over" : undefined);
  return { ...change, isWhole: false, ...present({ why }) };
}

/** Dialogs that a document shows as confirmed and as over: nothing is believed until the full state says so again, or none comes. */
export function inDoubt(known: Known, verdict: Verdict, doubtful: readonly Dialog[]): Verdict {
  const marked = matched({ ...known, table: verdict.table }, doubtful).reduce((now, { leg }) => {
    const entry = leg === undefined ? undefined : now.live.get(leg);
    return entry ? table.put(now, { ...entry, missed: "over" }) : now;
  }, verdict.table);
  return { ...verdict, table: marked, why: verdict.why ?? "a document shows a call as confirmed and as over" };
}

/** Whether a dialog of a document is known to live. */
export function isLive(known: Known, dialog: Dialog): boolean {
  return matched(known, [dialog])[0]?.leg !== undefined;
}

function matched({ table: { live }, isFresh }: Known, dialogs: readonly Dialog[]) {
  return matchDialogs([...live.values()], dialogs, isFresh);
}
