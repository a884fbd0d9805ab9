/** The last refused callouts, for `telesetd status` and the doctor: the usual reason why an agent gets no events. */
import { ago } from "../core/count.ts";
import type { Callout, RefusedCallout } from "../core/crm.ts";
import { quoted } from "../core/number.ts";

/** A refused callout; the same one again is counted, not listed twice. */
export interface KnownRefusal extends RefusedCallout {
  /** When it was refused last, in ms. */
  readonly at: number;
  readonly times: number;
}

/**
 * The maximum number of refusals that are remembered, and for how long, in ms: a working day, so that none is missed.
 */
const maxRefusals = 20;
const maxAgeMs = 86_400_000;

/** Remembers refused callouts until they are executed after all. In memory only: after a restart UWQ sends them again. */
export class Refusals {
  /** By what identifies a repetition, the oldest first. */
  readonly #known = new Map<string, KnownRefusal>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A callout was refused. */
  note(refused: RefusedCallout): void {
    const { name, desk, from } = refused;
    const key = JSON.stringify([name, desk, from]);
    const times = (this.#known.get(key)?.times ?? 0) + 1;
    // Deleted first, so that the first of the map is the oldest.
    this.#known.delete(key);
    this.#known.set(key, { ...refused, at: this.#now(), times });
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxRefusals && oldest !== undefined) this.#known.delete(oldest);
  }

  /** A callout was executed: its refusals, for this desk or from this agent's PC, are history. */
  accepted({ name, desk, agent }: Callout, from: string): void {
    for (const [key, refused] of this.#known) {
      const isSame = refused.desk === desk || (refused.from === from && (refused.agent ?? agent) === agent);
      if (refused.name === name && isSame) this.#known.delete(key);
    }
  }

  /** The refusals of the last day, the newest first. */
  list(): KnownRefusal[] {
    const since = this.#now() - maxAgeMs;
    return [...this.#known.values()].filter(({ at }) => at >= since).reverse();
  }
}

/** A refused callout in `/status`. */
export interface RefusalStatus extends RefusedCallout {
  /** When it was refused last, in ISO 8601. */
  readonly at: string;
  readonly times: number;
}

/** The form for `/status`. */
export function refusalStatus({ at, ...refused }: KnownRefusal): RefusalStatus {
  return { ...refused, at: new Date(at).toISOString() };
}

/** `A Register for extension 9999 from 10.0.0.7 was refused 40 seconds ago: ...`; `now`: the wall clock in ms. */
export function refusalText({ name, desk, from, why, at, times }: RefusalStatus, now: number): string {
  const what = `${name === "Unregister" ? "An" : "A"} ${name ?? "callout"}${
    desk === undefined ? "" : ` for extension ${plain(desk)}`
  } from ${from}`;
  const when = `${ago(now - Date.parse(at))} ago`;
  const often = times > 1 ? `${times} times, the last time ${when}` : when;
  return `${what} was refused ${often}: ${why.replace(/^\w+ failed: /, "")}`;
}

/** What to do about a refusal, if its reason does not include that. */
export function refusalAdvice({ desk, agent }: RefusalStatus, served: readonly string[]): string | undefined {
  if (desk === undefined || served.includes(desk)) return undefined;
  const whose = agent === undefined ? "the agent" : `agent ${plain(agent)}`;
  return `Correct the extension of ${whose} in Oracle, or add ${plain(desk)} to desks in the configuration.`;
}

/** A value from outside, quoted unless it is a plain word. */
function plain(value: string): string {
  return /^[\w.@-]+$/.test(value) ? value : quoted(value);
}
