/** The relay's part for the fleet: it collects the reports, hands out configurations, and answers the administrator. */
import type { Log } from "../log/log.ts";
import { type Rate, rateLimit } from "../platform/rate-limit.ts";
import type { Timers } from "../platform/timers.ts";
import { version } from "../version.ts";
import { adminSubject, pageSize, type PushAnswer, readBatch, readStatusQuestion, type StatusAnswer } from "./admin.ts";
import type { Configs } from "./configs.ts";
import { readReport, readView, type Report, type View } from "./report.ts";
import { reportMs } from "./reporter.ts";
import { Roster } from "./roster.ts";

/** The connection to the broker, as far as the fleet needs it. */
export interface OfficeBroker {
  /** Calls back after each connect, and at once if connected. @returns what ends it. */
  onUp(run: () => void): () => void;
  publish(subject: string, text: string): void;
  subscribe(subject: string, take: (message: OfficeMessage) => void): () => void;
  respond(message: OfficeMessage, text: string): void;
}

/** A message of the broker. */
export interface OfficeMessage {
  readonly subject: string;
  readonly text: string;
  readonly reply: string | undefined;
}

/** What it needs. */
export interface OfficeOptions {
  readonly broker: OfficeBroker;
  /** The first part of all subjects. */
  readonly prefix: string;
  /** The name of the relay. */
  readonly name: string;
  /** The desks that are expected, if they are known. */
  readonly desks: readonly string[];
  readonly configs: Configs;
  readonly timers: Timers;
  readonly log: Log;
}

/** How often a box is asked again for its views while somebody looks at them, in ms; each time it sends them for 30 s. */
const askMs = 15_000;

/** How much a box may report, of each kind: it reports once a minute and after changes. */
const maxMessages: Rate = { perSecond: 5, burst: 30 };

/** How many reports a second a relay asks for when it has none, and the longest time for all, in seconds. */
const [reportsPerSecond, longestSpread] = [500, 30];

/** The maximum number of desks whose views are kept. */
const maxViews = 100;

/** Collects what the boxes of a fleet report. */
export class Office {
  readonly roster: Roster;
  readonly #options: OfficeOptions;
  readonly #views = new Map<string, { asked: number; view: View | undefined }>();
  readonly #listeners = new Set<() => void>();
  readonly #maySend = rateLimit(maxMessages);
  /** When the last report came, in ms. */
  #heardAt = -Infinity;
  readonly #ends: readonly (() => void)[];

  constructor(options: OfficeOptions) {
    const { broker, prefix, desks, timers } = options;
    this.#options = options;
    this.roster = new Roster(() => timers.now(), desks);
    this.#ends = [
      broker.subscribe(`${prefix}.status.*`, (message) => this.#onReport(message)),
      broker.subscribe(`${prefix}.view.*`, (message) => this.#onView(message)),
      broker.subscribe(adminSubject(prefix, "status"), (message) => this.#onQuestion(message)),
      broker.subscribe(adminSubject(prefix, "config"), (message) => this.#onPush(message)),
      broker.onUp(() => this.#askAll()),
    ];
  }

  /** Calls back after each report and view. @returns what ends it. */
  follow(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  /** The latest view of a desk; asks the box for more while this is called. Undefined until the first arrives. */
  view(desk: string): View | undefined {
    const now = this.#options.timers.now();
    const known = this.#views.get(desk) ?? { asked: -Infinity, view: undefined };
    if (now - known.asked > askMs) {
      // After a pause the last view is old.
      if (now - known.asked > 2 * askMs) known.view = undefined;
      known.asked = now;
      this.#views.delete(desk);
      this.#views.set(desk, known);
      const [oldest] = this.#views.keys();
      if (this.#views.size > maxViews && oldest !== undefined) this.#views.delete(oldest);
      this.#options.broker.publish(`${this.#options.prefix}.desk.${desk}.view`, JSON.stringify({ v: 1 }));
    }
    return known.view;
  }

  stop(): void {
    for (const end of this.#ends) end();
  }

  /** Unless reports are coming in, no box is known, or not as it is now: all are asked, in time for the page of the fleet. */
  #askAll(): void {
    const { broker, prefix, desks, timers } = this.#options;
    if (timers.now() - this.#heardAt < reportMs) return;
    const seconds = Math.min(longestSpread, Math.max(1, Math.ceil(desks.length / reportsPerSecond)));
    broker.publish(`${prefix}.all.report`, JSON.stringify({ v: 1, seconds }));
  }

  #deskIn({ subject }: OfficeMessage, kind: "status" | "view"): string {
    return subject.slice(`${this.#options.prefix}.${kind}.`.length);
  }

  /** Whether this message is read: a stolen box must not keep the relay from the others. */
  #mayRead({ subject }: OfficeMessage): boolean {
    const { timers, log } = this.#options;
    const may = this.#maySend(subject, timers.now());
    if (!may) log.rarely(`flood ${subject}`).warning("A box reports too often: its reports are dropped", { subject });
    return may;
  }

  #onReport(message: OfficeMessage): void {
    if (!this.#mayRead(message)) return;
    const desk = this.#deskIn(message, "status");
    const report = readReport(message.text);
    if (!report || !/^\d{1,20}$/.test(desk) || !this.roster.heard(desk, report)) {
      return this.#options.log.rarely(`report ${desk}`).warning("A report was ignored: it is malformed, or the fleet is full", {
        desk,
      });
    }
    this.#heardAt = this.#options.timers.now();
    this.#handOut(desk, report);
    this.#changed();
  }

  #onView(message: OfficeMessage): void {
    const known = this.#views.get(this.#deskIn(message, "view"));
    if (!known || !this.#mayRead(message)) return;
    const view = readView(message.text);
    if (!view) return;
    known.view = view;
    this.#changed();
  }

  /** Sends a box its configuration, unless it has it, has refused it, or is the box of another desk. */
  #handOut(desk: string, { pushed }: Report): void {
    const { configs, broker, prefix } = this.#options;
    const config = configs.of(desk);
    if (!config || (pushed.version ?? 0) >= config.version || pushed.refused?.version === config.version) return;
    broker.publish(`${prefix}.desk.${desk}.config`, JSON.stringify(config));
  }

  #onQuestion(message: OfficeMessage): void {
    const question = readStatusQuestion(message.text);
    if (!question) return;
    const { from = 0 } = question;
    const answer: StatusAnswer = {
      v: 1,
      relay: this.#options.name,
      version,
      summary: this.roster.summary(),
      ...this.roster.page(question, from, pageSize),
    };
    this.#options.broker.respond(message, JSON.stringify(answer));
  }

  #onPush(message: OfficeMessage): void {
    const given = readBatch(message.text);
    if (!given) return;
    const { configs, log, name, broker } = this.#options;
    const refused = new Set<string>();
    let kept = 0;
    for (const config of given) {
      const why = configs.take(config);
      if (why === undefined) kept++;
      else refused.add(why);
    }
    log.info("The administrator has pushed configurations", { kept, refused: [...refused].join("; ") || undefined });
    const answer: PushAnswer = { v: 1, relay: name, kept, refused: [...refused].slice(0, 10) };
    broker.respond(message, JSON.stringify(answer));
    for (const { desk, report } of this.roster.all()) if (report) this.#handOut(desk, report);
  }

  #changed(): void {
    for (const changed of this.#listeners) changed();
  }
}
