/** What the boxes of a fleet have reported: the state of each desk, and at which desk an agent is. Times in steady ms. */
import { ago } from "../core/count.ts";
import { omitUndefined } from "../core/omit-undefined.ts";
import { type PartState, worst } from "../status/health.ts";
import type { Report } from "./report.ts";

/** How long a box may be silent, in ms: two reports may be lost. */
export const silentMs = 150_000;

/** A desk on one line. */
export interface FleetRow {
  readonly desk: string;
  /** `silent`: the box has not reported for too long, or never. */
  readonly state: PartState | "silent";
  /** What is wrong, as a sentence; absent if nothing is. */
  readonly trouble?: string;
  /** The registered agent. */
  readonly agent?: string;
  /** The desk at which this agent has registered since. */
  readonly movedTo?: string;
  readonly version?: string;
  readonly slot?: string;
  /** The pushed configuration in force, and the one that was refused. */
  readonly pushed?: number;
  readonly refused?: { readonly version: number; readonly why: string };
  /** How long ago the box reported, in seconds; absent if never. */
  readonly heardSeconds?: number;
  readonly calls: number;
  readonly waiting: number;
  readonly oldestSeconds?: number;
}

/** The fleet in numbers. */
export interface FleetSummary {
  readonly desks: number;
  readonly good: number;
  readonly warning: number;
  readonly failed: number;
  readonly silent: number;
  /** Desks with a registered agent. */
  readonly agents: number;
  readonly calls: number;
  readonly waiting: number;
  /** Desks by version of telesetd. */
  readonly versions: Readonly<Record<string, number>>;
}

/** Which desks are listed. */
export interface RosterQuery {
  /** The beginning of a desk, an agent, or a version. */
  readonly search?: string | undefined;
  /** Only those with trouble. */
  readonly trouble?: boolean | undefined;
}

/** A part of the list. */
export interface RosterPage {
  readonly rows: readonly FleetRow[];
  /** How many follow. */
  readonly more: number;
}

interface Heard {
  readonly report: Report;
  readonly at: number;
  /** The state while the box is not silent. */
  readonly state: PartState;
}

/** The maximum number of desks that are not configured: every credential may report. */
const maxUnknown = 25_000;

/** The reports of all desks. Sums and lists of thousands of desks must not delay their calls: each report is looked at once. */
export class Roster {
  readonly #now: () => number;
  /** By desk; undefined: configured, but never heard. */
  readonly #desks = new Map<string, Heard | undefined>();
  /** The desks in the order of their numbers; undefined after a new one. */
  #ordered: readonly string[] | undefined;
  /** By agent: since when it is registered at which desks (ISO 8601), and the desk of the latest Register. */
  readonly #agents = new Map<string, { readonly since: Map<string, string>; latest: string }>();

  /** @param now steady ms. @param desks the desks that are expected, if they are known. */
  constructor(now: () => number, desks: readonly string[] = []) {
    this.#now = now;
    for (const desk of desks) this.#desks.set(desk, undefined);
  }

  /** Notes a report. @returns whether the desk is known, or was accepted. */
  heard(desk: string, report: Report): boolean {
    const before = this.#desks.get(desk);
    if (!this.#desks.has(desk)) {
      if (this.#desks.size >= maxUnknown) return false;
      this.#ordered = undefined;
    }
    this.#desks.set(desk, { report, at: this.#now(), state: report.ready ? worst(report.parts) : "failed" });
    this.#move(desk, before?.report.agent, report.agent);
    return true;
  }

  /** The last report of a desk, and how long ago it came, in ms. */
  find(desk: string): { readonly report: Report; readonly age: number } | undefined {
    const heard = this.#desks.get(desk);
    return heard && { report: heard.report, age: this.#now() - heard.at };
  }

  /** Whether the desk is configured, or has reported. */
  has(desk: string): boolean {
    return this.#desks.has(desk);
  }

  /** The desks that match: those in trouble first, then those with a warning, each by number. */
  page({ search = "", trouble = false }: RosterQuery, from: number, size: number): RosterPage {
    const wanted = search.trim().toLowerCase();
    const now = this.#now();
    const ranks: string[][] = [[], [], []];
    for (const desk of this.#inOrder()) {
      const heard = this.#desks.get(desk);
      if (wanted !== "" && !matches(desk, heard?.report, wanted)) continue;
      ranks[rank(stateAt(heard, now), heard?.report)]?.push(desk);
    }
    const found = trouble ? ranks[0] ?? [] : ranks.flat();
    const rows = found.slice(from, from + size).map((desk) => this.#row(desk, now));
    return { rows, more: Math.max(0, found.length - from - size) };
  }

  /** All desks with their states and last reports, for the metrics. */
  *all(): Generator<{ readonly desk: string; readonly report: Report | undefined; readonly state: FleetRow["state"] }> {
    const now = this.#now();
    for (const [desk, heard] of this.#desks) yield { desk, report: heard?.report, state: stateAt(heard, now) };
  }

  /** The fleet in numbers. */
  summary(): FleetSummary {
    const sum = { desks: 0, good: 0, warning: 0, failed: 0, silent: 0, agents: 0, calls: 0, waiting: 0 };
    const versions = new Map<string, number>();
    for (const { report, state } of this.all()) {
      sum.desks++;
      sum[state === "idle" ? "good" : state]++;
      if (!report) continue;
      if (report.agent) sum.agents++;
      sum.calls += report.calls;
      sum.waiting += report.outbox.waiting;
      versions.set(report.version, (versions.get(report.version) ?? 0) + 1);
    }
    return { ...sum, versions: Object.fromEntries([...versions].toSorted(([a], [b]) => a.localeCompare(b))) };
  }

  #inOrder(): readonly string[] {
    return this.#ordered ??= [...this.#desks.keys()].toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  }

  /** An agent registers at a desk, or leaves it. */
  #move(desk: string, before: Report["agent"], after: Report["agent"]): void {
    const left = before && before.id !== after?.id ? this.#agents.get(before.id) : undefined;
    if (before && left) {
      left.since.delete(desk);
      if (left.since.size === 0) this.#agents.delete(before.id);
      else if (left.latest === desk) left.latest = latestOf(left.since);
    }
    if (!after) return;
    const places = this.#agents.get(after.id) ?? { since: new Map<string, string>(), latest: desk };
    places.since.set(desk, after.since ?? "");
    if ((after.since ?? "") > (places.since.get(places.latest) ?? "")) places.latest = desk;
    this.#agents.set(after.id, places);
  }

  #row(desk: string, now: number): FleetRow {
    const heard = this.#desks.get(desk);
    if (!heard) return { desk, state: "silent", trouble: "The box has not reported yet.", calls: 0, waiting: 0 };
    const { report, at } = heard;
    const age = now - at;
    const state = stateAt(heard, now);
    const agent = report.agent?.id;
    const latest = agent === undefined ? undefined : this.#agents.get(agent)?.latest;
    const movedTo = latest === desk ? undefined : latest;
    return {
      desk,
      state,
      ...omitUndefined({
        trouble: troubleOf(report, state, age),
        agent,
        movedTo,
        slot: report.slot,
        pushed: report.pushed.version,
        refused: report.pushed.refused,
        oldestSeconds: report.outbox.oldestSeconds,
      }),
      version: report.version,
      heardSeconds: Math.round(age / 1000),
      calls: report.calls,
      waiting: report.outbox.waiting,
    };
  }
}

function latestOf(since: ReadonlyMap<string, string>): string {
  return [...since].reduce((last, place) => place[1] > last[1] ? place : last)[0];
}

function stateAt(heard: Heard | undefined, now: number): FleetRow["state"] {
  return heard && now - heard.at <= silentMs ? heard.state : "silent";
}

function troubleOf(report: Report, state: FleetRow["state"], age: number): string | undefined {
  if (state === "silent") return `The box has not reported for ${ago(age)}: is it on, and connected?`;
  const wrong = ["failed", "warning"].flatMap((bad) => report.parts.filter((part) => part.state === bad));
  if (wrong[0]) return `${wrong[0].name}: ${wrong[0].message}`;
  return state === "failed" ? "The box is not ready." : undefined;
}

/** Whether a desk needs somebody: nobody at a desk is a warning that every empty desk has, and does not count. */
export function isTrouble({ state, refused }: FleetRow): boolean {
  return state === "failed" || state === "silent" || refused !== undefined;
}

function rank(state: FleetRow["state"], report: Report | undefined): 0 | 1 | 2 {
  if (state === "failed" || state === "silent" || report?.pushed.refused !== undefined) return 0;
  return state === "warning" ? 1 : 2;
}

function matches(desk: string, report: Report | undefined, search: string): boolean {
  return desk.startsWith(search) || report?.agent?.id.toLowerCase().startsWith(search) === true || report?.version === search;
}
