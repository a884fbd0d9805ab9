/** A box in its fleet: it reports, and passes on the settings that arrive. */
import type { FleetLink } from "../core/line.ts";
import type { PageSource } from "../page/source.ts";
import type { PushedStatus } from "../status/status.ts";
import { type ReporterOptions, startReporter } from "./reporter.ts";

/** The settings that the administrator of the fleet pushes, and the file that they are laid over. */
export interface PushedSettings {
  readonly state: PushedStatus;
  /** The fingerprint of the file alone. */
  readonly own: string;
  /** Takes a message with settings. */
  offer(text: string): void;
  /** Calls back when the state has changed. @returns what ends it. */
  onChange(changed: () => void): () => void;
}

/** What it needs. */
export interface BoxOptions extends Pick<ReporterOptions, "desks" | "status" | "timers"> {
  readonly view: Pick<PageSource, "liveCalls" | "follow">;
  /** Absent: settings are ignored. */
  readonly pushed: PushedSettings | undefined;
}

/** Joins the fleet. @returns what leaves it. */
export function joinFleet(link: FleetLink, { view, pushed, ...options }: BoxOptions): () => void {
  const { changed, stop } = startReporter({
    ...options,
    link,
    liveCalls: () => view.liveCalls(),
    follow: (changed) => view.follow(changed),
    now: Date.now,
  });
  const ends = pushed ? [pushed.onChange(changed), link.follow("config", (_, text) => pushed.offer(text))] : [];
  return () => {
    for (const end of ends) end();
    stop();
  };
}
