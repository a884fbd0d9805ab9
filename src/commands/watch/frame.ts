/** What `telesetd watch` shows on a terminal: the lines of a screen, from the state. Pure. */
import { count } from "../../core/count.ts";
import { reasonsText } from "../../history/calls.ts";
import { shortTime } from "../../platform/local-time.ts";
import { oneLine } from "../../platform/text.ts";
import { boxParts, deskParts, type Part, type PartState, worst } from "../../status/health.ts";
import type { WatchedState } from "../../status/watch.ts";
import { outcomeText, partyText, sentText } from "../calls.ts";

/** A line: pieces of text with their colours. */
export type Line = readonly Piece[];
type Piece = readonly [text: string, colour?: Colour];
type Colour = "good" | "warning" | "failed" | "quiet" | "strong";

/** What is shown besides the state. */
export interface FrameOptions {
  readonly width: number;
  readonly height: number;
  /** The wall clock in ms. */
  readonly now: number;
  /** Why there is no connection; undefined while there is one. */
  readonly lost?: string | undefined;
}

const signs: Readonly<Record<PartState, string>> = { good: "✓", warning: "!", failed: "✕", idle: "–" };
const colours: Readonly<Record<PartState, Colour>> = { good: "good", warning: "warning", failed: "failed", idle: "quiet" };
const headlines: Readonly<Record<PartState, string>> = {
  good: "Everything works",
  idle: "Everything works",
  warning: "Something needs attention",
  failed: "Something does not work",
};

/** The lines of the screen, at most `height`, each at most `width` wide. */
export function frame(state: WatchedState, options: FrameOptions): readonly Line[] {
  const { width, height, now, lost } = options;
  const lines: readonly Line[] = [head(state, options), ...body(state, now)];
  const [first = [], ...rest] = lines;
  const shown: readonly Line[] = lost === undefined
    ? lines
    : [first, [[""]], ...wrapped(lost, width).map((text): Line => [[text, "failed"]]), ...rest];
  const fitting: readonly Line[] = shown.length <= height ? shown : [
    ...shown.slice(0, Math.max(0, height - 1)),
    [[`${count(shown.length - height + 1, "more line")}: enlarge the window`, "quiet"] as const],
  ];
  return fitting.map((line) => cut(line, width));
}

function head({ status }: WatchedState, { now, lost }: FrameOptions): Line {
  const parts = [...status.desks.flatMap((desk) => deskParts(desk, status, now)), ...boxParts(status)];
  const state = lost === undefined ? worst(parts) : "failed";
  const text = lost === undefined ? headlines[state] : "Not connected";
  return [
    [`telesetd ${status.version}  `, "strong"],
    [`${signs[state]} ${text}`, colours[state]],
    [`  ${shortTime(new Date(now))}  q quits`, "quiet"],
  ];
}

function body({ status, calls, ended }: WatchedState, now: number): Line[] {
  return [
    title("Calls now"),
    ...(calls.length === 0 ? [[["  none", "quiet"]] as Line] : calls.map((call): Line => [
      [`  ${safe(call.who).padEnd(16)} `, "strong"],
      [call.state.padEnd(9), call.state === "answered" ? "good" : "warning"],
      [` ${since(call.since, now).padStart(7)}  `],
      [
        `${call.kind} call at desk ${call.desk}; ${
          call.sent.length === 0 ? "nothing sent yet" : `sent: ${call.sent.join(", ")}`
        }`,
        "quiet",
      ],
    ])),
    ...desks(status, now),
    title("Box"),
    ...boxParts(status).flatMap(partLines),
    title("Last calls"),
    ...(ended.length === 0 ? [[["  none", "quiet"]] as Line] : ended.flatMap((call): Line[] => [
      [
        [`  ${shortTime(new Date(call.began), new Date(now))}  `, "quiet"],
        [`${safe(partyText(call)).padEnd(16)} `],
        [`${outcomeText(call)}; `],
        [safe(sentText(call)), "quiet"],
      ],
      ...(call.reason ? [[[`            ${safe(reasonsText(call) ?? "")}`, "warning"]] as Line] : []),
    ])),
  ];
}

/** One desk with all its parts; of several the parts that are not well. */
function desks(status: WatchedState["status"], now: number): Line[] {
  const all = status.desks.map((desk) => ({ extension: desk.extension, parts: deskParts(desk, status, now) }));
  if (all.length === 1) return all.flatMap(({ extension, parts }) => [title(`Desk ${extension}`), ...parts.flatMap(partLines)]);
  const isBad = ({ state }: Part): boolean => state === "failed" || state === "warning";
  const bad = all.filter(({ parts }) => parts.some(isBad));
  const well = all.length - bad.length;
  return [
    ...bad.flatMap(({ extension, parts }) => [title(`Desk ${extension}`), ...parts.filter(isBad).flatMap(partLines)]),
    ...(well > 0
      ? [
        [[""]] as Line,
        [[`${signs.good} ${count(well, bad.length > 0 ? "other desk" : "desk")}: everything works`, "good"]] as Line,
      ]
      : []),
  ];
}

function title(text: string): Line {
  return [[text, "strong"]];
}

function partLines({ name, state, message, details = [], advice }: Part): Line[] {
  return [
    [
      [`  ${signs[state]} `, colours[state]],
      [name.padEnd(8)],
      [safe(message), state === "failed" || state === "warning" ? colours[state] : undefined] as Piece,
    ],
    ...details.map((detail): Line => [[`            ${safe(detail)}`, "quiet"]]),
    ...(advice === undefined ? [] : [[[`            > ${safe(advice)}`]] as Line]),
  ];
}

/** Names come from strangers: they must not control the terminal. */
function safe(text: string): string {
  return oneLine(text);
}

/** `1:02:05` */
function since(at: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The beginning of a line that is too wide, by the columns that its characters take. */
function cut(line: Line, width: number): Line {
  let left = width;
  return line.map(([text, colour]): Piece => {
    let shown = "";
    for (const { segment } of Bun.stringWidth(text) <= left ? [{ segment: text }] : characters.segment(text)) {
      left -= Bun.stringWidth(segment);
      if (left < 0) break;
      shown += segment;
    }
    return colour === undefined ? [shown] : [shown, colour];
  });
}

const characters = new Intl.Segmenter();
