/**
 * dialog-info documents (RFC 4235) into facts of the line, for one desk. Made for notifiers as they are: FreeSWITCH calls every document full
 * and puts one dialog into it, reports the end of a call as `confirmed` while another one is up and a held call as `early`; Asterisk has
 * one dialog for all calls of a phone. What each of them writes, and what cannot be told from it: docs/sip.md. Pure.
 */
import type { Failure, LegFacts, LineEvent } from "../../src/core/line.ts";
import { quoted } from "../../src/core/number.ts";
import type { Dialog, DialogInfo, Participant } from "./dialog-info.ts";
import { Dials } from "./dials.ts";
import { keyOf, merged } from "./distinct.ts";
import { directionOf, grown, type Past, type Report, reportOf } from "./facts.ts";
import { isUnique, LegNames } from "./legs.ts";
import { endOf, unlisted, unreached } from "./outcome.ts";
import { addressOf } from "./party.ts";

/** Whose dialogs are watched. */
export interface Watched {
  /** The desk's extension. */
  readonly desk: string;
  /** All users by which the switch may call the phone: the extension, its aliases, the user of the URI that is subscribed to. */
  readonly users: readonly string[];
  /** The user of the box's own account, which shows as the caller when it dials. */
  readonly self: string;
  /** Makes an id that was never used, at most 60 characters: for notifiers that do not tell calls apart. */
  readonly freshId: () => string;
}

/** The users of a desk with these aliases (`user@domain`). */
export function usersOf(extension: string, aliases: readonly string[]): string[] {
  return [extension, ...aliases.map((alias) => alias.replace(/@.*$/, ""))];
}

/** What a document came with. */
export interface Envelope {
  /** The User-Agent (or Server) of the NOTIFY. */
  readonly userAgent?: string;
}

/** What a document says. */
export interface Told {
  /** In order; nothing before the first full state after `connected`, which is the snapshot. */
  readonly events: readonly LineEvent[];
  /**
   * The truth must be asked for, now: a fresh SUBSCRIBE, or a refresh within the dialog (after a fresh one call `subscribed`). In any case call
   * `noAnswer` half a second later: without a question that is still open it does nothing.
   */
  readonly wants?: "full";
  /** Why, or why the document was dropped: for the log. */
  readonly why?: string;
}

/** A dialog that lives. */
interface Entry extends Past {
  readonly id: string;
  readonly callId?: string;
  readonly leg: string;
  /** The last report, when it may have been this dialog's end. */
  readonly question?: Report;
  /** A document that should have listed it did not. */
  readonly missed?: boolean;
}

/** How many dialogs a phone may have at once: what a switch that counts on for ever shows beyond them is left out. */
const mostDialogs = 100;

/** How many ended dialogs are remembered: what still arrives about them is an echo. */
const rememberedEnds = 64;

/** Follows the dialogs of one desk. */
export class DialogTracker {
  readonly #watched: Watched;
  readonly #names: LegNames;
  readonly #entries = new Map<string, Entry>();
  readonly #over: string[] = [];
  readonly #dials: Dials;
  #version: number | undefined;
  /** The dialogs of the last document, as text. */
  #last = "";
  /** The next full document answers a SUBSCRIBE: it is whole, whoever the notifier is. */
  #fresh = true;
  #snapshotDue = true;
  #asked = false;
  /** Whether full documents hold all dialogs, or only the one that has changed; unknown until the notifier has shown it. */
  #holds: "all" | "one" | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#names = new LegNames(watched.freshId);
    this.#dials = new Dials(watched.self);
  }

  /** The link has just come up, with a new subscription. `known`: the desk's legs that the daemon believes to live. */
  connected(known: readonly string[] = []): void {
    const own = new Set([...this.#entries.values()].map(({ leg }) => leg));
    this.#names.adopt(known.filter((leg) => !own.has(leg)));
    this.#snapshotDue = true;
    this.#asked = false;
    this.#holds = undefined;
    this.subscribed();
  }

  /** A new subscription has been made on the same link: versions begin anew, and its first full document is the truth. */
  subscribed(): void {
    this.#version = undefined;
    this.#fresh = true;
  }

  /** A NOTIFY with a document. One about another entity is dropped. */
  notify(info: DialogInfo, { userAgent }: Envelope = {}): Told {
    if (info.entity !== "" && !this.#isUser(info.entity)) {
      return { events: [], why: `it is about ${quoted(info.entity)}: want ${this.#watched.users.join(" or ")}` };
    }
    const dialogs = merged(info.dialogs);
    const text = JSON.stringify(dialogs);
    const old = this.#version !== undefined && info.version <= this.#version;
    if (old && text === this.#last) return { events: [] };
    if (old && !(this.#asked && info.state === "full")) {
      return this.#ask([], `version ${info.version} came after version ${this.#version}`);
    }
    const gap = info.state === "partial" && this.#version !== undefined && info.version > this.#version + 1;
    const lost = gap ? `versions between ${this.#version} and ${info.version} are missing` : undefined;
    this.#version = info.version;
    this.#last = text;
    this.#learn(dialogs, info.state === "full", this.#fresh || this.#asked, userAgent);
    if (info.state === "full") return this.#full(dialogs);
    const events = dialogs.flatMap((dialog) => this.#apply(dialog, this.#find(dialog)));
    if (this.#snapshotDue) return this.#ask([], "the first document is not a full state");
    return lost === undefined ? { events } : this.#ask(events, lost);
  }

  /** A NOTIFY without a body in an active subscription: there are no dialogs (Kamailio). */
  none(): Told {
    return this.#whole([]);
  }

  /** The full state that was asked for has not come: what is likeliest is believed. */
  noAnswer(): Told {
    if (!this.#asked) return { events: [] };
    this.#asked = false;
    const missed = [...this.#entries.values()].filter((entry) => entry.missed === true);
    const ended = missed.flatMap((entry) => this.#end(entry, unlisted));
    const decided = [...this.#entries.values()].flatMap((entry) => {
      if (!entry.question) return [];
      // Nobody talks on two calls at once: while another one is talked on, this one was not answered but has ended.
      const talked = [...this.#entries.values()].some(({ id, facts }) =>
        id !== entry.id && facts.answered === true && !facts.held
      );
      const over = talked || entry.question.state === "early";
      return over ? this.#end(entry, unlisted) : this.#grow(entry, entry.question, true);
    });
    return { events: this.#snapshotDue ? this.#snapshot() : [...ended, ...decided] };
  }

  /** The box is about to dial: the dialogs that come of it are told as this call. `as`: the user that the phone sees as its caller. */
  dialling(dial: { readonly call: string; readonly number: string; readonly as?: string }): void {
    this.#dials.begin(dial);
  }

  /** The Call-ID of an INVITE that the box sent for a dial: a proxy shows it in the phone's dialog too. */
  ours(call: string, callId: string): void {
    this.#dials.ours(call, callId);
  }

  /** What the NOTIFYs of our REFER tell of the far end, which the phone's dialog does not. */
  far(call: string, is: "called" | "answered"): readonly LineEvent[] {
    const signs = this.#dials.far(call, is);
    return this.#entriesOf(call).flatMap((entry) => this.#tell(entry, { ...entry, facts: { ...entry.facts, ...signs } }));
  }

  /** Nothing new comes of a dial any more; its dialogs stay its own. */
  dialOver(call: string): void {
    this.#dials.over(call);
  }

  /** The legs of a dial that live, in the order in which they came. */
  legsOf(call: string): readonly string[] {
    return this.#entriesOf(call).map(({ leg }) => leg);
  }

  #entriesOf(call: string): Entry[] {
    return [...this.#entries.values()].filter(({ facts }) => facts.call === call);
  }

  #full(dialogs: readonly Dialog[]): Told {
    const listed = new Set(dialogs.map((dialog) => this.#find(dialog)?.id));
    const absent = [...this.#entries.values()].filter(({ id }) => !listed.has(id));
    return absent.length === 0 || this.#isWhole(dialogs) ? this.#whole(dialogs) : this.#one(dialogs[0], absent);
  }

  /** Whether a full document that leaves live dialogs out means that they have ended. FreeSWITCH names the Call-ID only when it is asked. */
  #isWhole(dialogs: readonly Dialog[]): boolean {
    if (this.#fresh || dialogs.length > 1) return true;
    const [only] = dialogs;
    if (this.#holds === "one") return only ? only.callId !== undefined : this.#asked;
    return this.#holds === "all" || only === undefined || this.#asked;
  }

  /** All dialogs there are: what is not among them has ended. */
  #whole(dialogs: readonly Dialog[]): Told {
    const found = dialogs.map((dialog) => ({ dialog, entry: this.#find(dialog) }));
    const alive = new Set(found.map(({ entry }) => entry?.id));
    const gone = [...this.#entries.values()].filter(({ id }) => !alive.has(id));
    const events = [
      ...gone.flatMap((entry) => this.#end(entry, unlisted)),
      ...found.flatMap(({ dialog, entry }) => [
        ...(entry?.question && dialog.state === "confirmed" ? this.#grow(entry, entry.question, true) : []),
        ...this.#apply(dialog, entry && this.#entries.get(entry.id)),
      ]),
    ];
    this.#fresh = false;
    this.#asked = false;
    // What the first look does not show has ended: its name is not for a later call.
    this.#names.adopt([]);
    return { events: this.#snapshotDue ? this.#snapshot() : events };
  }

  /**
   * One dialog of a document that leaves others out. FreeSWITCH: a report of a known dialog may be its end, which is told as `confirmed`
   * (or `early`) while another is up; not so when it is new or held. Unknown notifiers: the others may have ended, too.
   */
  #one(dialog: Dialog | undefined, absent: readonly Entry[]): Told {
    if (!dialog) return this.#ask([], "an empty document came while calls are up");
    const entry = this.#find(dialog);
    const over = dialog.state === "terminated";
    const report = reportOf(dialog, this.#isDesk);
    const doubtful = entry !== undefined && !over && report.rendering !== false;
    const isLast = over && entry !== undefined && this.#holds === "one";
    // FreeSWITCH says that a call is over only when it was the last: what was doubtful has ended before it.
    const before = isLast ? absent.filter(({ question }) => question).flatMap((other) => this.#end(other, unlisted)) : [];
    const events = [...before, ...(doubtful ? [] : this.#apply(dialog, entry))];
    if (doubtful) this.#entries.set(entry.id, { ...entry, question: report });
    const left = isLast || this.#holds !== "one" ? absent.filter(({ id }) => this.#entries.has(id)) : [];
    for (const other of left) this.#entries.set(other.id, { ...other, missed: true });
    if (!doubtful && left.length === 0) return { events };
    return this.#ask(events, doubtful ? "a call is confirmed, or over" : "a document leaves calls out that are up");
  }

  #ask(events: readonly LineEvent[], why: string): Told {
    // One question at a time: its answer is about all that has come before it.
    if (this.#asked) return { events };
    this.#asked = true;
    return { events, wants: "full", why };
  }

  #snapshot(): LineEvent[] {
    this.#snapshotDue = false;
    const legs = [...this.#entries.values()].map(({ facts }) => facts).filter(({ direction }) => direction !== undefined);
    return [{ type: "snapshot", desks: [this.#watched.desk], legs }];
  }

  /** The live dialog that a document means. A new subscription may give its dialogs new ids; the Call-ID stays. */
  #find({ id, callId }: Dialog): Entry | undefined {
    const same = this.#entries.get(id);
    if (same && (callId === undefined || same.callId === undefined || callId === same.callId)) return same;
    if (!this.#fresh || callId === undefined) return same;
    return [...this.#entries.values()].find((entry) => entry.callId === callId) ?? same;
  }

  #apply(dialog: Dialog, entry: Entry | undefined): LineEvent[] {
    if (dialog.state === "terminated") return entry ? this.#end(entry, endOf(dialog), dialog) : [];
    const report = reportOf(dialog, this.#isDesk);
    const another = entry !== undefined && this.#isAnother(entry, dialog, report);
    const ended = another ? this.#end(entry, unlisted) : [];
    const alive = entry && !another ? entry : this.#begun(dialog);
    if (!alive) return ended;
    const displaced = alive.id === dialog.id ? undefined : this.#entries.get(dialog.id);
    const freed = displaced ? this.#end(displaced, unlisted) : [];
    if (alive.id !== dialog.id) this.#entries.delete(alive.id);
    const callId = dialog.callId ?? alive.callId;
    const named = { ...alive, id: dialog.id, ...(callId === undefined ? {} : { callId }) };
    return [
      ...ended,
      ...freed,
      ...this.#grow(named, report, !this.#fresh && (this.#holds !== "one" || dialog.callId === undefined)),
    ];
  }

  /** The same id in another call: of a switch that counts its dialogs, or one whose calls have changed while it was out of sight. */
  #isAnother({ callId, other }: Entry, dialog: Dialog, report: Report): boolean {
    if (callId !== undefined && dialog.callId !== undefined) return callId !== dialog.callId;
    return this.#fresh && !isUnique(dialog) && other !== undefined && report.other !== undefined &&
      other.identity !== report.other.identity;
  }

  /** A dialog's first report; nothing when it is an echo of one that has ended, or one too many. */
  #begun(dialog: Dialog): Entry | undefined {
    if (this.#entries.size >= mostDialogs || (isUnique(dialog) && this.#over.includes(keyOf(dialog)))) return undefined;
    const leg = this.#names.of(dialog);
    return { id: dialog.id, leg, facts: { desk: this.#watched.desk, leg }, reports: 0 };
  }

  /** @param counts whether the switch made the report because something has happened. */
  #grow(entry: Entry, report: Report, counts: boolean): LineEvent[] {
    const past = this.#claimed(entry, report);
    const facts = this.#withTwin(past, grown(past, report, this.#holds === "one", counts));
    const { question: _, missed: __, ...rest } = past;
    // Who rings during a call, where one dialog stands for both, is not the one who is talked to.
    const steppedBack = report.state !== "confirmed" && past.facts.answered === true;
    const other = steppedBack ? past.other : report.other ?? past.other;
    return this.#tell(entry, {
      ...rest,
      facts,
      reports: past.reports + (counts ? 1 : 0),
      ...(other === undefined ? {} : { other }),
    });
  }

  #tell(before: Entry, after: Entry): LineEvent[] {
    this.#entries.set(after.id, after);
    const isNews = JSON.stringify(before.facts) !== JSON.stringify(after.facts);
    if (!isNews || this.#snapshotDue || after.facts.direction === undefined) return [];
    return [{ type: "leg", facts: after.facts }];
  }

  /** @param dialog the document's own word for the end; without one it is a conclusion, and the dialog may come back. */
  #end(entry: Entry, failure: Failure, dialog?: Dialog): LineEvent[] {
    this.#entries.delete(entry.id);
    if (dialog) this.#over.push(keyOf({ ...entry, ...dialog }));
    if (this.#over.length > rememberedEnds) this.#over.shift();
    const { leg, facts: { desk, direction, call, farCalled } } = entry;
    if (this.#snapshotDue || direction === undefined) return [];
    const ended = call !== undefined && farCalled ? { far: unreached, ...failure } : failure;
    return [{ type: "leg", facts: { desk, leg, ...(call === undefined ? {} : { call }), ended } }];
  }

  /** The entry as a dialog of our own dialling, if it is one. Who is known to have called, or was dialled, stays. */
  #claimed(entry: Entry, report: Report): Entry {
    const { facts, callId } = entry;
    if (facts.call !== undefined || facts.caller !== undefined || facts.dialled !== undefined) return entry;
    const mine = this.#dials.of(callId, facts.direction ?? directionOf(report), report, (call) => this.legsOf(call).length > 0);
    return mine ? { ...entry, facts: { ...facts, call: mine.call, ...mine.signs } } : entry;
  }

  /**
   * Two phones of one extension, or two branches of a forked call, ring for one caller: one call. Their notifier does not name the caller's leg, so
   * the name of the first stands for it. Branches of the phone's own call are one call, too (RFC 4235, section 3.7.2).
   */
  #withTwin({ id, leg, callId }: Entry, facts: LegFacts): LegFacts {
    const { direction, call, caller, farLeg } = facts;
    if (call !== undefined || farLeg !== undefined) return facts;
    const others = [...this.#entries.values()].filter((one) => one.id !== id && one.facts.direction === direction);
    const branch = others.find((one) => callId !== undefined && one.callId === callId);
    if (direction === "from-desk") return branch ? { ...facts, call: branch.facts.call ?? branch.leg } : facts;
    if (direction !== "to-desk" || caller === undefined) return facts;
    const named = caller.outside === true ? [] : others.filter((one) => one.facts.caller?.identity === caller.identity);
    const twin = [...(branch ? [branch] : []), ...named].find((one) => one.facts.farLeg !== undefined && !one.facts.answered);
    return { ...facts, farLeg: twin?.facts.farLeg ?? leg };
  }

  /**
   * Whose documents these are. FreeSWITCH puts `**` before the extension in the far end's target, whatever name it goes by; it never says `partial`,
   * `trying` or `proceeding`. Nobody else lists several dialogs without being asked and means less than all.
   */
  #learn(dialogs: readonly Dialog[], full: boolean, asked: boolean, userAgent = ""): void {
    const marked = dialogs.some(({ remote }) => remote?.target !== undefined && addressOf(remote.target).user.startsWith("**"));
    const exact = !full || dialogs.some(({ state }) => state === "trying" || state === "proceeding");
    if (marked) this.#holds = "one";
    else if (exact) this.#holds = "all";
    else if (userAgent !== "") this.#holds ??= /freeswitch/i.test(userAgent) ? "one" : "all";
    else if (dialogs.length > 1 && !asked) this.#holds ??= "all";
  }

  #isUser(uri: string): boolean {
    const user = addressOf(uri).user.toLowerCase();
    return this.#watched.users.some((one) => one.toLowerCase() === user);
  }

  readonly #isDesk = (end: Participant | undefined): boolean => end?.identity !== undefined && this.#isUser(end.identity.uri);
}
