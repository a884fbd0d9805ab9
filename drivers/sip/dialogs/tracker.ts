/**
 * dialog-info documents (RFC 4235) into facts of the line, for one desk. Made for notifiers as they are: FreeSWITCH calls every document full
 * and puts one dialog into it, reports the end of a call as `confirmed` while another one is up and a held call as `early`; Asterisk has
 * one dialog for all calls of a phone. What each of them writes, and what cannot be told from it: docs/sip.md. Pure.
 */
import type { Failure, LegFacts, LineEvent } from "../../../src/core/line.ts";
import { quoted } from "../../../src/core/number.ts";
import type { Dialog, DialogInfo, Participant } from "./dialog-info.ts";
import { Dials, type FarSign } from "../dial/own-dials.ts";
import { EndedDialogs } from "./ended.ts";
import { directionOf, grown, type Past, type Report, reportOf } from "./report.ts";
import { LegNames } from "./leg-ids.ts";
import { type DialogTags, merge, tagsOf } from "./merge.ts";
import { Notifier } from "./notifier.ts";
import { endOf, unlisted, unreached } from "../dial/outcome.ts";
import { DialogTable } from "./table.ts";

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

/** What a document came with. */
export interface Envelope {
  /** The User-Agent (or Server) of the NOTIFY. */
  readonly userAgent?: string;
  /** The Call-ID of the subscription. */
  readonly subscription?: string;
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
interface Entry extends Past, DialogTags {
  readonly leg: string;
  /** The last report, when it may have been this dialog's end. */
  readonly question?: Report;
  /** A document that should have listed it did not (`absent`), or showed it as confirmed and as over (`over`). */
  readonly missed?: "absent" | "over";
}

/** How many dialogs a phone may have at once: what a switch that counts on for ever shows beyond them is left out. */
const mostDialogs = 100;

/** Follows the dialogs of one desk. */
export class DialogTracker {
  readonly #watched: Watched;
  readonly #notifier: Notifier;
  readonly #names: LegNames;
  readonly #table = new DialogTable<Entry>();
  readonly #ended: EndedDialogs;
  readonly #dials: Dials;
  #version: number | undefined;
  /** The dialogs of the last document, as text. */
  #last = "";
  /** The next full document answers a SUBSCRIBE: it is whole, whoever the notifier is. */
  #fresh = true;
  #snapshotDue = true;
  #asked = false;
  /** Documents before this one are missing. */
  #gap = false;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#notifier = new Notifier(watched.users);
    this.#names = new LegNames(this.#notifier, watched.freshId);
    this.#ended = new EndedDialogs(this.#notifier);
    this.#dials = new Dials(watched.self);
  }

  /** The link has just come up, with a new subscription. `known`: the desk's legs that the daemon believes to live. */
  connected(known: readonly string[] = []): void {
    this.#names.adopt(known.filter((leg) => this.#table.get(leg) === undefined));
    this.#notifier.reconnected();
    this.lost();
    this.subscribed();
  }

  /** The link is down although the subscription stands: the next state that can be trusted is told as a snapshot. */
  lost(): void {
    this.#snapshotDue = true;
    this.#asked = false;
  }

  /** What is believed of the calls may be wrong: it is forgotten. Call `connected` after it, with the legs that the daemon believes to live. */
  forget(): void {
    this.#names.release(this.#table.all().map(({ leg }) => leg));
    this.#table.clear();
    this.#ended.clear();
  }

  /** A new subscription has been made on the same link: versions start again, and its first full document is the truth. */
  subscribed(): void {
    this.#version = undefined;
    this.#fresh = true;
  }

  /** A NOTIFY with a document. One about another entity is dropped. */
  notify(info: DialogInfo, { userAgent, subscription }: Envelope = {}): Told {
    if (info.entity !== "" && !this.#notifier.isUser(info.entity)) {
      return { events: [], why: `it is about ${quoted(info.entity)}: expected ${this.#watched.users.join(" or ")}` };
    }
    const isAnswer = info.state === "full" && (this.#fresh || this.#asked);
    const all = merge(info.dialogs.map((dialog) => this.#notifier.cleaned(dialog, subscription)));
    const doubtful = isAnswer ? [] : all.flatMap(({ confirmed }) => confirmed && !this.#ended.has(confirmed) ? [confirmed] : []);
    const dialogs = all.flatMap(({ dialog, confirmed }) =>
      !confirmed || !doubtful.includes(confirmed) ? [dialog] : this.#isLive(confirmed) ? [confirmed] : []
    );
    const text = JSON.stringify(dialogs);
    const old = this.#version !== undefined && info.version <= this.#version;
    if (old && text === this.#last) return { events: [] };
    if (old && !(this.#asked && info.state === "full")) {
      return this.#ask([], `version ${info.version} came after version ${this.#version}`);
    }
    this.#gap = info.state === "partial" && this.#version !== undefined && info.version > this.#version + 1;
    const lost = this.#gap ? `versions between ${this.#version} and ${info.version} are missing` : undefined;
    this.#version = info.version;
    this.#last = text;
    this.#notifier.learn(dialogs, info.state === "full", isAnswer, userAgent);
    if (this.#fresh) this.#notifier.learnIdle(dialogs);
    const told = info.state === "full" ? this.#full(dialogs) : this.#partial(dialogs, lost);
    return doubtful.length === 0 ? told : this.#doubt(told, doubtful);
  }

  /** A NOTIFY without a body in an active subscription: there are no dialogs (Kamailio). */
  none(): Told {
    return this.#whole([]);
  }

  /** The full state that was asked for has not come: what is likeliest is believed. */
  noAnswer(): Told {
    if (!this.#asked) return { events: [] };
    this.#asked = false;
    const missed = this.#table.all().filter((entry) => entry.missed !== undefined);
    const ended = missed.flatMap((entry) => this.#end(entry, unlisted, entry.missed === "over" ? entry : undefined));
    const decided = this.#table.all().flatMap((entry) => {
      if (!entry.question) return [];
      // Nobody talks on two calls at once: while another one is talked on, this one was not answered but has ended.
      const talked = this.#table.all().some(({ leg, facts }) => leg !== entry.leg && facts.answered === true && !facts.held);
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

  /**
   * What the NOTIFYs of our REFER tell of the far end, which the phone's dialog does not. `untold`: nobody will tell whether it answers, unless
   * the phone has a dialog of its own dialling, which does.
   */
  far(call: string, is: FarSign): readonly LineEvent[] {
    if (is === "untold" && this.#entriesOf(call).some(({ facts }) => facts.direction === "from-desk")) return [];
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

  /**
   * What the phone does on the one dialog that its switch shows for all of its calls (Asterisk): another call would not be seen. Nothing
   * when it is idle, or its calls have dialogs of their own.
   */
  occupied(): "talking" | "ringing" | undefined {
    const shared = this.#table.all().filter((entry) => this.#notifier.naming(entry) === "phone");
    if (shared.length === 0) return undefined;
    return shared.some(({ facts }) => facts.answered === true) ? "talking" : "ringing";
  }

  #entriesOf(call: string): Entry[] {
    return this.#table.all().filter(({ facts }) => facts.call === call);
  }

  #full(dialogs: readonly Dialog[]): Told {
    const listed = new Set(this.#found(dialogs).map(({ entry }) => entry?.leg));
    const absent = this.#table.all().filter(({ leg }) => !listed.has(leg));
    if (absent.length > 0 && !this.#isWhole(dialogs)) return this.#one(dialogs[0], absent);
    // A renewal that crosses with the first report of a call leaves it out (Kamailio, with several processes).
    const isPlain = this.#fresh || this.#asked || !this.#notifier.listsEnds;
    const young = isPlain ? [] : absent.filter(({ reports }) => reports <= 1);
    const told = this.#whole(dialogs, young);
    return young.length === 0 ? told : this.#ask(told.events, "a document leaves out a call that has just begun");
  }

  /** Whether a full document that leaves live dialogs out means that they have ended. FreeSWITCH names the Call-ID only when it is asked. */
  #isWhole(dialogs: readonly Dialog[]): boolean {
    if (this.#fresh || dialogs.length > 1) return true;
    const [only] = dialogs;
    if (this.#notifier.holds === "one") return only ? only.callId !== undefined : this.#asked;
    return this.#notifier.holds === "all" || only === undefined || this.#asked;
  }

  #partial(dialogs: readonly Dialog[], lost: string | undefined): Told {
    const found = this.#found(dialogs);
    const events = found.flatMap(({ dialog, entry }) => this.#apply(dialog, entry && this.#table.get(entry.leg)));
    if (this.#snapshotDue) return this.#ask([], "the first document is not a full state");
    const other = found.find(({ dialog, entry }) => dialog.state === "terminated" && !entry && this.#table.hasId(dialog.id));
    const why = lost ?? (other ? "another branch of a call is over" : undefined);
    return why === undefined ? { events } : this.#ask(events, why);
  }

  /** Dialogs that a document shows as confirmed and as over: nothing is believed until the full state says so again, or none comes. */
  #doubt(told: Told, doubtful: readonly Dialog[]): Told {
    for (const { entry } of this.#found(doubtful)) if (entry) this.#table.put({ ...entry, missed: "over" });
    return told.wants !== undefined ? told : this.#ask(told.events, "a document shows a call as confirmed and as over");
  }

  #isLive(dialog: Dialog): boolean {
    return this.#found([dialog])[0]?.entry !== undefined;
  }

  #found(dialogs: readonly Dialog[]) {
    return this.#table.found(dialogs, this.#fresh);
  }

  /** All dialogs there are: what is not among them has ended, except what is `young`, which is in question. */
  #whole(dialogs: readonly Dialog[], young: readonly Entry[] = []): Told {
    for (const entry of young) this.#table.put({ ...entry, missed: "absent" });
    const found = this.#found(dialogs);
    const alive = new Set([...found.map(({ entry }) => entry?.leg), ...young.map(({ leg }) => leg)]);
    const gone = this.#table.all().filter(({ leg }) => !alive.has(leg));
    const events = [
      ...gone.flatMap((entry) => this.#end(entry, unlisted)),
      ...found.flatMap(({ dialog, entry }) => [
        ...(entry?.question && dialog.state === "confirmed" ? this.#grow(entry, entry.question, true) : []),
        ...this.#apply(dialog, entry && this.#table.get(entry.leg)),
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
    const entry = this.#found([dialog])[0]?.entry;
    const over = dialog.state === "terminated";
    const report = reportOf(dialog, this.#isDesk);
    const doubtful = entry !== undefined && !over && report.rendering !== false;
    const isLast = over && entry !== undefined && this.#notifier.holds === "one";
    // FreeSWITCH says that a call is over only when it was the last: what was doubtful has ended before it.
    const before = isLast ? absent.filter(({ question }) => question).flatMap((other) => this.#end(other, unlisted)) : [];
    const events = [...before, ...(doubtful ? [] : this.#apply(dialog, entry))];
    if (doubtful) this.#table.put({ ...entry, question: report });
    const left = isLast || this.#notifier.holds !== "one" ? absent.filter(({ leg }) => this.#table.get(leg) !== undefined) : [];
    for (const other of left) this.#table.put({ ...other, missed: "absent" });
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
    const legs = this.#table.all().map(({ facts }) => facts).filter(({ direction }) => direction !== undefined);
    return [{ type: "snapshot", desks: [this.#watched.desk], legs }];
  }

  #apply(dialog: Dialog, entry: Entry | undefined): LineEvent[] {
    const report = reportOf(dialog, this.#isDesk);
    if (dialog.state === "terminated") {
      if (entry) return this.#end(entry, endOf(dialog), dialog, report.other);
      this.#ended.add(dialog, report.other, "unseen");
      return [];
    }
    const another = entry !== undefined && this.#isAnother(entry, dialog, report);
    const ended = another ? this.#end(entry, unlisted) : [];
    const alive = entry && !another ? entry : this.#begun(dialog, report);
    if (!alive) return ended;
    const counts = !this.#fresh && (this.#notifier.holds !== "one" || dialog.callId === undefined);
    return [...ended, ...this.#grow({ ...alive, ...tagsOf(dialog) }, report, counts)];
  }

  /** The same id in another call: of a switch that counts its dialogs, or one whose calls have changed while it was out of sight. */
  #isAnother({ callId, other }: Entry, dialog: Dialog, report: Report): boolean {
    if (callId !== undefined && dialog.callId !== undefined) return callId !== dialog.callId;
    const wasUnseen = this.#fresh || this.#gap;
    return wasUnseen && this.#notifier.naming(dialog) !== "unique" && other !== undefined && report.other !== undefined &&
      other.identity !== report.other.identity;
  }

  /** A dialog's first report; nothing when it is an echo of one that has ended, or one too many. */
  #begun(dialog: Dialog, { other }: Report): Entry | undefined {
    if (this.#table.size >= mostDialogs || this.#ended.isEcho(dialog, other)) return undefined;
    this.#ended.begun(dialog);
    const leg = this.#names.of(dialog);
    return { ...tagsOf(dialog), leg, facts: { desk: this.#watched.desk, leg }, reports: 0 };
  }

  /** @param counts whether the switch made the report because something has happened. */
  #grow(entry: Entry, report: Report, counts: boolean): LineEvent[] {
    const past = this.#claimed(entry, report);
    const facts = this.#withTwin(past, grown(past, report, this.#notifier.holds === "one", counts));
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
    this.#table.put(after);
    const isNews = JSON.stringify(before.facts) !== JSON.stringify(after.facts);
    if (!isNews || this.#snapshotDue || after.facts.direction === undefined) return [];
    return [{ type: "leg", facts: after.facts }];
  }

  /** @param dialog the dialog that a document says is over; without one it is a conclusion, and the dialog may come back. */
  #end(entry: Entry, failure: Failure, dialog?: DialogTags, other = entry.other): LineEvent[] {
    this.#table.remove(entry.leg);
    if (dialog) this.#ended.add({ ...entry, ...tagsOf(dialog) }, other, entry.facts.answered === true ? "answered" : "ringing");
    // A call that was answered and is over rings on no other branch: what is left of those are old reports (Kamailio).
    const branches = dialog && entry.facts.answered === true ? this.#table.branchesOf(entry) : [];
    const rest = branches.filter(({ facts }) => facts.answered !== true).flatMap((branch) => this.#end(branch, failure, branch));
    const { leg, facts: { desk, direction, call, farCalled } } = entry;
    if (this.#snapshotDue || direction === undefined) return rest;
    const ended = call !== undefined && farCalled ? { far: unreached, ...failure } : failure;
    return [{ type: "leg", facts: { desk, leg, ...(call === undefined ? {} : { call }), ended } }, ...rest];
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
    const others = this.#table.all().filter((other) => other.leg !== leg && other.facts.direction === direction);
    const branch = others.find((other) => other.id === id || (callId !== undefined && other.callId === callId));
    if (direction === "from-desk") return branch ? { ...facts, call: branch.facts.call ?? branch.leg } : facts;
    if (direction !== "to-desk" || caller === undefined) return facts;
    const named = caller.outside === true ? [] : others.filter((other) => other.facts.caller?.identity === caller.identity);
    const twin = [...(branch ? [branch] : []), ...named].find((other) =>
      other.facts.farLeg !== undefined && !other.facts.answered
    );
    return { ...facts, farLeg: twin?.facts.farLeg ?? leg };
  }

  readonly #isDesk = (end: Participant | undefined): boolean =>
    end?.identity !== undefined && this.#notifier.isUser(end.identity.uri);
}
