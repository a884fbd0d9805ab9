/** The state of everything while it changes, for `telesetd watch`. */
import type { ShownCall } from "../history/calls.ts";
import type { LiveCall } from "./calls.ts";
import type { Status } from "./status.ts";

/** Everything that is shown. */
export interface WatchedState {
  /** When (ISO 8601). */
  readonly at: string;
  readonly status: Status;
  /** The calls in progress. */
  readonly calls: readonly LiveCall[];
  /** The last calls that have ended, the newest first. */
  readonly ended: readonly ShownCall[];
}

/** How many ended calls are shown, and how many calls are read for them. */
const maxEnded = 10;
const maxRead = 100;

/** The state now. */
export function watchedState(status: Status, calls: readonly LiveCall[], history: Iterable<readonly ShownCall[]>): WatchedState {
  const ended: ShownCall[] = [];
  let read = 0;
  for (const page of history) {
    ended.push(...page.filter(({ end }) => end !== undefined));
    read += page.length;
    if (ended.length >= maxEnded || read >= maxRead) break;
  }
  return { at: new Date().toISOString(), status, calls, ended: ended.slice(0, maxEnded) };
}

/** The pause between a change and its report, between two reports, and the longest silence, in ms. */
const firstMs = 30;
const pauseMs = 150;
const beatMs = 2000;

/** The part of the time that reports may take: one in this many. */
const maxShare = 40;

/**
 * Sends the state at once, soon after each change, and regularly, because ages change too. Never more often than the daemon can
 * afford. @returns what ends it.
 */
export function watching({ state, follow, send }: {
  readonly state: () => unknown;
  readonly follow: (changed: () => void) => () => void;
  readonly send: (state: unknown) => void;
}): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let next = 0;
  const report = (): void => {
    timer = undefined;
    const before = performance.now();
    send(state());
    const after = performance.now();
    next = after + Math.max(pauseMs, (after - before) * maxShare);
  };
  const soon = (): void => void (timer ??= setTimeout(report, Math.max(firstMs, next - performance.now())));
  const leave = follow(soon);
  const beat = setInterval(soon, beatMs);
  soon();
  return () => {
    leave();
    clearTimeout(timer);
    clearInterval(beat);
  };
}
