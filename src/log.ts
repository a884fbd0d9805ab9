/**
 * The log: one line a fact, for journald. Priority prefix `<N>` (sd-daemon(3)), then a sentence, then `key=value` pairs
 * (logfmt). Control characters never reach the journal; secrets are never passed in.
 */

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
}

const priority: Record<LogLevel, number> = { error: 3, warning: 4, info: 6, debug: 7, trace: 7 };

/** A log whose level can be changed while it runs. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
  level(): LogLevel;
}

/** Opens a log that hands each finished line to `write`; `prefix` adds the priority that journald reads. */
export function openLog(write: (line: string) => void, level: LogLevel, prefix: boolean): RootLog {
  let threshold = logLevels.indexOf(level);
  const put = (at: LogLevel, text: string, fields: LogFields): void => {
    if (logLevels.indexOf(at) > threshold) return;
    const mark = prefix ? `<${priority[at]}>` : `${at.padEnd(7)} `;
    const line = `${tame(text)}${pairs(fields)}`;
    write(`${mark}${at === "trace" ? line : masked(line)}`);
  };
  const make = (bound: LogFields): Log => {
    const at = (level: LogLevel) => (text: string, fields: LogFields = {}) => put(level, text, { ...bound, ...fields });
    return {
      error: at("error"),
      warning: at("warning"),
      info: at("info"),
      debug: at("debug"),
      trace: at("trace"),
      tracing: () => threshold >= logLevels.indexOf("trace"),
      with: (fields) => make({ ...bound, ...fields }),
    };
  };
  return {
    ...make({}),
    setLevel: (to) => {
      threshold = logLevels.indexOf(to);
    },
    level: () => logLevels[threshold] ?? "info",
  };
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

function pairs(fields: LogFields): string {
  let out = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = tame(String(value));
    out += ` ${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return out;
}
