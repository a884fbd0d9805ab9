/** The log level of the running daemon: the configured one, or one that the administrator has set temporarily. */
import { type LogEntry, type LogLevel, logLevels, type RootLog } from "./log.ts";

/** The current level. */
export interface LevelState {
  readonly level: LogLevel;
  /** The level in the configuration. */
  readonly configured: LogLevel;
  /** When the configured level returns, in ISO 8601 and in seconds from now; absent without a time limit. */
  readonly until?: string;
  readonly seconds?: number;
}

/** The longest time for which a level can be set, in seconds: a week. */
export const maxLevelSeconds = 7 * 86_400;

/** Sets the level and restores the configured one. */
export class Levels {
  readonly #log: RootLog;
  readonly #configured: LogLevel;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the level ends, in ms: on the wall clock, to display, and on the steady clock, to count. */
  #end: { readonly at: number; readonly steady: number } | undefined;

  constructor(log: RootLog, configured: LogLevel) {
    this.#log = log;
    this.#configured = configured;
  }

  /** Returns the current level. */
  state(): LevelState {
    const configured = this.#configured;
    const level = this.#log.level();
    if (this.#end === undefined) return { level, configured };
    const seconds = Math.max(0, Math.ceil((this.#end.steady - performance.now()) / 1000));
    return { level, configured, until: new Date(this.#end.at).toISOString(), seconds };
  }

  /**
   * Sets the level, for a number of seconds or until the daemon ends.
   * @param seconds above 0, at most `maxLevelSeconds`.
   */
  set(level: LogLevel, seconds?: number): LevelState {
    this.#forget();
    this.#log.setLevel(level);
    if (seconds === undefined) {
      this.#log.notice("Log level changed until the daemon restarts", { level });
    } else {
      const ms = seconds * 1000;
      this.#end = { at: Date.now() + ms, steady: performance.now() + ms };
      this.#timer = setTimeout(() => this.#back(), ms);
      this.#timer.unref();
      this.#log.notice("Log level changed temporarily", { level, seconds, then: this.#configured });
    }
    return this.state();
  }

  /** Passes every entry of the log to `take`, whatever the level, until the returned function is called. */
  follow(take: (entry: LogEntry) => void): () => void {
    return this.#log.follow(take);
  }

  #back(): void {
    this.#forget();
    this.#log.setLevel(this.#configured);
    this.#log.notice("Log level restored to the configured one", { level: this.#configured });
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end = undefined;
  }
}

/** Reads the parameters of `POST /log`; returns the level and seconds, or an error sentence. */
export function readLevel(
  level: string | undefined,
  seconds: string | undefined,
): { readonly level: LogLevel; readonly seconds?: number } | string {
  const known = logLevels.find((name) => name === level);
  if (known === undefined) {
    return `Unknown log level ${JSON.stringify((level ?? "").slice(0, 40))}: expected ${logLevels.slice(0, -1).join(", ")} or ${
      logLevels.at(-1)
    }`;
  }
  if (seconds === undefined) return { level: known };
  const time = /^\d{1,9}$/.test(seconds) ? Number(seconds) : 0;
  if (time < 1 || time > maxLevelSeconds) {
    return `A log level cannot be set for ${JSON.stringify(seconds.slice(0, 40))} s: expected 1 to ${maxLevelSeconds}`;
  }
  return { level: known, seconds: time };
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads a duration such as `30s`, `10m`, `2h` or `1d`; returns seconds, or an error sentence. */
export function readDuration(text: string): number | string {
  const [, digits, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = digits === undefined ? 0 : Number(digits) * (units[unit] ?? 0);
  if (seconds >= 1 && seconds <= maxLevelSeconds) return seconds;
  return `Invalid duration ${
    JSON.stringify(text.slice(0, 40))
  }: expected a number followed by s, m, h or d (for example 10m), at most 7d`;
}
