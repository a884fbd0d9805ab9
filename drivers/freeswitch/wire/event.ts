/** Reads an event of the switch from its JSON. Pure. */

/** The headers of one event; a repeated header is a list. The body, if any, is `_body`. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** One event, read or not read yet: `text` and `header` return its headers. */
export type Frame = Headers | ChannelEvent;

/**
 * An event of a channel as it has arrived, in which each header is searched when it is needed: of some 200 headers 30 are. A
 * full parse takes three times as long, and nearly all garbage of the process would come from it.
 */
export class ChannelEvent {
  readonly #json: Buffer;
  #parsed: Headers | undefined;

  constructor(json: Buffer) {
    this.#json = json;
  }

  /**
   * A header. Quotes within names and values are escaped, so that a name between quotes and a colon is a whole name, unless a
   * backslash precedes it.
   * @throws UnreadableEvent if the value can only be read with a parse, and the event is not valid JSON.
   */
  header(name: string): string | readonly string[] | undefined {
    if (this.#parsed) return this.#parsed[name];
    const json = this.#json;
    const key = keyOf(name);
    const at = json.indexOf(key);
    if (at < 0) return undefined;
    const start = at + key.length + 1;
    const end = json[start - 1] === quote && json[at - 1] !== backslash ? json.indexOf(quote, start) : -1;
    const value = end < 0 ? undefined : json.toString("utf8", start, end);
    // A list, a part of another name, or a value with escapes.
    return value === undefined || value.includes("\\") ? this.#parse()[name] : value;
  }

  #parse(): Headers {
    this.#parsed = readHeaders(this.#json.toString());
    if (!this.#parsed) throw new UnreadableEvent();
    return this.#parsed;
  }
}

/** An event of a channel turns out to be invalid JSON. */
export class UnreadableEvent extends Error {}

const quote = 0x22;
const backslash = 0x5c;
const keys = new Map<string, Buffer>();

/** The name of a header as the switch writes it, with the colon. The names are those that our code and configuration contain. */
function keyOf(name: string): Buffer {
  const known = keys.get(name);
  if (known) return known;
  const key = Buffer.from(`${JSON.stringify(name)}:`);
  keys.set(name, key);
  return key;
}

/** An event; undefined if it is invalid. Only events of channels that begin and end as the switch writes them stay unread. */
export function readFrame(json: Buffer): Frame | undefined {
  const start = json.toString("latin1", 0, maxStart);
  const isWhole = json.at(-1) === 0x7d && [quote, 0x5d].includes(json.at(-2) ?? 0);
  return isWhole && channelStarts.some((begin) => start.startsWith(begin))
    ? new ChannelEvent(json)
    : readHeaders(json.toString());
}

const channelStarts = ['{"Event-Name":"CHANNEL_', '{"Event-Name":"CALL_UPDATE"'];
const maxStart = 30;

/** Reads a JSON event; undefined if it is invalid. Numbers and booleans become text; other values are omitted. */
export function readHeaders(text: string): Headers | undefined {
  const raw = readJson(text);
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  if (isAllText(raw)) return Object.setPrototypeOf(raw, null);
  const frame: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === "string") frame[name] = value;
    else if (Array.isArray(value)) frame[name] = value.filter(isPlain).map(String);
    else if (isPlain(value)) frame[name] = String(value);
  }
  return frame;
}

/**
 * The value of a JSON text; undefined if it is invalid. Older FreeSWITCH does not escape control characters in JSON, which strict
 * parsers refuse: they are accepted if the rest is well formed.
 */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    try {
      return JSON.parse(withoutRawControls(text));
    } catch {
      return undefined;
    }
  }
}

/** Escapes each control character inside a string; outside of strings they are white space. */
function withoutRawControls(text: string): string {
  // deno-lint-ignore no-control-regex -- the pattern looks for control characters
  return text.replace(/"(?:[^"\\]|\\[^])*"|[\u0000-\u001f]+/g, (part) =>
    part.startsWith('"')
      // deno-lint-ignore no-control-regex -- see above
      ? part.replace(/[\u0000-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
      : " ");
}

/** A header; a list if it is repeated, undefined if it is missing. */
export function header(frame: Frame, name: string): string | readonly string[] | undefined {
  return frame instanceof ChannelEvent ? frame.header(name) : frame[name];
}

/** A header's text; empty when it is missing; the last one when it is repeated. */
export function text(frame: Frame, name: string): string {
  const value = header(frame, name);
  return typeof value === "string" ? value : value?.at(-1) ?? "";
}

/** Whether the object can be used without a copy, as nearly always. Without the JIT a copy costs three times the parsing. */
function isAllText(raw: object): raw is Headers {
  for (const value of Object.values(raw)) if (typeof value !== "string") return false;
  return true;
}

/** Anything else is not text: `String` throws at `{"toString":0}`, and at lists that are nested too deeply. */
function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
