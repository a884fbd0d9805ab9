/** `telesetd log follow`: the log of the running daemon, and in one line each the messages of both wires. */
import { request } from "node:http";
import { type FollowedEntry, followPath } from "../http/admin/followers.ts";
import { escaped } from "../log/log.ts";
import type { LevelState } from "../log/level.ts";
import type { WireMessage } from "../page/source.ts";
import { shortTime } from "../platform/local-time.ts";
import { messageOf } from "../platform/text.ts";
import { askDaemon, type Place, socketFor } from "./ask.ts";
import type { Io } from "./io.ts";
import { eventText, messageText } from "./rehearsal/transcript.ts";

/** Options of the command. */
export interface FollowOptions extends Place {
  readonly json?: boolean;
  /** Print times in UTC. */
  readonly utc?: boolean;
  /** Print whole messages. */
  readonly wire?: boolean;
}

/** Prints entries until Ctrl-C, or until the daemon ends the connection (exit code 1). */
export async function followLog(options: FollowOptions, io: Io): Promise<number> {
  const state = await askDaemon<LevelState>(options, "GET", "/log", io);
  if (typeof state === "number") return state;
  const why = await entries(socketFor(options), (line) => {
    const text = options.json ? line : entryText(JSON.parse(line) as FollowedEntry, options);
    if (text !== undefined) io.out(`${text}\n`);
  });
  io.err(`${why}\n`);
  return 1;
}

/** Passes each line to `take` until the connection ends. @returns why it ended. */
export function entries(
  socketPath: string,
  take: (line: string) => void,
  { path = followPath, signal }: { readonly path?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, agent: false, ...(signal ? { signal } : {}) }, (response) => {
      let rest = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        const lines = (rest + part).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") take(line);
      });
      response.on(
        "end",
        () => resolve(response.statusCode === 200 ? connectionEnded : (JSON.parse(rest) as { error: string }).error),
      );
      // The daemon was killed.
      response.on("error", () => resolve(connectionEnded));
    });
    asked.on("error", (error) => resolve(`The connection to telesetd at ${socketPath} was lost: ${messageOf(error)}`));
    asked.end();
  });
}

/** Why a connection to the daemon has ended, as far as can be seen. */
export const connectionEnded =
  "telesetd has ended the connection: it was stopped, or this command was too slow, or has run for an hour.";

/** What to print of an entry; undefined: nothing. */
export function entryText(entry: FollowedEntry, { wire, utc }: Pick<FollowOptions, "wire" | "utc">): string | undefined {
  const text = wire ? wholeText(entry) : shortText(entry);
  const time = utc ? entry.at : `${shortTime(new Date(entry.at))}${entry.at.slice("2026-11-27T10:31:05".length, -1)}`;
  return text && `${time}  ${text}`;
}

/** All of it; line ends stay. */
function wholeText({ text, fields }: Pick<FollowedEntry, "text" | "fields">): string {
  const parts = Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) => {
    const lines = String(value).trimEnd().split(/\r?\n/).map(escaped);
    return lines.length === 1 ? `\n    ${name}: ${lines[0]}` : `\n    ${name}:${lines.map((line) => `\n      ${line}`).join("")}`;
  });
  return `${escaped(text)}${parts.join("")}`;
}

/** A message of a wire in one line. */
interface ShortMessage {
  readonly wire: "switch" | "crm";
  readonly to: "telesetd" | "peer";
  readonly text: string;
  /** The name of the switch. */
  readonly peer?: string;
}

/** The messages, by the text of their entry. */
const messages: Readonly<Record<string, (fields: FollowedEntry["fields"]) => ShortMessage | undefined>> = {
  "from the switch": ({ event }) => message("switch", "telesetd", eventOf(event)),
  // Replies of the switch to commands are omitted.
  "to the switch": ({ frame }) => /^(?:filter|api uuid_dump)/.test(String(frame)) ? undefined : message("switch", "peer", frame),
  "from drachtio-server": ({ frame }) =>
    message("switch", "telesetd", /^(?:[A-Z]+ \S+ SIP\/2\.0|SIP\/2\.0 .*)/m.exec(String(frame))?.[0], "SIP"),
  "to drachtio-server": ({ frame }) => message("switch", "peer", frame, "SIP"),
  "Callout received": ({ request }) => message("crm", "telesetd", request),
  "Callout answered": ({ body, status }) => message("crm", "peer", body === "" ? `status ${status}` : body),
  "Event posted": ({ body }) => message("crm", "peer", body),
  "Event answered": ({ status, trouble }) => message("crm", "telesetd", `status ${status ?? `none: ${trouble}`}`),
};

function message(wire: "switch" | "crm", to: "telesetd" | "peer", value: unknown, peer?: string): ShortMessage | undefined {
  const [first = ""] = String(value ?? "").trim().split(/\r?\n/);
  return first === ""
    ? undefined
    : { wire, to, text: escaped(first.slice(0, maxLength)), ...(peer === undefined ? {} : { peer }) };
}

/** The message of a wire that an entry contains, in one line and whole; undefined if it contains none. */
export function wireMessage(entry: Pick<FollowedEntry, "text" | "fields" | "level">): WireMessage | undefined {
  const found = messages[entry.text]?.(entry.fields);
  return found && { wire: found.wire, to: found.to, short: found.text, whole: wholeText(entry) };
}

/** One line. Debug entries, and replies of the switch to commands, are omitted. */
function shortText({ level, text, fields }: FollowedEntry): string | undefined {
  const read = messages[text];
  if (!read) return level === "debug" || level === "trace" ? undefined : `${escaped(text)}${pairs(fields)}`;
  const found = read(fields);
  return found && messageText(found, found.peer);
}

const maxLength = 500;

function eventOf(json: unknown): string | undefined {
  try {
    return eventText(String(json));
  } catch {
    return undefined;
  }
}

function pairs(fields: FollowedEntry["fields"]): string {
  return Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name}=${escaped(String(value))}`).join("");
}
