/** `telesetd log` */
import { type LevelState, readDuration, readLevel } from "../log/level.ts";
import { shortTime } from "../platform/local-time.ts";
import { askDaemon } from "./ask.ts";
import { followLog, type FollowOptions } from "./follow.ts";
import type { Io } from "./io.ts";

/** Options of the command. */
export type LogOptions = FollowOptions;

/** Shows or changes the log level of the running daemon, or follows its log. Exit code 2 for an invalid level or duration. */
export async function logCommand(
  level: string | undefined,
  duration: string | undefined,
  options: LogOptions,
  io: Io,
): Promise<number> {
  if (level === "follow" && duration === undefined) return await followLog(options, io);
  const path = pathFor(level, duration);
  if (typeof path !== "string") {
    io.err(`${path.wrong}\n`);
    return 2;
  }
  const state = await askDaemon<LevelState>(options, level === undefined ? "GET" : "POST", path, io);
  if (typeof state === "number") return state;
  io.out(
    options.json
      ? `${JSON.stringify(state, null, 2)}\n`
      : `${levelText(state, options.utc)}\n${level === undefined ? "" : watch}`,
  );
  return 0;
}

function pathFor(level: string | undefined, duration: string | undefined): string | { readonly wrong: string } {
  if (level === undefined) return "/log";
  const seconds = duration === undefined ? undefined : readDuration(duration);
  const wanted = readLevel(level, undefined);
  if (typeof wanted === "string") return { wrong: wanted };
  if (typeof seconds === "string") return { wrong: seconds };
  return `/log?level=${wanted.level}${seconds === undefined ? "" : `&seconds=${seconds}`}`;
}

/** Where the log is. */
const watch = "Read it with: journalctl -u telesetd -f, or telesetd log follow\n";

/** The state as a sentence. */
function levelText({ level, configured, until, seconds }: LevelState, utc: boolean | undefined): string {
  if (until !== undefined) {
    return `The log level is ${level} until ${
      utc ? until : shortTime(new Date(until))
    } (for ${seconds} s), then ${configured} as configured.`;
  }
  if (level === configured) return `The log level is ${level}, as configured.`;
  return `The log level is ${level} until telesetd restarts (then ${configured}): telesetd log ${configured} resets it.`;
}
