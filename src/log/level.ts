/** The log's level while the daemon runs: what the configuration says, or, for a while, what the administrator wants to see. */
import { type LogLevel, logLevels, type RootLog } from "./log.ts";

/** What holds now. */
export interface LevelState {
  readonly level: LogLevel;
  /** What the configuration says. */
  readonly configured: LogLevel;
  /** When the configured level comes back, ISO 8601, and in how many seconds; absent when no time was given. */
  readonly until?: string;
  readonly seconds?: number;
}

/** The longest time that a level can be set for, in seconds: a week. */
export const longestLevel = 7 * 86_400;

/**
 * The level and its way back. A level that was set with a duration outlives a reload of the configuration, for whoever
 * traces a box may be changing it; one without ends with it.
 */
export class Levels {
  readonly #log: RootLog;
  #configured: LogLevel;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Wall clock and steady clock of the end, in ms: one to show, one to count with. */
  #end: { readonly at: number; readonly steady: number } | undefined;

  constructor(log: RootLog, configured: LogLevel) {
    this.#log = log;
    this.#configured = configured;
  }

  /** What holds now. */
  state(): LevelState {
    const configured = this.#configured;
    const level = this.#log.level();
    if (this.#end === undefined) return { level, configured };
    const seconds = Math.max(0, Math.ceil((this.#end.steady - performance.now()) / 1000));
    return { level, configured, until: new Date(this.#end.at).toISOString(), seconds };
  }

  /**
   * Sets the level, for so many seconds or until the configuration is read again.
   * @param seconds above 0, at most `longestLevel`.
   */
  set(level: LogLevel, seconds?: number): LevelState {
    this.#forget();
    this.#log.setLevel(level);
    if (seconds === undefined) {
      this.#log.notice("The log level is changed, until the configuration is read again", { level });
    } else {
      const ms = seconds * 1000;
      this.#end = { at: Date.now() + ms, steady: performance.now() + ms };
      this.#timer = setTimeout(() => this.#back(), ms);
      this.#timer.unref();
      this.#log.notice("The log level is changed for a while", { level, seconds, then: this.#configured });
    }
    return this.state();
  }

  /** The configuration was read again. */
  configure(level: LogLevel): void {
    this.#configured = level;
    if (this.#end === undefined) this.#log.setLevel(level);
  }

  #back(): void {
    this.#forget();
    this.#log.setLevel(this.#configured);
    this.#log.notice("The log level is as configured again", { level: this.#configured });
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end = undefined;
  }
}

/** Reads what `POST /log` asks for: the level and seconds, or what is wrong, in words. */
export function wantedLevel(
  level: string | undefined,
  seconds: string | undefined,
): { readonly level: LogLevel; readonly seconds?: number } | string {
  const known = logLevels.find((one) => one === level);
  if (known === undefined) {
    return `There is no log level ${JSON.stringify((level ?? "").slice(0, 40))}: expected ${
      logLevels.slice(0, -1).join(", ")
    } or ${logLevels.at(-1)}`;
  }
  if (seconds === undefined) return { level: known };
  const time = /^\d{1,9}$/.test(seconds) ? Number(seconds) : 0;
  if (time < 1 || time > longestLevel) {
    return `A log level cannot be set for ${JSON.stringify(seconds.slice(0, 40))} s: expected 1 to ${longestLevel}`;
  }
  return { level: known, seconds: time };
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A duration such as `30s`, `10m`, `2h`, `1d` in seconds, or what is wrong with it, in words. */
export function readDuration(text: string): number | string {
  const [, digits, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = digits === undefined ? 0 : Number(digits) * (units[unit] ?? 0);
  if (seconds >= 1 && seconds <= longestLevel) return seconds;
  return `Invalid duration ${
    JSON.stringify(text.slice(0, 40))
  }: expected a number followed by s, m, h or d (for example 10m), at most 7d`;
}
