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

interface Heard {
  readonly report: Report;
  readonly at: number;
}

/** The maximum number of desks that are not configured: every credential may report. */
const maxUnknown = 25_000;

/** The reports of all desks. */
export class Roster {
  readonly #now: () => number;
  /** By desk; undefined: configured, but never heard. */
  readonly #desks = new Map<string, Heard | undefined>();

  /** @param now steady ms. @param desks the desks that are expected, if they are known. */
  constructor(now: () => number, desks: readonly string[] = []) {
    this.#now = now;
    for (const desk of desks) this.#desks.set(desk, undefined);
  }

  /** Notes a report. @returns whether the desk is known, or was accepted. */
  heard(desk: string, report: Report): boolean {
    if (!this.#desks.has(desk) && this.#desks.size >= maxUnknown) return false;
    this.#desks.set(desk, { report, at: this.#now() });
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

  /** The desks that match: those in trouble first, then by number. */
  rows({ search = "", trouble = false }: RosterQuery = {}): FleetRow[] {
    const newest = this.#newestDesks();
    const rows = [...this.#desks].map(([desk, heard]) => this.#row(desk, heard, newest));
    const wanted = search.trim();
    return rows.filter((row) => (!trouble || isTrouble(row)) && (wanted === "" || matches(row, wanted)))
      .toSorted((a, b) => rank(a) - rank(b) || Number(a.desk) - Number(b.desk) || a.desk.localeCompare(b.desk));
  }

  /** All desks with their last reports, for the metrics. */
  *all(): Generator<{ readonly desk: string; readonly report: Report | undefined; readonly age: number }> {
    const now = this.#now();
    for (const [desk, heard] of this.#desks) yield { desk, report: heard?.report, age: heard ? now - heard.at : Infinity };
  }

  /** The fleet in numbers. */
  summary(): FleetSummary {
    const sum = { desks: 0, good: 0, warning: 0, failed: 0, silent: 0, agents: 0, calls: 0, waiting: 0 };
    const versions = new Map<string, number>();
    for (const { report, age } of this.all()) {
      const state = stateOf(report, age);
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

  /** By agent: the desk of the latest Register. */
  #newestDesks(): ReadonlyMap<string, string> {
    const newest = new Map<string, { readonly desk: string; readonly since: string }>();
    for (const [desk, heard] of this.#desks) {
      const { id, since = "" } = heard?.report.agent ?? {};
      if (id === undefined) continue;
      const before = newest.get(id);
      if (!before || before.since < since) newest.set(id, { desk, since });
    }
    return new Map([...newest].map(([agent, { desk }]) => [agent, desk]));
  }

  #row(desk: string, heard: Heard | undefined, newest: ReadonlyMap<string, string>): FleetRow {
    if (!heard) return { desk, state: "silent", trouble: "The box has not reported yet.", calls: 0, waiting: 0 };
    const { report, at } = heard;
    const age = this.#now() - at;
    const state = stateOf(report, age);
    const agent = report.agent?.id;
    const desksOfAgent = agent === undefined ? undefined : newest.get(agent);
    const movedTo = desksOfAgent === desk ? undefined : desksOfAgent;
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

/** The state of a desk by its last report. `age`: how old that is, in ms. */
export function stateOf(report: Report | undefined, age: number): FleetRow["state"] {
  if (!report || age > silentMs) return "silent";
  return report.ready ? worst(report.parts) : "failed";
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

function rank(row: FleetRow): number {
  return isTrouble(row) ? 0 : row.state === "warning" ? 1 : 2;
}

function matches({ desk, agent, version }: FleetRow, search: string): boolean {
  return desk.startsWith(search) || agent?.toLowerCase().startsWith(search.toLowerCase()) === true || version === search;
}
