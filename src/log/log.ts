/**
 * The log: one line a fact, for journald. Priority prefix `<N>` (sd-daemon(3)), then a sentence, then `key=value` pairs
 * (logfmt). Control characters never reach the journal; secrets are never passed in.
 */
import { fstatSync } from "node:fs";

/** From quiet to chatty; `trace` shows each wire message whole, passwords hidden. */
export const logLevels = ["error", "warning", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Facts that go with a sentence. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** What every part gets to write with; `with` adds fields to all that follows. */
export interface Log {
  error(text: string, fields?: LogFields): void;
  warning(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  debug(text: string, fields?: LogFields): void;
  trace(text: string, fields?: LogFields): void;
  /** Whether trace lines are written, for those who would have to build a costly text. */
  tracing(): boolean;
  with(fields: LogFields): Log;
  /**
   * For what may happen again and again and must not wear out the flash: lines of the same key are written `times` in an
   * hour, default once; the next hour's first says how many were not, as `repeated`. From debug on every line is written.
   */
  rarely(key: string, times?: number): Log;
}

const priority: Record<LogLevel, number> = { error: 3, warning: 4, info: 6, debug: 7, trace: 7 };

/** A log whose level can be changed while it runs. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
  level(): LogLevel;
  /** Written at every level, such as a change of the level itself; journald's priority is `notice`. */
  notice(text: string, fields?: LogFields): void;
}

/** What a log may be given besides. */
export interface LogOptions {
  /** Steady ms; default: those since the start. */
  readonly now?: () => number;
  /** Hears of each line that is written. */
  readonly counted?: (level: LogLevel) => void;
}

/** How long a key counts, in ms, and how many are remembered. */
const rarelyFor = 3_600_000;
const remembered = 512;

/** Fields that name what the line is about, in our own words: never a customer's number. */
const ours = new Set(["desk", "call", "leg", "agent"]);

/** Opens a log that hands each finished line to `write`; `prefix` adds the priority that journald reads. */
export function openLog(
  write: (line: string) => void,
  level: LogLevel,
  prefix: boolean,
  { now = () => performance.now(), counted = () => {} }: LogOptions = {},
): RootLog {
  let threshold = logLevels.indexOf(level);
  const spared = new Spared(now);
  const put = (at: number, mark: string, text: string, fields: readonly LogFields[]): void => {
    const mask = at < logLevels.indexOf("trace") ? masked : (line: string): string => line;
    write(`${mark}${mask(tame(text))}${pairs(Object.assign({}, ...fields), mask)}`);
  };
  const make = (bound: LogFields): Log => {
    const at = (level: LogLevel) => {
      const rank = logLevels.indexOf(level);
      const mark = prefix ? `<${priority[level]}>` : `${level.padEnd(7)} `;
      return (text: string, fields: LogFields = {}): void => {
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
      tracing: () => threshold >= logLevels.indexOf("trace"),
      with: (fields) => make({ ...bound, ...fields }),
      rarely: (key, times = 1) => {
        if (threshold >= logLevels.indexOf("debug")) return log;
        const repeated = spared.since(key, times);
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

/** What has been said of late, and how often it was not said again. */
class Spared {
  readonly #keys = new Map<string, { since: number; said: number; unsaid: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many lines were left out before this one; nothing when this one is to be left out too. */
  since(key: string, times: number): number | undefined {
    const now = this.#now();
    const known = this.#keys.get(key);
    if (known && now - known.since < rarelyFor) {
      known.said += 1;
      if (known.said <= times) return 0;
      known.unsaid += 1;
      return undefined;
    }
    // Deleted first, so that the first of the map is the oldest.
    this.#keys.delete(key);
    this.#keys.set(key, { since: now, said: 1, unsaid: 0 });
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > remembered && oldest !== undefined) this.#keys.delete(oldest);
    return known?.unsaid ?? 0;
  }
}

/**
 * Whether standard error goes to the journal: JOURNAL_STREAM (systemd.exec(5)) names the device and inode of the socket that
 * systemd made; what inherited the variable but writes to a file or a terminal wants no priorities.
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

/** What a command says of failures, for journald: each line has the priority `error`, unless it has one of its own. */
export function marked(text: string): string {
  return text.replace(/^(?!<\d>)(?=.)/gm, `<${priority.error}>`);
}

/** Customers' numbers are nobody's business but the CRM's: below trace only their last four digits are written. */
function masked(text: string): string {
  const line = text.replace(/(\\?")\+?[\d ().\/-]{3,}(\d{4})(\\?")/g, "$1...$2$3");
  return line.replace(/(?<![0-9A-Za-z_-])\+?\d{3,}(\d{4})(?![0-9A-Za-z_-])/g, "...$1");
}

/** Escapes what would break the line or the terminal. */
function tame(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are exactly what is escaped here
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function pairs(fields: LogFields, mask: (text: string) => string): string {
  let out = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = tame(String(value));
    const shown = /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
    out += ` ${key}=${ours.has(key) ? shown : mask(shown)}`;
  }
  return out;
}
