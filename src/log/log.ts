/**
 * The log for journald, one line per entry: priority prefix `<N>` (sd-daemon(3)), a sentence, then `key=value` pairs
 * (logfmt). Control characters never reach the journal; callers never pass secrets.
 */
import { fstatSync } from "node:fs";

/** From quiet to verbose; `trace` shows each protocol message in full, with passwords hidden. */
export const logLevels = ["error", "warning", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** The `key=value` pairs of an entry. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A logger; `with` returns one that adds fields to every entry. */
export interface Log {
  error(text: string, fields?: LogFields): void;
  warning(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  debug(text: string, fields?: LogFields): void;
  trace(text: string, fields?: LogFields): void;
  /** Whether anybody reads trace lines; check it before building a costly text. */
  tracing(): boolean;
  with(fields: LogFields): Log;
  /**
   * For frequent entries, which must not wear out the flash: at most `times` lines per key and hour are written, default 1;
   * the first of the next hour has the number of omitted lines, as `repeated`. From debug on every line is written.
   */
  rarely(key: string, times?: number): Log;
}

const priority: Record<LogLevel, number> = { error: 3, warning: 4, info: 6, debug: 7, trace: 7 };

/** A log whose level can be changed. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
  level(): LogLevel;
  /** Written at every level, for example a change of the level; journald's priority is `notice`. */
  notice(text: string, fields?: LogFields): void;
  /** Passes every entry to `take`, whatever the level, until the returned function is called. */
  follow(take: (entry: LogEntry) => void): () => void;
}

/** An entry before it becomes a line: with customers' numbers, without secrets. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: LogFields;
}

/** Optional parts of a log. */
export interface LogOptions {
  /** Steady clock in ms; default: since the process start. */
  readonly now?: () => number;
  /** Counts each written line. */
  readonly counted?: (level: LogLevel) => void;
}

/** How long the lines of a key are counted, in ms, and the maximum number of keys remembered. */
const rarelyMs = 3_600_000;
const maxRareKeys = 512;

/** Fields that never contain a customer's number, and are not masked. */
const unmasked = new Set(["desk", "call", "leg", "agent"]);

/** Opens a log that passes each finished line to `write`; `prefix` adds the priority for journald. */
export function openLog(
  write: (line: string) => void,
  level: LogLevel,
  prefix: boolean,
  { now = () => performance.now(), counted = () => {} }: LogOptions = {},
): RootLog {
  let threshold = logLevels.indexOf(level);
  const repeats = new Repeats(now);
  const followers = new Set<(entry: LogEntry) => void>();
  const put = (at: number, mark: string, text: string, fields: readonly LogFields[]): void => {
    const mask = at < logLevels.indexOf("trace") ? masked : (line: string): string => line;
    write(`${mark}${mask(escaped(text))}${pairs(Object.assign({}, ...fields), mask)}`);
  };
  const make = (bound: LogFields): Log => {
    const at = (level: LogLevel) => {
      const rank = logLevels.indexOf(level);
      const mark = prefix ? `<${priority[level]}>` : `${level.padEnd(7)} `;
      return (text: string, fields: LogFields = {}): void => {
        for (const take of followers) take({ level, text, fields: { ...bound, ...fields } });
        if (rank > threshold) return;
        counted(level);
        put(rank, mark, text, [bound, fields]);
      };
    };
    const log: Log = {
      error: at("error"),
      warning: at("warning"),
      info: at("info"),
      debug: at("debug"),
      trace: at("trace"),
      tracing: () => threshold >= logLevels.indexOf("trace") || followers.size > 0,
      with: (fields) => make({ ...bound, ...fields }),
      rarely: (key, times = 1) => {
        if (threshold >= logLevels.indexOf("debug")) return log;
        const repeated = repeats.omittedSince(key, times);
        if (repeated === undefined) return silent;
        return repeated === 0 ? log : make({ ...bound, repeated });
      },
    };
    return log;
  };
  return {
    ...make({}),
    setLevel: (to) => {
      threshold = logLevels.indexOf(to);
    },
    level: () => logLevels[threshold] ?? "info",
    follow: (take) => {
      followers.add(take);
      return () => void followers.delete(take);
    },
    notice: (text, fields = {}) => put(0, prefix ? "<5>" : "notice  ", text, [fields]),
  };
}

const nothing = (): void => {};
const silent: Log = {
  error: nothing,
  warning: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  tracing: () => false,
  with: () => silent,
  rarely: () => silent,
};

/** Counts the written and omitted lines of each key. */
class Repeats {
  readonly #keys = new Map<string, { since: number; seen: number; omitted: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns the number of lines omitted before this one; undefined if this one must be omitted too. */
  omittedSince(key: string, times: number): number | undefined {
    const now = this.#now();
    const known = this.#keys.get(key);
    if (known && now - known.since < rarelyMs) {
      known.seen += 1;
      if (known.seen <= times) return 0;
      known.omitted += 1;
      return undefined;
    }
    // Deleted first, so that the first key of the map is the oldest.
    this.#keys.delete(key);
    this.#keys.set(key, { since: now, seen: 1, omitted: 0 });
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > maxRareKeys && oldest !== undefined) this.#keys.delete(oldest);
    return known?.omitted ?? 0;
  }
}

/**
 * Whether standard error goes to the journal: JOURNAL_STREAM (systemd.exec(5)) contains the device and inode of systemd's
 * socket. A child process may inherit the variable but write to a file or a terminal, without priorities.
 */
export function isJournal(stream: string | undefined, fd = 2): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Prefixes each line with the priority `error` for journald, unless it already has a priority. */
export function marked(text: string): string {
  return text.replace(/^(?!<\d>)(?=.)/gm, `<${priority.error}>`);
}

/** The other party of a call: only the last four digits of a customer's number, however it is written. */
export function maskedIdentity(identity: string): string {
  const digits = identity.replace(/\D/g, "");
  return digits.length < 7 ? identity : `...${digits.slice(-4)}`;
}

/** Masks customers' numbers, of which only the last four digits are logged below trace. */
export function masked(text: string): string {
  const line = text.replace(/(\\?")\+?[\d ().\/-]{3,}(\d{4})(\\?")/g, "$1...$2$3");
  return line.replace(/(?<![0-9A-Za-z_-])\+?\d{3,}(\d{4})(?![0-9A-Za-z_-])/g, "...$1");
}

/** Escapes characters that would break the line or the terminal. */
export function escaped(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what is escaped here
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function pairs(fields: LogFields, mask: (text: string) => string): string {
  let out = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = escaped(String(value));
    const shown = /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
    out += ` ${key}=${unmasked.has(key) ? shown : mask(shown)}`;
  }
  return out;
}
