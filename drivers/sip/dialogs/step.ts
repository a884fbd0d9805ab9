/**
 * Turns dialog-info documents (RFC 4235) into facts of the line, for one desk: a state, an input and the time give the next
 * state, the reports, and the time of the next input. Written for real notifiers: FreeSWITCH calls every document full and puts
 * one dialog into it, reports the end of a call as `confirmed` while another one is active, and a held call as `early`; Asterisk
 * has one dialog for all calls of a phone. docs/sip.md describes what each of them writes, and what it does not reveal. Pure.
 *
 *   watch/watch.ts  the body of a NOTIFY; repair.ts and dialog-info.ts read it: a document, which is an input of this step
 *   merge.ts        each dialog of the document once, in its furthest state
 *   notifier.ts     what this switch's documents list, and how reliable its names for dialogs are
 *   document.ts     what the document means; match.ts finds the live dialog that each of its dialogs is
 *   table.ts        dialogs start (leg-ids.ts, ended.ts, own-dials.ts), grow (report.ts, party.ts) and end (end-reason.ts):
 *                   LegFacts
 *   unnamed.ts      what to make of a caller whom no document names
 *   step.ts         the facts as LineEvents, first of all as a snapshot; and the questions for the full state
 */
import { omitUndefined } from "../../../src/core/omit-undefined.ts";
import type { LegFacts, LineEvent } from "../../../src/core/line.ts";
import { quoted } from "../../../src/core/number.ts";
import { type FarSign, farSignsOf, type NewDial, withCallId, withDial, withDialOver, withFarSign } from "./own-dials.ts";
import { unlisted } from "./end-reason.ts";
import type { Dialog, DialogInfo } from "./dialog-info.ts";
import { inDoubt, isLive, type Known, onFull, onPartial, type Verdict, whole } from "./document.ts";
import { hasEnded, noneEnded, withoutEnded } from "./ended.ts";
import { adopt, newLegNames, release } from "./leg-ids.ts";
import { merge } from "./merge.ts";
import { afterReconnect, isUser, learn, learnIdle, newNotifier, withoutForeignCallId } from "./notifier.ts";
import { askUnnamed, decideUnnamed } from "./unnamed.ts";
import {
  andThen,
  type Change,
  dialogsOfCall,
  type DialogTable,
  endDialog,
  growDialog,
  inTurn,
  type LiveDialog,
  liveDialogs,
  unchanged,
  withEntry,
  withFacts,
} from "./table.ts";

/** Whose dialogs are watched. */
export interface Watched {
  /** The desk's extension. */
  readonly desk: string;
  /** All users by which the switch may call the phone: the extension, its aliases, the user of the subscribed URI. */
  readonly users: readonly string[];
  /** The user of the box's own account, which shows as the caller when it dials. */
  readonly self: string;
  /** The prefix of generated names of legs, for notifiers whose ids do not distinguish calls: new, at most 32 characters. */
  readonly seed: string;
}

/** The headers that accompany a document. */
export interface Envelope {
  /** The User-Agent (or Server) of the NOTIFY. */
  readonly userAgent?: string;
  /** The Call-ID of the subscription. */
  readonly subscription?: string;
}

/** What happens to the dialogs of a desk. */
export type TrackerInput =
  /** The link is up, with a new subscription. `known`: the desk's legs that the daemon believes to live. */
  | { readonly type: "connected"; readonly known: readonly string[] }
  /** The link is down: the next state that can be trusted is a snapshot. */
  | { readonly type: "link-lost" }
  /** A subscription has ended: versions start again, and the first full document of the next is the truth. */
  | { readonly type: "unsubscribed" }
  /** What is believed of the calls may be wrong. `connected` follows, with the legs that the daemon believes to live. */
  | { readonly type: "forgotten" }
  /** A NOTIFY with a document. */
  | { readonly type: "document"; readonly info: DialogInfo; readonly envelope: Envelope }
  /** A NOTIFY without a body in an active subscription: there are no dialogs (Kamailio). */
  | { readonly type: "no-dialogs" }
  /** The box is about to dial: the resulting dialogs belong to this call. */
  | { readonly type: "dial"; readonly dial: NewDial }
  /** The Call-ID of an INVITE that the box sent for a dial: a proxy shows it in the phone's dialog too. */
  | { readonly type: "invite"; readonly call: string; readonly callId: string }
  /**
   * News of the far end from the NOTIFYs of our REFER, which the phone's dialog does not show. `unreported`: no answer will be
   * reported, unless the phone has a separate dialog for its own dialling.
   */
  | { readonly type: "far"; readonly call: string; readonly sign: FarSign }
  /** A dial gets no further dialogs; it keeps those that it has. */
  | { readonly type: "dial-over"; readonly call: string }
  /** Time has passed. */
  | { readonly type: "time" };

/** The result of an input. */
export interface TrackerOutput {
  /** In order; empty before the first full state after `connected`, which is the snapshot. */
  readonly events: readonly LineEvent[];
  /** The full state must be requested now, for this reason: by a new SUBSCRIBE or a refresh within the dialog. */
  readonly asks?: string;
  /** The document was dropped, for this reason. */
  readonly dropped?: string;
}

/** What is known about the dialogs of one desk. */
export interface TrackerState {
  readonly table: DialogTable;
  /** The version of the last document. */
  readonly version?: number;
  /** The dialogs of the last document, as text. */
  readonly last: string;
  /** The next full document answers a SUBSCRIBE: it lists all dialogs, whatever the notifier. */
  readonly isFresh: boolean;
  readonly isSnapshotDue: boolean;
  /** The full state was requested: the deadline for its arrival, in ms. */
  readonly answerBy?: number;
  /** A document did not name a caller, and the full state was requested: the deadline for the name, in ms. */
  readonly namedBy?: number;
}

export interface TrackerStep {
  readonly state: TrackerState;
  readonly output: TrackerOutput;
  /** The time at which an input `time` is due, in ms. */
  readonly wakeAt?: number;
}

/** How long the full state may take after it was requested, in ms. */
export const fullStateWithin = 500;

/** Before the first connect. */
export function newTracker({ desk, users, self, seed }: Watched): TrackerState {
  return {
    table: {
      desk,
      notifier: newNotifier(users),
      live: new Map(),
      ended: noneEnded,
      names: newLegNames(seed),
      dials: { self, dials: [] },
    },
    last: "",
    isFresh: true,
    isSnapshotDue: true,
  };
}

/** @param now in ms of a monotonic clock. */
export function step(before: TrackerState, input: TrackerInput, now: number): TrackerStep {
  const { state, output } = react(before, input, now);
  const wakeAt = Math.min(state.answerBy ?? Infinity, state.namedBy ?? Infinity);
  return { state, output, ...(wakeAt === Infinity ? {} : { wakeAt }) };
}

function react(state: TrackerState, input: TrackerInput, now: number): TrackerStep {
  switch (input.type) {
    case "connected":
      return quiet(connected(state, input.known));
    case "link-lost":
      return quiet({ ...withoutQuestion(state), isSnapshotDue: true });
    case "unsubscribed":
      return quiet(unsubscribed(state));
    case "forgotten":
      return quiet(forgotten(state));
    case "document":
      return onDocument(state, input, now);
    case "no-dialogs":
      return settle(state, whole(knownIn(state), []), now);
    case "dial":
      return quiet(withDials(state, withDial(state.table.dials, input.dial)));
    case "invite":
      return quiet(withDials(state, withCallId(state.table.dials, input.call, input.callId)));
    case "far":
      return onFarSign(state, input);
    case "dial-over":
      return quiet(withDials(state, withDialOver(state.table.dials, input.call)));
    case "time":
      return onTime(state, now);
  }
}

function quiet(state: TrackerState): TrackerStep {
  return { state, output: { events: [] } };
}

function withDials(state: TrackerState, dials: DialogTable["dials"]): TrackerState {
  return { ...state, table: { ...state.table, dials } };
}

function withoutQuestion({ answerBy: _, ...state }: TrackerState): TrackerState {
  return state;
}

function unsubscribed(state: TrackerState): TrackerState {
  const { version: _, ...rest } = withoutQuestion(state);
  return { ...rest, isFresh: true };
}

function connected(state: TrackerState, known: readonly string[]): TrackerState {
  const { names, notifier, live } = state.table;
  // A leg that lives here is not for another dialog.
  const unseen = known.filter((leg) => !live.has(leg));
  const renewed = { ...state.table, names: adopt(names, unseen), notifier: afterReconnect(notifier) };
  return { ...unsubscribed(state), table: renewed, isSnapshotDue: true };
}

function forgotten(state: TrackerState): TrackerState {
  const { names, live, ended } = state.table;
  const cleared = { names: release(names, new Set(live.keys())), live: new Map(), ended: withoutEnded(ended) };
  return { ...state, table: { ...state.table, ...cleared } };
}

/** A document about another entity is dropped. */
function onDocument(
  state: TrackerState,
  { info, envelope }: Extract<TrackerInput, { type: "document" }>,
  now: number,
): TrackerStep {
  const { notifier, ended } = state.table;
  if (info.entity !== "" && !isUser(notifier, info.entity)) {
    const dropped = `it is about ${quoted(info.entity)}: expected ${notifier.users.join(" or ")}`;
    return { state, output: { events: [], dropped } };
  }
  const isFull = info.state === "full";
  const isAnswer = isFull && (state.isFresh || state.answerBy !== undefined);
  const merged = merge(info.dialogs.map((dialog) => withoutForeignCallId(notifier, dialog, envelope.subscription)));
  const isDoubtful = (confirmed: Dialog) => !isAnswer && !hasEnded(ended, confirmed);
  const dialogs = merged.flatMap(({ dialog, confirmed }) =>
    !confirmed || !isDoubtful(confirmed) ? [dialog] : isLive(knownIn(state), confirmed) ? [confirmed] : []
  );
  const last = JSON.stringify(dialogs);
  const { version } = state;
  if (version !== undefined && info.version <= version) {
    if (last === state.last) return quiet(state);
    if (!isFull || state.answerBy === undefined) {
      return asking(quiet(state), `version ${info.version} came after version ${version}`, now);
    }
  }
  const learned = learn(notifier, { dialogs, isFull, isAnswer, ...envelope });
  const read = {
    ...state,
    version: info.version,
    last,
    table: { ...state.table, notifier: state.isFresh ? learnIdle(learned, dialogs) : learned },
  };
  const verdict = isFull ? onFull(knownIn(read), dialogs) : onPartial(knownIn(read), dialogs, gapBefore(info, version));
  const doubtful = merged.flatMap(({ confirmed }) => confirmed && isDoubtful(confirmed) ? [confirmed] : []);
  return settle(read, doubtful.length === 0 ? verdict : inDoubt(knownIn(read), verdict, doubtful), now);
}

function knownIn({ table, isFresh, answerBy }: TrackerState): Known {
  return { table, isFresh, isAsked: answerBy !== undefined };
}

/** Why changes before a partial document may be missing; undefined if no document is missing. */
function gapBefore({ version }: DialogInfo, last: number | undefined): string | undefined {
  return last !== undefined && version > last + 1 ? `versions between ${last} and ${version} are missing` : undefined;
}

/** The state after a document, and its reports. */
function settle(before: TrackerState, { table, facts, isWhole, why }: Verdict, now: number): TrackerStep {
  if (!isWhole) {
    const reason = before.isSnapshotDue ? "the first document is not a full state" : why;
    return askingNames(asking(reporting({ ...before, table }, facts), reason, now), now);
  }
  // Dialogs that the snapshot does not show have ended: their names are not for a later call.
  const adopted = { ...table, names: adopt(table.names, []) };
  const named = decideUnnamed(before.isFresh ? askUnnamed(adopted) : adopted);
  const { namedBy: _, ...state } = { ...withoutQuestion(before), isFresh: false, table: named.table };
  const made = state.isSnapshotDue ? snapshot(state) : reporting(state, [...facts, ...named.facts]);
  return askingNames(asking(made, why, now), now);
}

/** Before the snapshot nothing is reported: it will contain the facts. */
function reporting(state: TrackerState, facts: readonly LegFacts[]): TrackerStep {
  return { state, output: { events: state.isSnapshotDue ? [] : facts.map((facts) => ({ type: "leg", facts })) } };
}

function snapshot(state: TrackerState): TrackerStep {
  const legs = liveDialogs(state.table).map(({ facts }) => facts).filter(({ direction }) => direction !== undefined);
  const events = [{ type: "snapshot" as const, desks: [state.table.desk], legs }];
  return { state: { ...state, isSnapshotDue: false }, output: { events } };
}

/** One question at a time: its answer covers everything before it. */
function asking({ state, output }: TrackerStep, why: string | undefined, now: number): TrackerStep {
  if (why === undefined || state.answerBy !== undefined) return { state, output };
  return { state: { ...state, answerBy: now + fullStateWithin }, output: { ...output, asks: why } };
}

/** The same for callers whom no document has named yet: its answer need not be complete otherwise. */
function askingNames({ state, output }: TrackerStep, now: number): TrackerStep {
  const table = askUnnamed(state.table);
  if (table === state.table) return { state, output };
  const asks = state.answerBy === undefined ? "a document does not name the caller" : output.asks;
  return {
    state: { ...state, table, namedBy: state.namedBy ?? now + fullStateWithin },
    output: { ...output, ...omitUndefined({ asks }) },
  };
}

function onTime(before: TrackerState, now: number): TrackerStep {
  const { state, output } = before.answerBy !== undefined && now >= before.answerBy ? onNoAnswer(before) : quiet(before);
  if (state.namedBy === undefined || now < state.namedBy) return { state, output };
  const { table, facts } = decideUnnamed(state.table);
  const { namedBy: _, ...rest } = state;
  const named = reporting({ ...rest, table }, facts);
  return { state: named.state, output: { events: [...output.events, ...named.output.events] } };
}

/** The requested full state has not arrived: the likeliest state is believed. */
function onNoAnswer(before: TrackerState): TrackerStep {
  const state = withoutQuestion(before);
  const missed = inTurn(state.table, liveDialogs(state.table), decideMissed);
  const decided = andThen(missed, (table) => inTurn(table, liveDialogs(table), decideQuestion));
  const after = { ...state, table: decided.table };
  return state.isSnapshotDue ? snapshot(after) : reporting(after, decided.facts);
}

/**
 * A dialog that a document did not list, as it should have. FreeSWITCH's has ended. Of other notifiers, one lost packet may be
 * the reason that no answer came (UDP repeats after 500 ms; RFC 3261, section 17.1.2.2), and a call that is lost is worse than
 * one too many: it ends when a second question stays without an answer. A renewal every `refreshSeconds` brings that.
 */
function decideMissed(table: DialogTable, entry: LiveDialog): Change {
  const { missed } = entry;
  if (missed === undefined) return unchanged(table);
  if (missed === "over") return endDialog(table, entry, unlisted, { dialog: entry });
  const isSure = missed === "unanswered" || table.notifier.lists === "changed";
  return isSure ? endDialog(table, entry, unlisted) : unchanged(withEntry(table, { ...entry, missed: "unanswered" }));
}

/**
 * A dialog of which a document has shown the answer, or the end. Of FreeSWITCH that is its end while another call is talking,
 * because nobody talks on two calls at once. Other notifiers mean what they write (RFC 4235, section 3.7.1).
 */
function decideQuestion(table: DialogTable, entry: LiveDialog): Change {
  const { question } = entry;
  if (!question) return unchanged(table);
  const talks = () => liveDialogs(table).some(({ leg, facts }) => leg !== entry.leg && facts.answered === true && !facts.held);
  const isOver = table.notifier.lists === "changed" && (question.state === "early" || talks());
  return isOver ? endDialog(table, entry, unlisted) : growDialog(table, entry, question, { counts: true });
}

function onFarSign(state: TrackerState, { call, sign }: Extract<TrackerInput, { type: "far" }>): TrackerStep {
  const entries = dialogsOfCall(state.table, call);
  if (sign === "unreported" && entries.some(({ facts }) => facts.direction === "from-desk")) return quiet(state);
  const dials = withFarSign(state.table.dials, call, sign);
  const signs = farSignsOf(dials, call);
  const change = inTurn(
    { ...state.table, dials },
    entries,
    (table, entry) => withFacts(table, entry, { ...entry, facts: { ...entry.facts, ...signs } }),
  );
  return reporting({ ...state, table: change.table }, change.facts);
}
