/** The believed dialogs of one phone: live ones, ended ones, and their names. Dialogs start, change and end here. Pure. */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { Failure, LegFacts, Party } from "../../../src/core/line.ts";
import { ownDialOf, type OwnDials } from "./own-dials.ts";
import { endOf, unlisted, unreached } from "./end-reason.ts";
import type { Dialog, Participant } from "./dialog-info.ts";
import { checkEcho, type EchoCheck, type EndedDialogs, withBegun, withEnded } from "./ended.ts";
import { type LegNames, nameLeg } from "./leg-ids.ts";
import { type DialogTags, differ, tagsOf } from "./merge.ts";
import { isUser, namingOf, type Notifier, withSharedId } from "./notifier.ts";
import { grown, type Past, type ReadingMode, type Report, reportOf } from "./report.ts";

/** A live dialog. */
export interface LiveDialog extends Past, DialogTags {
  readonly leg: string;
  /** The last report, if it may have been this dialog's end. */
  readonly question?: Report;
  /**
   * A document that should have listed it did not (`absent`; `unanswered`: nor did the requested full state arrive), or
   * showed it as both confirmed and ended (`over`).
   */
  readonly missed?: "absent" | "unanswered" | "over";
  /** No document has named the caller: the full state was requested (unnamed.ts), or did not name the caller either. */
  readonly unnamed?: "asked" | "unknown";
  /** A report has named the desk. */
  readonly namesDesk?: boolean;
}

/** The dialogs of one phone. */
export interface DialogTable {
  /** The desk's extension. */
  readonly desk: string;
  readonly notifier: Notifier;
  /** By the names of their legs, in the order in which they started. */
  readonly live: ReadonlyMap<string, LiveDialog>;
  readonly ended: EndedDialogs;
  readonly names: LegNames;
  readonly dials: OwnDials;
}

/** The dialogs after a change, and its facts about legs, in order. */
export interface Change {
  readonly table: DialogTable;
  readonly facts: readonly LegFacts[];
}

/** The circumstances of a report. */
export interface Circumstances {
  /** It answers a new subscription. */
  readonly isFresh: boolean;
  /** Documents before it are missing. */
  readonly afterGap: boolean;
}

/** The number of dialogs that a phone may have at once: a faulty switch may report more and more, which are ignored. */
const maxLiveDialogs = 100;

export function unchanged(table: DialogTable): Change {
  return { table, facts: [] };
}

/** One change after another. */
export function andThen(change: Change, next: (table: DialogTable) => Change): Change {
  const { table, facts } = next(change.table);
  return { table, facts: [...change.facts, ...facts] };
}

/** A change for each of the items, in order. */
export function inTurn<T>(table: DialogTable, items: readonly T[], change: (table: DialogTable, item: T) => Change): Change {
  const facts: LegFacts[] = [];
  let current = table;
  for (const item of items) {
    const made = change(current, item);
    current = made.table;
    facts.push(...made.facts);
  }
  return { table: current, facts };
}

/** The live dialogs, in the order in which they started. */
export function liveDialogs({ live }: DialogTable): LiveDialog[] {
  return [...live.values()];
}

/** The live dialogs of a dial. */
export function dialogsOfCall(table: DialogTable, call: string): LiveDialog[] {
  return liveDialogs(table).filter(({ facts }) => facts.call === call);
}

export function withEntry(table: DialogTable, entry: LiveDialog): DialogTable {
  return { ...table, live: new Map(table.live).set(entry.leg, entry) };
}

/** A dialog as seen from the desk. */
export function reportFor({ notifier }: DialogTable, dialog: Dialog): Report {
  const isDesk = (end: Participant | undefined) => end?.identity !== undefined && isUser(notifier, end.identity.uri);
  return reportOf(dialog, isDesk);
}

/** Applies a dialog of a document: it has started, changed or ended. `leg`: the live dialog that it refers to. */
export function applyDialog(table: DialogTable, dialog: Dialog, leg: string | undefined, came: Circumstances): Change {
  const report = reportFor(table, dialog);
  const entry = leg === undefined ? undefined : table.live.get(leg);
  if (dialog.state === "terminated") {
    if (entry) return endDialog(table, entry, endOf(dialog), { dialog, ...omitUndefined({ party: report.party }) });
    return unchanged({
      ...table,
      ended: withEnded(table.ended, table.notifier, dialog, { seen: "unseen", ...omitUndefined({ party: report.party }) }),
    });
  }
  // FreeSWITCH includes the Call-ID only on request.
  const counts = !came.isFresh && (table.notifier.lists !== "changed" || dialog.callId === undefined);
  const growing = (table: DialogTable, entry: LiveDialog) =>
    growDialog(table, { ...entry, ...tagsOf(dialog) }, report, { counts });
  if (entry && !isAnother(table, entry, dialog, report, came)) return growing(table, entry);
  const ended = entry ? endDialog(table, entry, unlisted) : unchanged(table);
  return andThen(ended, (table) => begin(table, dialog, report, growing));
}

/**
 * The same id in another call: from a switch that counts its dialogs, or whose calls changed while telesetd was not connected.
 */
function isAnother(
  { notifier }: DialogTable,
  { callId, party }: LiveDialog,
  dialog: Dialog,
  report: Report,
  { isFresh, afterGap }: Circumstances,
): boolean {
  if (callId !== undefined && dialog.callId !== undefined) return callId !== dialog.callId;
  return (isFresh || afterGap) && namingOf(notifier, dialog) !== "unique" && party !== undefined &&
    report.party !== undefined && party.identity !== report.party.identity;
}

/** A dialog's first report; undefined if it is an echo of an ended dialog, or beyond the limit. */
function begin(
  table: DialogTable,
  dialog: Dialog,
  { party }: Report,
  growing: (table: DialogTable, entry: LiveDialog) => Change,
): Change {
  if (table.live.size >= maxLiveDialogs) return unchanged(table);
  const echo = checkEcho(table.ended, table.notifier, dialog, party);
  if (echo.isEcho) return echoed({ ...table, ended: echo.ended }, dialog, echo.first);
  const notifier = echo.isShared ? withSharedId(table.notifier, dialog.id) : table.notifier;
  const { leg, names } = nameLeg(table.names, notifier, dialog);
  const begun = { ...table, notifier, names, ended: withBegun(echo.ended, dialog) };
  return growing(begun, { ...tagsOf(dialog), leg, facts: { desk: table.desk, leg }, reports: 0 });
}

/**
 * A switch lists a dialog that has ended, for hours perhaps (Kamailio, when its own PUBLISHes overtake each other). The core,
 * which remembers that across restarts, gets the leg once more at the first echo; before that its end, which it may not know.
 */
function echoed(table: DialogTable, dialog: Dialog, first: EchoCheck["first"]): Change {
  if (!first) return unchanged(table);
  const { desk } = table;
  const { names } = table;
  const named = first.leg === undefined ? nameLeg(names, table.notifier, dialog) : { leg: first.leg, names };
  const listed = { desk, leg: named.leg };
  return {
    table: { ...table, names: named.names },
    facts: [{ ...listed, ...omitUndefined({ call: first.call }), ended: unlisted }, listed],
  };
}

/** A live dialog with what a report adds. */
export function growDialog(
  table: DialogTable,
  entry: LiveDialog,
  report: Report,
  { counts }: Pick<ReadingMode, "counts">,
): Change {
  const past = claimed(table, entry, report);
  const facts = withTwin(table, past, grown(past, report, { isLoose: table.notifier.lists === "changed", counts }));
  const { question: _, missed: __, ...rest } = past;
  // Where one dialog stands for all calls, the party that rings is not the one that the agent talks to.
  const steppedBack = report.state !== "confirmed" && past.facts.answered === true;
  const party = steppedBack ? past.party : report.party ?? past.party;
  const reports = past.reports + (counts ? 1 : 0);
  const namesDesk = past.namesDesk === true || report.namesDesk;
  return withFacts(table, entry, { ...rest, facts, reports, namesDesk, ...omitUndefined({ party }) });
}

/** Replaces a live dialog; its facts are reported if they have changed and include the direction. */
export function withFacts(table: DialogTable, before: LiveDialog, after: LiveDialog): Change {
  const isNews = after.facts.direction !== undefined && JSON.stringify(before.facts) !== JSON.stringify(after.facts);
  return { table: withEntry(table, after), facts: isNews ? [after.facts] : [] };
}

/** How a dialog is known to have ended. */
interface EndReport {
  /** The dialog that a document reports as ended. Without it the end is a conclusion, and the dialog may reappear. */
  readonly dialog?: DialogTags;
  /** The far end, where the report names it. */
  readonly party?: Party;
}

/** A live dialog has ended. */
export function endDialog(table: DialogTable, entry: LiveDialog, failure: Failure, { dialog, party }: EndReport = {}): Change {
  if (!table.live.has(entry.leg)) return unchanged(table);
  const live = new Map(table.live);
  live.delete(entry.leg);
  const { leg, facts: { desk, direction, call, farCalled } } = entry;
  const ended: Failure = {
    ...(call !== undefined && farCalled ? { far: unreached } : {}),
    ...failure,
    ...(direction === "from-desk" && !farCalled ? { farUnreported: true } : {}),
  };
  const facts = direction === undefined ? [] : [{ desk, leg, ...omitUndefined({ call }), ended }];
  if (!dialog) return { table: { ...table, live }, facts };
  const isAnswered = entry.facts.answered === true;
  const remembered = withEnded(table.ended, table.notifier, { ...entry, ...tagsOf(dialog) }, {
    seen: isAnswered ? "answered" : "ringing",
    leg,
    ...omitUndefined({ party: party ?? entry.party, call }),
  });
  // A call that was answered and has ended rings on no other branch: further reports of those are old (Kamailio).
  const isBranch = ({ id, callId, facts }: LiveDialog) => id === entry.id && !differ(callId, entry.callId) && !facts.answered;
  const branches = isAnswered ? [...live.values()].filter(isBranch) : [];
  return andThen(
    { table: { ...table, live, ended: remembered }, facts },
    (rest) => inTurn(rest, branches, (table, branch) => endDialog(table, branch, failure, { dialog: branch })),
  );
}

/** The entry as a dialog of our own dialling, if it is one. A known caller or dialled number stays. */
function claimed(table: DialogTable, entry: LiveDialog, report: Report): LiveDialog {
  const { facts, callId } = entry;
  const isKnown = facts.caller !== undefined || facts.dialled !== undefined || entry.unnamed !== undefined;
  if (facts.call !== undefined || isKnown) return entry;
  const direction = facts.direction ?? report.direction;
  const seen = { ...report, ...omitUndefined({ direction }) };
  const dial = ownDialOf(table.dials, callId, seen, (call) => dialogsOfCall(table, call).length > 0);
  return dial ? { ...entry, facts: { ...facts, call: dial.call, ...dial.signs } } : entry;
}

/**
 * Two phones of one extension, or two branches of a forked call, ring for one caller: one call. Their notifier does not name
 * the caller's leg, so the name of the first stands for it. Branches of the phone's own call are one call, too (RFC 4235,
 * section 3.7.2).
 */
function withTwin(table: DialogTable, { id, leg, callId }: LiveDialog, facts: LegFacts): LegFacts {
  const { direction, call, caller, farLeg, rings, answered } = facts;
  if (call !== undefined || farLeg !== undefined) return facts;
  const siblings = liveDialogs(table).filter((sibling) => sibling.leg !== leg && sibling.facts.direction === direction);
  const branch = siblings.find((sibling) => sibling.id === id || (callId !== undefined && sibling.callId === callId));
  if (direction === "from-desk") return branch ? { ...facts, call: branch.facts.call ?? branch.leg } : facts;
  if (direction !== "to-desk" || (!caller && !rings && !answered)) return facts;
  const named = !caller || caller.outside ? [] : siblings.filter((sibling) => sibling.facts.caller?.identity === caller.identity);
  const twins = [...(branch ? [branch] : []), ...named];
  const twin = twins.find((sibling) => sibling.facts.farLeg !== undefined && !sibling.facts.answered);
  return { ...facts, farLeg: twin?.facts.farLeg ?? leg };
}
