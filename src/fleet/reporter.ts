/** The box's side: reports about its desks to the relays, and their live view while somebody looks at the page of the fleet. */
import type { FleetLink } from "../core/line.ts";
import type { Timers } from "../platform/timers.ts";
import type { LiveCall } from "../status/calls.ts";
import type { Status } from "../status/status.ts";
import { essence, reportOf, reportText, viewOf, viewText } from "./report.ts";

/** What it needs. */
export interface ReporterOptions {
  readonly link: FleetLink;
  readonly desks: readonly string[];
  readonly status: () => Status;
  /** The calls in progress, their numbers masked. */
  readonly liveCalls: () => readonly LiveCall[];
  /** Calls back after each change of a desk or of the outbox. */
  readonly follow: (changed: () => void) => () => void;
  readonly timers: Timers;
  /** The wall clock in ms. */
  readonly now: () => number;
}

/** How often a report is due, and how soon after a change, in ms. */
export const reportMs = 60_000;
const changeMs = 1000;

/** Within how many seconds a report is due that a relay asks for: without a time in the question, and at most. */
const [usualSpread, longestSpread] = [10, 60];

/** The pause between two views, and how long a request for them lasts, in ms. */
const viewMs = 500;
const viewLastsMs = 30_000;

/** Starts reporting. @returns what to call after a change of `pushed`, and what ends it. */
export function startReporter(options: ReporterOptions): { readonly changed: () => void; readonly stop: () => void } {
  const { link, desks, timers, follow } = options;
  const sent = new Map<string, string>();
  let cancelSoon: (() => void) | undefined;
  let cancelBeat = () => {};
  const all = (): void => {
    cancelBeat();
    // Not all boxes at once after a restart of the broker.
    cancelBeat = timers.after(reportMs * (0.9 + 0.1 * timers.random()), all);
    for (const desk of desks) report(options, desk, sent, true);
  };
  const changed = (): void => {
    cancelSoon ??= timers.after(changeMs, () => {
      cancelSoon = undefined;
      for (const desk of desks) report(options, desk, sent, false);
    });
  };
  let cancelAsked: (() => void) | undefined;
  // All boxes are asked at once, and must not all answer at once.
  const asked = (text: string): void => {
    cancelAsked ??= timers.after(spreadIn(text) * 1000 * timers.random(), () => {
      cancelAsked = undefined;
      all();
    });
  };
  const views = new Views(options);
  const ends = [
    link.onUp(all),
    link.onAsked(asked),
    follow(() => {
      changed();
      views.changed();
    }),
    link.follow("view", (desk) => views.asked(desk)),
  ];
  return {
    changed,
    stop: () => {
      for (const end of ends) end();
      cancelSoon?.();
      cancelAsked?.();
      cancelBeat();
      views.stop();
    },
  };
}

/** The seconds in the question of a relay. */
function spreadIn(text: string): number {
  const { seconds } = questionIn(text);
  return typeof seconds === "number" && seconds >= 0 && seconds <= longestSpread ? seconds : usualSpread;
}

function questionIn(text: string): { readonly seconds?: unknown } {
  try {
    return JSON.parse(text) as { seconds?: unknown } | null ?? {};
  } catch {
    return {};
  }
}

/** Sends the report about a desk; unless `always`, only one that differs from the last. */
function report(
  { status, now, link }: ReporterOptions,
  desk: string,
  sent: Map<string, string>,
  always: boolean,
): void {
  const made = reportOf(status(), desk, now());
  if (!made) return;
  const shown = essence(made);
  if (!always && sent.get(desk) === shown) return;
  sent.set(desk, shown);
  link.publish("status", desk, reportText(made));
}

/** The live views of desks that somebody looks at. */
class Views {
  readonly #options: ReporterOptions;
  /** By desk: until when, in ms of the timers. */
  readonly #until = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** A relay asks for the views of a desk: the first at once. */
  asked(desk: string): void {
    const { desks, timers } = this.#options;
    if (!desks.includes(desk)) return;
    this.#until.set(desk, timers.now() + viewLastsMs);
    this.#send(desk);
  }

  changed(): void {
    if (this.#until.size === 0) return;
    this.#cancel ??= this.#options.timers.after(viewMs, () => {
      this.#cancel = undefined;
      for (const [desk, until] of this.#until) {
        if (until < this.#options.timers.now()) this.#until.delete(desk);
        else this.#send(desk);
      }
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#until.clear();
  }

  #send(desk: string): void {
    const { status, liveCalls, now, link } = this.#options;
    const report = reportOf(status(), desk, now());
    if (report) link.publish("view", desk, viewText(viewOf(report, liveCalls(), desk)));
  }
}
